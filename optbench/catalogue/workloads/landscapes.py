"""The analytic surfaces of the teaching workloads, written once for training and for drawing.

A function here is plain arithmetic on its coordinates, so the same line gives a float for a float, a grid
of heights for numpy arrays and a differentiable scalar for torch tensors. Every least value is 0, which
lets a page draw any of them on a logarithmic axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


Coordinate: TypeAlias = Any
"""A float, a numpy array or a torch tensor (neither is imported to say so)."""


@dataclass(frozen=True)
class Landscape:
    """A function of one or two coordinates with its textbook start.

    Attributes:
        function: `function(x)` or `function(x, y)`, elementwise over floats, numpy arrays or torch tensors.
        start: where a run starts, one number a coordinate.
        view: the window to draw, `(low, high)` a coordinate.
        minima: every local minimum, the best first; two equally good ones stand side by side.
        label: the name in the page.
        formula: the function in plain text.
    """

    function: Callable[..., Coordinate]
    start: tuple[float, ...]
    view: tuple[tuple[float, float], ...]
    minima: tuple[tuple[float, ...], ...]
    label: str
    formula: str


# Apart from the labels and windows below: a start decides numbers, they do not.
RAVINE_START = (-2.4, 0.2)
ROSENBROCK_START = (-1.2, 1.0)
SADDLE_START = (1.0, 0.001)
DOUBLE_WELL_START = (2.0,)
SLOPE_START = (40.0,)


def ravine(x: Coordinate, y: Coordinate) -> Coordinate:
    """Return `x^2/16 + 9 y^2`: curvatures 1/8 and 18, the textbook's narrow valley (condition 144)."""
    return x**2 / 16 + 9 * y**2


def rosenbrock(x: Coordinate, y: Coordinate) -> Coordinate:
    """Return `(1 - x)^2 + 100 (y - x^2)^2`, the curved valley of Rosenbrock (doi:10.1093/comjnl/3.3.175)."""
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def saddle(x: Coordinate, y: Coordinate) -> Coordinate:
    """Return `x^2/2 - y^2/2 + y^4/4 + 1/4`: a strict saddle at the origin between minima at (0, -1), (0, 1).

    The Hessian at the origin is diag(1, -1) and the value there 1/4. The line y = 0 is the saddle's stable
    manifold; from height y near it gradient descent leaves by a factor of only `1 + lr` a step.
    """
    return x**2 / 2 - y**2 / 2 + y**4 / 4 + 1 / 4


def double_well(x: Coordinate) -> Coordinate:
    """Return `(3x^4 + 4x^3 - 12x^2 + 32) / 12`, whose slope is `x (x - 1) (x + 2)`.

    A poor minimum at 1 (value 9/4, curvature 3), a barrier at 0 (value 8/3) and the good minimum at -2
    (value 0, curvature 6). From the start x = 2 (value 16/3, slope 8) plain gradient descent stays in the
    poor well at every lr up to 0.2; the heavy ball with momentum 0.9 crosses the barrier at every lr tried
    from 0.01 to 0.2. At lr 0.05 descent ends at 1 and the ball at -2 (the textbook's claim A4).
    """
    return (3 * x**4 + 4 * x**3 - 12 * x**2 + 32) / 12


def slope(x: Coordinate) -> Coordinate:
    """Return `|x|`: the gradient is 1 all the way down from x > 0, whatever the distance to the minimum.

    Under it the heavy ball's speed is `lr (1 - b^t) / (1 - b)` after t steps (the textbook's claim A2).
    """
    return abs(x)


LANDSCAPES: Mapping[str, Landscape] = MappingProxyType(
    {
        "ravine": Landscape(
            function=ravine,
            start=RAVINE_START,
            view=((-2.5, 2.5), (-0.5, 0.5)),
            minima=((0.0, 0.0),),
            label="Ravine",
            formula="x²/16 + 9y²",
        ),
        "rosenbrock": Landscape(
            function=rosenbrock,
            start=ROSENBROCK_START,
            view=((-2.0, 2.0), (-1.0, 3.0)),
            minima=((1.0, 1.0),),
            label="Rosenbrock's valley",
            formula="(1 − x)² + 100(y − x²)²",
        ),
        "saddle": Landscape(
            function=saddle,
            start=SADDLE_START,
            view=((-1.25, 1.25), (-1.5, 1.5)),
            minima=((0.0, 1.0), (0.0, -1.0)),
            label="Saddle",
            formula="x²/2 − y²/2 + y⁴/4 + 1/4",
        ),
        "double_well": Landscape(
            function=double_well,
            start=DOUBLE_WELL_START,
            view=((-3.25, 2.25),),
            minima=((-2.0,), (1.0,)),
            label="Double well",
            formula="(3x⁴ + 4x³ − 12x² + 32)/12",
        ),
        "slope": Landscape(
            function=slope,
            start=SLOPE_START,
            view=((-5.0, 42.0),),
            minima=((0.0,),),
            label="Constant slope",
            formula="|x|",
        ),
    }
)
"""The surfaces by the name that `Workload.landscape` holds."""
