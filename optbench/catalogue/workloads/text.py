"""Text, character by character: a small causal transformer that predicts the next one."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from optbench.catalogue.workloads.workload import Workload

if TYPE_CHECKING:
    from optbench.catalogue.datasets.load import Data
    from optbench.catalogue.workloads.workload import Batch

HELD_OUT = 8
"""The training characters taken are this many times the validation characters, and the test characters."""

INITIAL_DEVIATION = 0.02
"""Standard deviation of every weight matrix at the start (Radford et al. 2019, section 2.3)."""


def transformer(
    data: Data,
    context: int = 32,
    width: int = 64,
    depth: int = 2,
    heads: int = 4,
    characters: int = 49_152,
) -> Workload:
    """Return a causal transformer over characters, cross-entropy in nats a character; batch 16, 400 steps.

    An example is a window of `context` characters; windows do not overlap, and each of its places predicts
    the character that follows. The default has 110,529 parameters on 65 symbols and is made for a CPU core.
    For a GPU, say, `context: 256, width: 384, depth: 6, heads: 6, characters: 800000` and another budget.

    Args:
        data: x codes of characters (characters,), in the order of the text; y the code that follows each.
        context: characters of a window (>= 2).
        width: of the residual stream (>= 1), a multiple of `heads`.
        depth: blocks (>= 1).
        heads: of every attention (>= 1).
        characters: of the training split that are used, from its beginning (>= `context`); of the validation
            and the test split an eighth as many, at least a window.

    Raises:
        ValueError: an argument is out of its range, or the data is no text.
    """
    sizes = {"context": context, "width": width, "depth": depth, "heads": heads, "characters": characters}
    for key, value in sizes.items():
        least = 2 if key == "context" else context if key == "characters" else 1
        if not isinstance(value, int) or value < least:
            raise ValueError(f"{key} must be a whole number >= {least}; got {value!r}")
    if width % heads:
        raise ValueError(f"width must be a multiple of heads = {heads}; got {width!r}")
    if data.train[0].ndim != 1 or data.train[0].dtype != torch.uint8:
        raise ValueError("dataset must hold a text, one code a character")

    def windows(split: tuple[Tensor, ...], most: int) -> Batch:
        if not split:
            return ()
        count = min(len(split[0]), max(most, context)) // context
        return tuple(tensor[: count * context].view(count, context).contiguous() for tensor in split)

    return Workload(
        model=lambda: CharacterTransformer(data.n_classes, context, width, depth, heads),
        loss=next_character_loss,
        train=windows(data.train, characters),
        validation=windows(data.validation, characters // HELD_OUT) or None,
        test=windows(data.test, characters // HELD_OUT) or None,
        batch_size=16,
        steps=400,
        eval_every=80,
        metrics={"accuracy": next_character_accuracy},
    )


class CharacterTransformer(nn.Module):
    """A decoder of pre-normalised blocks with learned positions (Vaswani et al. 2017, arXiv:1706.03762).

    Normalisation before each half of a block and the initialisation are GPT-2's (Radford et al. 2019):
    weights from N(0, 0.02^2), those that write to the residual stream 1/sqrt(2 depth) times as large, biases
    0. The output layer is one of its own, not the embedding again, so that every matrix has one role.

    Args:
        symbols: size of the alphabet.
        context: the longest window.
        width: of the residual stream.
        depth: blocks.
        heads: of every attention.
    """

    def __init__(self, symbols: int, context: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.symbols = nn.Embedding(symbols, width)
        self.places = nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(TransformerBlock(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, symbols)
        for name, parameter in self.named_parameters():
            if parameter.ndim > 1:
                writes = name.endswith(("mix.weight", "down.weight"))
                nn.init.normal_(parameter, std=INITIAL_DEVIATION / (sqrt(2 * depth) if writes else 1.0))
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, codes: Tensor) -> Tensor:
        """Return the logits of the character after each place, shape (windows, places, symbols).

        Args:
            codes: shape (windows, places), any whole-number type; at most `context` places.
        """
        here = torch.arange(codes.shape[1], device=codes.device)
        stream = self.symbols(codes.long()) + self.places(here)
        logits: Tensor = self.out(self.norm(self.blocks(stream)))
        return logits


class TransformerBlock(nn.Module):
    """Causal attention, then a two-layer network of four times the width, each added to the stream.

    Args:
        width: of the residual stream.
        heads: into which it is split.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width)
        self.look = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.norm_network = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, stream: Tensor) -> Tensor:
        """Return the stream after the block, of its shape (windows, places, width)."""
        stream = stream + self.mix(self._attend(self.look(self.norm_attention(stream))))
        network: Tensor = self.down(functional.gelu(self.up(self.norm_network(stream))))
        return stream + network

    def _attend(self, looked: Tensor) -> Tensor:
        # Written out: torch's fused kernels have no deterministic backward pass on every device, and a
        # cell must be the same numbers twice.
        windows, places, _ = looked.shape
        query, key, value = looked.view(windows, places, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-2, -1) / sqrt(query.shape[-1])
        later = torch.ones(places, places, dtype=torch.bool, device=looked.device).triu(1)
        weights = scores.masked_fill(later, float("-inf")).softmax(dim=-1)
        seen: Tensor = weights @ value
        return seen.transpose(1, 2).reshape(windows, places, -1)


def next_character_loss(model: nn.Module, batch: Batch) -> Tensor:
    """Return the mean cross-entropy of the next character over all places, in nats."""
    codes, following = batch
    return functional.cross_entropy(model(codes).flatten(0, 1), following.flatten())


def next_character_accuracy(model: nn.Module, batch: Batch) -> Tensor:
    """Return the share of places whose likeliest next character is the one that follows."""
    codes, following = batch
    return (model(codes).argmax(dim=-1) == following).float().mean()  # type: ignore[no-any-return]
