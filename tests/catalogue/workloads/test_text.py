"""The character transformer: it sees no later character, learns, and has the shape that it says."""

import math

import pytest
import torch
from torch.nn import functional

from optbench.catalogue.datasets.load import Data, load_data
from optbench.catalogue.datasets.prepare import prepare
from optbench.catalogue.workloads.text import CharacterTransformer, transformer
from optbench.core.specs import DatasetSpec


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    assert prepare(DatasetSpec("asv"), folder)["status"] == "ready"
    return load_data("asv", folder)


def short(n=100):
    codes = torch.arange(n, dtype=torch.uint8) % 7
    split = (codes, (codes + 1).long() % 7)
    return Data(train=split, validation=split, test=split, sha256="", n_classes=7)


def test_windows_follow_the_text_and_predict_the_next_character(data):
    workload = transformer(data, context=16, characters=160)
    codes, following = workload.train
    assert codes.shape == following.shape == (10, 16)
    assert torch.equal(codes.flatten(), data.train[0][:160])
    assert torch.equal(following.flatten()[:-1], codes.flatten()[1:].long())
    assert workload.validation is not None
    assert torch.equal(workload.validation[0].flatten(), data.validation[0][:16])  # 160 / 8, whole windows
    assert torch.equal(workload.test[0].flatten(), data.test[0][:16])


def test_a_later_character_changes_no_earlier_logit():
    torch.manual_seed(0)
    model = CharacterTransformer(symbols=11, context=8, width=12, depth=2, heads=3).double()
    for parameter in model.parameters():  # away from the tiny weights of the start
        torch.nn.init.normal_(parameter, std=0.5)
    codes = torch.randint(0, 11, (1, 8))
    logits = model(codes)
    for place in range(8):
        other = codes.clone()
        other[0, place] = (codes[0, place] + 1) % 11
        changed = (model(other) != logits).any(dim=-1)[0].tolist()
        assert changed == [False] * place + [True] * (8 - place)


def test_attention_is_the_formula():
    """Against torch's own attention, which this class does not use."""
    torch.manual_seed(1)
    block = CharacterTransformer(symbols=5, context=6, width=8, depth=1, heads=2).double().blocks[0]
    looked = torch.randn(3, 6, 24, dtype=torch.float64)
    query, key, value = (part.view(3, 6, 2, 4).transpose(1, 2) for part in looked.split(8, dim=-1))
    expected = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    torch.testing.assert_close(block._attend(looked), expected.transpose(1, 2).reshape(3, 6, 8))


def test_it_starts_near_a_guess_and_soon_knows_more_than_frequencies(data):
    """The unigram entropy is the least loss of a model that sees no context; see Shannon 1951."""
    workload = transformer(data)
    torch.manual_seed(0)
    model = workload.model()
    assert sum(p.numel() for p in model.parameters()) == 110_529
    counts = workload.validation[1].flatten().bincount(minlength=data.n_classes).double()
    share = counts[counts > 0] / counts.sum()
    unigram = -float((share * share.log()).sum())
    with torch.no_grad():
        start = float(workload.loss(model, workload.validation))
    assert start == pytest.approx(math.log(data.n_classes), abs=0.1)
    assert unigram < start
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for step in range(100):
        batch = tuple(x[16 * step % 1536 :][:16] for x in workload.train)
        optimizer.zero_grad()
        workload.loss(model, batch).backward()
        optimizer.step()
    with torch.no_grad():
        assert float(workload.loss(model, workload.validation)) < unigram - 0.2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"context": 1}, "context must be a whole number >= 2; got 1"),
        ({"depth": 0}, "depth must be a whole number >= 1; got 0"),
        ({"heads": 5}, "width must be a multiple of heads = 5; got 64"),
        ({"characters": 31}, "characters must be a whole number >= 32; got 31"),
    ],
)
def test_bad_settings_are_one_line_naming_the_key(settings, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        transformer(short(), **settings)


def test_images_are_no_text():
    split = (torch.zeros(4, 8, 8, dtype=torch.uint8), torch.zeros(4, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"^dataset must hold a text"):
        transformer(Data(train=split, validation=(), test=(), sha256="", n_classes=10))
