"""Range of a sigmoid over ratings (`y_range`): its ends, checked, or widened from the rating scale."""

from __future__ import annotations

from penchant.checks import is_real, require

__all__ = ["require_y_range", "widened"]


def require_y_range(y_range: object) -> None:
    """Refuse what is not the two ends of a sigmoid.

    Args:
        y_range: what was given; None is none.

    Raises:
        ParameterError: it is not.
    """
    fits = y_range is None or (
        isinstance(y_range, tuple | list)
        and len(y_range) == 2
        and all(is_real(end) and abs(end) < 1e9 for end in y_range)
        and y_range[0] < y_range[1]
    )
    require(fits, "y_range", y_range, "(lo, hi) with the lower end first, such as (0.5, 5.5), or None")


def widened(rating_scale: tuple[float, float]) -> tuple[float, float]:
    """A range whose sigmoid reaches both ends of the scale: an eighth of its width more at either.

    Args:
        rating_scale: (lo, hi).

    >>> widened((1, 5))
    (0.5, 5.5)
    """
    lo, hi = rating_scale
    more = (hi - lo) / 8 or 0.5  # all ratings alike: any width will do
    return lo - more, hi + more
