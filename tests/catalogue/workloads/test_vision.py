"""Networks for images: shapes, starts, augmentation, counts by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from lab.workloads import build, images, train
from optbench.catalogue.workloads import vision
from optbench.catalogue.workloads.entries import WORKLOADS


def test_mlp_has_the_textbooks_shape_and_scaling():
    data = images(shape=(28, 28))
    workload = vision.mlp(data)
    shapes = [tuple(p.shape) for p in workload.model().parameters()]
    assert shapes == [(200, 784), (200,), (10, 200), (10,)]
    assert (workload.batch_size, workload.epochs, workload.eval_every) == (64, 5, 30)
    expected = (data.train[0].double() / 255 - 0.5) / 0.5
    torch.testing.assert_close(workload.train[0].double(), expected.flatten(1), rtol=1e-6, atol=1e-6)
    assert vision.mlp(data, hidden=[]).model()(workload.train[0]).shape == (40, 10)


def test_cnn_keeps_odd_sizes():
    workload = vision.cnn(images(shape=(9, 7)), channels=[4, 8])
    assert workload.model()(workload.train[0]).shape == (40, 10)


def test_accuracy_counts_by_hand():
    class Logits(nn.Module):
        def forward(self, x):
            return x

    logits = torch.tensor([[2.0, 1.0], [0.0, 3.0], [5.0, 4.0], [1.0, 0.0]])
    assert float(vision.accuracy(Logits(), (logits, torch.tensor([0, 1, 1, 0])))) == 0.75


def test_resnet_trains_on_bytes_and_augments_from_its_generator_alone():
    data = images(n=8, shape=(3, 32, 32))
    workload = vision.resnet18(data)
    assert workload.train[0].dtype == torch.uint8
    assert workload.augment is not None
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, second = (workload.augment(workload.train, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first[0], second[0])
    assert first[0].shape == data.train[0].shape
    assert first[0].dtype == torch.uint8
    model = workload.model()
    assert sum(p.numel() for p in model.parameters()) == 11_173_962  # the CIFAR ResNet-18 with a 3x3 stem
    loss = workload.loss(model, first)
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_vit_starts_at_the_loss_of_a_guess_and_trains():
    data = images(n=8, shape=(3, 32, 32))
    workload = vision.vit(data)
    torch.manual_seed(0)
    model = workload.model()
    # By hand: patches 4*4*3*192 + 192; class token 192; 65 positions of 192; in each of 6 blocks two norms
    # of 2*192, attention 4*192^2 + 4*192, the network 2*192*384 + 384 + 192; a norm; the output layer.
    block = 2 * 2 * 192 + 4 * 192**2 + 4 * 192 + 2 * 192 * 384 + 384 + 192
    count = (48 * 192 + 192) + 192 + 65 * 192 + 6 * block + 2 * 192 + (192 * 10 + 10)
    assert sum(p.numel() for p in model.parameters()) == count
    assert float(workload.loss(model, workload.train).detach()) == pytest.approx(np.log(10))
    losses, _ = train(workload, lambda p: torch.optim.Adam(p, lr=1e-3), 5)
    assert losses[-1] < losses[0]


def test_normalisation_uses_the_training_channels():
    data = images(n=30, shape=(3, 5, 4))
    x = data.train[0].double()
    mean, deviation = vision._channel_moments(data.train[0])
    torch.testing.assert_close(mean.double(), x.mean(dim=(0, 2, 3)), rtol=1e-6, atol=0)
    torch.testing.assert_close(deviation.double(), x.std(dim=(0, 2, 3), correction=0), rtol=1e-6, atol=0)
    out = vision.Normalise(mean, deviation)(data.train[0])
    torch.testing.assert_close(out.mean(dim=(0, 2, 3)), torch.zeros(3), rtol=0, atol=1e-5)


def test_flip_and_crop_gives_windows_of_the_padded_image_and_its_mirror():
    original = torch.arange(1, 1 + 2 * 3 * 4 * 5, dtype=torch.int32).view(2, 3, 4, 5)
    padded = torch.zeros(2, 3, 6, 7, dtype=torch.int32)
    padded[:, :, 1:-1, 1:-1] = original
    generator = torch.Generator().manual_seed(0)
    seen = set()
    for _ in range(300):
        out = vision.flip_and_crop(original, 1, generator)
        for which in range(2):
            matches = [
                (row, column, flipped)
                for row in range(3)
                for column in range(3)
                for flipped in (False, True)
                for window in [padded[which, :, row : row + 4, column : column + 5]]
                if torch.equal(out[which], window.flip(2) if flipped else window)
            ]
            assert len(matches) == 1
            seen.add((which, *matches[0]))
    assert len(seen) == 2 * 3 * 3 * 2


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("mnist_mlp", (28, 28)),
        ("fashion_mnist_mlp", (28, 28)),
        ("kmnist_mlp", (28, 28)),
        ("cifar10_resnet18", (3, 32, 32)),
        ("cifar100_resnet18", (3, 32, 32)),
        ("cifar10_vit", (3, 32, 32)),
        ("cifar100_vit", (3, 32, 32)),
    ],
)
def test_downloaded_workloads_build_from_arrays_of_their_shape(name, shape):
    workload = build(WORKLOADS[name], images(n=12, shape=shape))
    assert workload.target is not None
    assert workload.validation is not None
    assert workload.test is not None
