"""Where nonlinearities are flat and where they are zero, as intervals of z."""

import math
from dataclasses import dataclass

Intervals = tuple[tuple[float, float], ...]
"""Closed intervals, an infinite end being open."""

_ZERO: Intervals = ((0.0, 0.0),)
_SIGMOID = math.log(39 + math.sqrt(39**2 - 1))  # 1 / (4 cosh²(z/2)) is 5 % of 1/4
_TANH = math.acosh(math.sqrt(20))  # 1 / cosh² z is 5 %
_EXP_OVERFLOWS = math.log(2.0**128)  # exp(−z) is infinite in float32, so 1 / (1 + exp(−z)) is 0


@dataclass(frozen=True)
class Nonlinearity:
    """One nonlinearity f, with PyTorch's default parameters."""

    flat: Intervals
    """Where |f′(z)| is below 5 % of its maximum (supremum), f′ at a kink as PyTorch takes it."""
    zero: Intervals
    """Where f(z) is exactly 0 when it is evaluated in float32."""


NONLINEARITIES = {
    "none": Nonlinearity((), _ZERO),
    "sigmoid": Nonlinearity(
        ((-math.inf, -_SIGMOID), (_SIGMOID, math.inf)), ((-math.inf, -_EXP_OVERFLOWS),)
    ),
    "tanh": Nonlinearity(((-math.inf, -_TANH), (_TANH, math.inf)), _ZERO),
    "relu": Nonlinearity(((-math.inf, 0.0),), ((-math.inf, 0.0),)),
    "relu6": Nonlinearity(((-math.inf, 0.0), (6.0, math.inf)), ((-math.inf, 0.0),)),
    "hardtanh": Nonlinearity(((-math.inf, -1.0), (1.0, math.inf)), _ZERO),
    # slope 0.01: 1 % of the maximum below 0
    "leaky_relu": Nonlinearity(((-math.inf, 0.0),), _ZERO),
    "elu": Nonlinearity(((-math.inf, math.log(0.05)),), _ZERO),
    # f′ is the sigmoid; below half the smallest denormal number, at −103.97, exp(z) underflows
    "softplus": Nonlinearity(((-math.inf, -math.log(19)),), ((-math.inf, -104.0),)),
    # f′ of the next two dips below 0 and comes back: roots of |f′(z)| = 0.05 · max f′, which is
    # 1.1289 (gelu, Φ(z) + zφ(z), at √2) and 1.0998 (silu, σ(z)(1 + z(1 − σ(z))), at 2.3994)
    "gelu": Nonlinearity(
        ((-math.inf, -2.27856069), (-0.90326132, -0.63345663)),
        # erf(z/√2) rounds to −1 from 2Φ(z) = 2⁻²⁵ on, at −5.54, in every library from −5.6 on
        ((-math.inf, -5.6), (0.0, 0.0)),
    ),
    "silu": Nonlinearity(
        ((-math.inf, -3.92989732), (-1.59507349, -1.05912016)),
        ((-math.inf, -_EXP_OVERFLOWS), (0.0, 0.0)),
    ),
}
"""By name. Any other, such as "unknown" or a leaky ReLU steeper than 5 %, has no such intervals:
what rests on them does not apply."""
