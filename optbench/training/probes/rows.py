"""Parameters and gradients of consecutive steps as rows, and the products between neighbours.

Rows of a small model are gathered in float64 and multiplied together, since there the number of calls is what
costs. Those of a large one are multiplied as they come and stay in the parameters' own type: entries of D_t
carry the rounding of that type anyway, and memory traffic is what costs. Either way sums over steps are made
in float64, and nothing leaves the device before the end.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from optbench.training.torch_private import copier

if TYPE_CHECKING:
    from collections.abc import Sequence

BUFFER_ENTRIES = 2**15
"""Entries of a buffer of rows (a quarter of a megabyte in float64)."""

MOST_BUFFERED = 32

SIGN_ROWS = 16

LARGE = 2**13
"""Parameters above which a model is large."""

FLIP_COORDINATES = 2048
"""Coordinates whose sign is followed, at most; they are evenly spaced."""

UPDATE_DOT, UPDATE_SQUARE, GRADIENT_DOT, GRADIENT_SQUARE, SLOPE_BEFORE, SLOPE_AFTER = range(6)


class FlatRows:
    """Copies tensors shaped like the parameters into rows.

    Args:
        parameters: the trained parameters, in the model's order.
        rows: how many rows (>= 1).
        dtype: of the rows.
    """

    def __init__(self, parameters: Sequence[Tensor], rows: int, dtype: torch.dtype) -> None:
        shapes = [_real(p) for p in parameters]
        sizes = [p.numel() for p in shapes]
        self.rows = torch.zeros(rows, sum(sizes), dtype=dtype, device=parameters[0].device)
        self.row = self.rows.unbind()
        self._plain = not any(p.is_complex() for p in parameters)
        parts = self.rows.split(sizes, dim=1)
        views = [part.view(rows, *p.shape).unbind() for part, p in zip(parts, shapes, strict=True)]
        self._copy = copier()
        self._views: list[tuple[Tensor, ...]] = list(zip(*views, strict=True))

    def fill(self, row: int, tensors: Sequence[Tensor | None]) -> None:
        """Copy `tensors` into a row; None is a gradient that does not exist, hence zero."""
        views = self._views[row]
        try:
            if self._plain:
                self._copy(views, tensors)
                return
        except (TypeError, RuntimeError):
            pass  # a gradient is missing or sparse: found by trying, since looking costs more than copying
        self._copy(
            views,
            [torch.zeros_like(v) if t is None else _real(t) for v, t in zip(views, tensors, strict=True)],
        )


def _real(tensor: Tensor) -> Tensor:
    dense = tensor.detach() if tensor.layout == torch.strided else tensor.detach().to_dense()
    return torch.view_as_real(dense) if dense.is_complex() else dense


def entries(parameters: Sequence[Tensor]) -> int:
    """Return how many real numbers the parameters hold."""
    return sum(p.numel() * (1 + p.is_complex()) for p in parameters)


def row_type(parameters: Sequence[Tensor]) -> torch.dtype:
    """Return the type of rows: float64, but the parameters' own (float32 at least) for a large model."""
    if entries(parameters) <= LARGE:
        return torch.float64
    widest = max((_real(p).dtype for p in parameters), key=lambda dtype: dtype.itemsize)
    return torch.promote_types(widest, torch.float32)


class Products(NamedTuple):
    """What `finish` returns of n recorded steps.

    Attributes:
        table: shape (6, n), float64: D_t.D_(t-1), |D_t|^2, g_t.g_(t-1), |g_t|^2, g_t.D_t and g_t.D_(t-1),
            where D_t is the update of step t and g_t the gradient that it was made from; 0 where step t-1 is
            not recorded, and in the last two unless slopes are asked for.
        turns: shape (2, n), float64: followed coordinates that turned back since step t-1, and those that
            moved in both.
    """

    table: Tensor
    turns: Tensor


class Rows:
    """Products of the updates and gradients of the steps that are recorded.

    Call `start` before the first of consecutive steps, `gradient` and `step` in each, `finish` at the end.

    Args:
        parameters: the trained parameters.
        slopes: whether gradients and updates are multiplied with each other too.

    Attributes:
        spacing: of the coordinates whose sign is followed: 0, spacing, 2 spacing, ...
        flips: how many these are.
    """

    def __init__(self, parameters: Sequence[Tensor], *, slopes: bool) -> None:
        self._parameters = list(parameters)
        size = entries(parameters)
        self._large = size > LARGE
        self._capacity = 1 if self._large else min(BUFFER_ENTRIES // size, MOST_BUFFERED)
        dtype = row_type(parameters)
        self._weights = [FlatRows(parameters, self._capacity, dtype) for _ in range(2)]
        self._gradients = [FlatRows(parameters, self._capacity, dtype) for _ in range(2)]
        self._updates = [torch.zeros_like(flat.rows) for flat in self._weights]
        self._turn = 0
        self._filled = 0
        self._linked = False
        self.spacing = ceil(size / FLIP_COORDINATES)
        self.flips = ceil(size / self.spacing)
        self._products = range(6 if slopes else 4)
        self._found: list[list[Tensor]] = [[] for _ in self._products]
        self._signs: list[Tensor] = []
        self._nothing = torch.zeros(1, dtype=dtype, device=parameters[0].device)

    def start(self) -> None:
        """Note where the parameters are before the first of a run of consecutive steps."""
        self._flush()
        self._linked = False
        self._weights[1 - self._turn].fill(self._capacity - 1, self._parameters)

    def gradient(self) -> None:
        """Note the gradient of the step that is under way."""
        self._gradients[self._turn].fill(self._filled, [p.grad for p in self._parameters])

    def step(self) -> None:
        """Note where the parameters are after the step."""
        self._weights[self._turn].fill(self._filled, self._parameters)
        self._filled += 1
        if self._filled == self._capacity:
            self._flush()

    def finish(self) -> Products:
        """Return what was found of all steps that were noted."""
        self._flush()
        if not self._signs:
            empty = torch.zeros(6, 0, dtype=torch.float64)
            return Products(empty, empty[:2])
        products = [torch.cat(found).double() for found in self._found]
        table = torch.zeros(6, len(products[0]), dtype=torch.float64, device=products[0].device)
        table[: len(products)] = torch.stack(products)
        return Products(table, self._turns())

    def _turns(self) -> Tensor:
        turns = torch.zeros(2, sum(map(len, self._signs)), dtype=torch.float64, device=self._signs[0].device)
        first, before = 1, self._signs[0][:1]
        # A few rows at a time: the signs of a whole run are megabytes that would have to be mapped first.
        for start in range(0, len(self._signs), SIGN_ROWS):
            signs = torch.cat([before, *self._signs[start : start + SIGN_ROWS]])
            if start == 0:
                signs = signs[1:]
            same = signs[1:] * signs[:-1]
            end = first + len(same)
            turns[1, first:end] = same.count_nonzero(dim=1)
            turns[0, first:end] = (turns[1, first:end] - same.sum(dim=1)) / 2
            first, before = end, signs[-1:]
        return turns

    def _flush(self) -> None:
        if not self._filled:
            return
        if self._large:
            self._multiply_one()
        else:
            self._multiply_rows()
        self._turn, self._filled, self._linked = 1 - self._turn, 0, True

    def _multiply_one(self) -> None:
        """The products of one row with itself and with its neighbour in the other buffer."""
        turn, other = self._turn, 1 - self._turn
        d, g = self._updates[turn][0], self._gradients[turn].row[0]
        torch.sub(self._weights[turn].row[0], self._weights[other].row[0], out=d)
        before = self._updates[other][0], self._gradients[other].row[0]
        for product, (x, y) in zip(self._products, _factors((d, g), before), strict=False):
            known = self._linked or product in WITHIN_STEP
            self._found[product].append(torch.dot(x, y).view(1) if known else self._nothing)
        self._signs.append(d[None, :: self.spacing].sign().to(torch.int8))

    def _multiply_rows(self) -> None:
        """The same for all rows of a buffer together."""
        turn, other, n, last = self._turn, 1 - self._turn, self._filled, self._capacity - 1
        w, g, d = self._weights[turn].rows, self._gradients[turn].rows, self._updates[turn]
        torch.sub(w[0], self._weights[other].row[last], out=d[0])
        torch.sub(w[1:n], w[: n - 1], out=d[1:n])
        # The neighbour of the first row is the last one of the other buffer.
        first = (self._updates[other][last:], self._gradients[other].rows[last:])
        pairs = _factors((d[:n], g[:n]), (d[: n - 1], g[: n - 1]))
        firsts = _factors((d[:1], g[:1]), first)
        for product, (x, y), (x0, y0) in zip(self._products, pairs, firsts, strict=False):
            if product not in WITHIN_STEP:
                self._found[product].append(torch.linalg.vecdot(x0, y0) if self._linked else self._nothing)
                x = x[1:]  # noqa: PLW2901
            self._found[product].append(torch.linalg.vecdot(x, y))
        self._signs.append(d[:n, :: self.spacing].sign().to(torch.int8))
        if n <= last:
            for rows in (w, g, d):
                rows[last].copy_(rows[n - 1])


WITHIN_STEP = frozenset({UPDATE_SQUARE, GRADIENT_SQUARE, SLOPE_BEFORE})
"""Products within one step; the others are with the step before."""


def _factors(step: tuple[Tensor, Tensor], before: tuple[Tensor, Tensor]) -> tuple[tuple[Tensor, Tensor], ...]:
    """The factors of the six products, from update and gradient of a step and of the step before."""
    d, g = step
    d_before, g_before = before
    return (d, d_before), (d, d), (g, g_before), (g, g), (g, d), (g, d_before)
