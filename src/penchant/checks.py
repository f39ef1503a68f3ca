"""What an argument may be: the checks that many functions share, each a clear `ParameterError`."""

from __future__ import annotations

import numbers

import numpy as np

from penchant.errors import ParameterError

__all__ = ["generator", "is_real", "is_whole", "require", "require_share"]


def require(condition: bool, name: str, value: object, wanted: str) -> None:
    """Refuse an argument that is out of its range.

    Args:
        condition: what must hold.
        name: the argument, as the caller wrote it.
        value: what was given.
        wanted: what to give instead, after the word "use".

    Raises:
        ParameterError: the condition does not hold.
    """
    if not condition:
        raise ParameterError(f"{name} is {value!r}: use {wanted}")


def is_whole(value: object, least: int | None = None) -> bool:
    """Whether a value is a whole number (Python's or NumPy's, not a bool), and at least `least` (default None)."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    return whole and (least is None or int(value) >= least)  # type: ignore[call-overload]


def is_real(value: object) -> bool:
    """Whether a value is a number that is not NaN (Python's or NumPy's, not a bool)."""
    return not isinstance(value, bool) and isinstance(value, numbers.Real) and value == value


def require_share(name: str, value: object) -> None:
    """Refuse what is no share of a whole: a number more than 0 and less than 1.

    Raises:
        ParameterError: it is not.
    """
    require(is_real(value) and 0 < value < 1, name, value, "a share between 0 and 1, such as 0.2")  # type: ignore[operator]


def generator(rng: object) -> np.random.Generator:
    """The generator of a seed, or the one that was given.

    Raises:
        ParameterError: `rng` is neither a whole number of at least 0 nor a generator.
    """
    if isinstance(rng, np.random.Generator):
        return rng
    require(is_whole(rng, 0), "rng", rng, "a whole number of at least 0, or a numpy Generator")
    return np.random.default_rng(rng)  # type: ignore[arg-type]
