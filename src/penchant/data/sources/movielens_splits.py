"""Published splits of MovieLens-100k, as rules about the rows of u.data.

    u1 ... u5   the test part of u{k} is rows (k-1) * 20,000 to k * 20,000
    ua, ub      the test part is the 1st to 10th (ua), 11th to 20th (ub) row of each user

These are the rules of the scripts mku.sh and allbut.pl that come with the data.
"""

from __future__ import annotations

import zlib

import numpy as np

from penchant.arrays.types import BoolArray, Int32Array
from penchant.data.ratings import Ratings
from penchant.errors import DataError, ParameterError

__all__ = ["SPLITS", "held_out", "mask_of"]

SPLITS = ("u1", "u2", "u3", "u4", "u5", "ua", "ub")
_N_ROWS = 100_000
# CRC-32 of the user ids of u.data in the order of the file, as little-endian int32: tells that order from all others.
_ORDER = 3_601_440_155


def held_out(ratings: Ratings, name: str) -> BoolArray:
    """The rows of the test part of the split `name`, shape (n,).

    Raises:
        ParameterError: another name.
        DataError: the ratings are not those of u.data in its order, for which the rule alone holds.
    """
    if name not in SPLITS:
        raise ParameterError(f"no MovieLens split {name!r}: use one of {', '.join(SPLITS)}")
    advice = 'take penchant.load_dataset("ml-100k") as it comes, with movie ids as the ids'
    n = len(ratings)
    if n != _N_ROWS:
        raise DataError(f"split {name} is of the {_N_ROWS:,} ratings of MovieLens-100k, not of {n:,}: {advice}")
    user_ids = ratings.users.ids[ratings.user_idx]
    if not ratings.users.is_integer or zlib.crc32(user_ids.astype("<i4").tobytes()) != _ORDER:
        raise DataError(f"the split {name} is defined by the order of rows in u.data, and these are not: {advice}")
    return mask_of(ratings.user_idx, name)


def mask_of(user_idx: Int32Array, name: str) -> BoolArray:
    """The same for the users of any rows that are in the order of u.data."""
    row = np.arange(len(user_idx))
    if name in ("ua", "ub"):
        order = np.argsort(user_idx, kind="stable")
        counts = np.bincount(user_idx)
        nth = np.empty(len(user_idx), dtype=np.int64)  # of its user, from 0
        nth[order] = row - np.repeat(np.cumsum(counts) - counts, counts)
        first = 0 if name == "ua" else 10
        mask: BoolArray = (nth >= first) & (nth < first + 10)
        return mask
    fifth = len(user_idx) // 5
    k = int(name[1])
    inside: BoolArray = (row >= (k - 1) * fifth) & (row < k * fifth)
    return inside
