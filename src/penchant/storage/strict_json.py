"""Strict JSON in both directions: what goes into a model file comes out the same, and nothing else is let in."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import partial
from typing import TypeAlias

import numpy as np

from penchant.errors import DataError, FormatError, UnsupportedError

__all__ = ["JSON", "MAX_DEPTH", "parse_json", "to_json", "write_json"]

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

MAX_DEPTH = 64  # arrays and objects inside one another


def parse_json(raw: bytes, what: str) -> JSON:
    """UTF-8 JSON with no key twice in an object, every number finite, nested at most `MAX_DEPTH` deep.

    Args:
        raw: the bytes.
        what: names them in messages.

    Raises:
        FormatError: they are anything else.

    >>> parse_json(b'{"n_factors": 10, "reg": 1.1}', "the solver")
    {'n_factors': 10, 'reg': 1.1}
    >>> parse_json(b'{"reg": NaN}', "the solver")
    Traceback (most recent call last):
    penchant.errors.FormatError: the solver holds a number that is not finite, NaN
    """
    number, unique = partial(_number, what), partial(_unique, what)
    try:
        text = raw.decode("utf-8")
        value: JSON = json.loads(text, parse_float=number, parse_constant=number, object_pairs_hook=unique)
    except FormatError:
        raise
    except RecursionError:
        raise FormatError(f"{what} is nested more than {MAX_DEPTH} deep") from None
    except ValueError as error:  # not UTF-8, not JSON, or an integer of thousands of digits
        raise FormatError(f"{what} is not JSON: {error}") from error
    if _deeper_than(value, MAX_DEPTH):
        raise FormatError(f"{what} is nested more than {MAX_DEPTH} deep")
    return value


def _number(what: str, text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise FormatError(f"{what} holds a number that is not finite, {text}")
    return value


def _unique(what: str, pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise FormatError(f"{what} has a key twice in one object")
    return content


def write_json(value: JSON) -> str:
    """The shortest ASCII text of a value; the keys of an object keep their order, floats all their digits."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def to_json(value: object, where: str) -> JSON:
    """A plain copy of a value that JSON can hold: tuples become lists, NumPy scalars Python ones.

    Args:
        value: None, bool, int, float, str, and lists, tuples and mappings of these.
        where: names the value in messages, such as "solver.reg".

    Raises:
        DataError: a number in it is not finite, or it is nested too deep.
        UnsupportedError: it holds a value of another type.

    >>> to_json({"lr": np.float64(0.5), "y_range": (0.5, 5.5)}, "solver")
    {'lr': 0.5, 'y_range': [0.5, 5.5]}
    """
    return _plain(value, where, MAX_DEPTH)


def _plain(value: object, where: str, depth: int) -> JSON:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise DataError(f"{where} is {value}: the file holds finite numbers only")
        return float(value)
    if depth == 0:
        raise DataError(f"{where} is nested more than {MAX_DEPTH} deep")
    if isinstance(value, Mapping):
        return {_key(key, where): _plain(part, f"{where}.{key}", depth - 1) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part, f"{where}[{at}]", depth - 1) for at, part in enumerate(value)]
    raise UnsupportedError(
        f"{where} is of type {type(value).__name__}: the file holds numbers, texts and lists of them"
    )


def _key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise UnsupportedError(f"{where} has the key {key!r}: the file holds keys of type str only")
    return key


def _deeper_than(value: JSON, limit: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    if limit == 0:
        return True
    inner = value.values() if isinstance(value, dict) else value
    return any(_deeper_than(part, limit - 1) for part in inner if isinstance(part, dict | list))
