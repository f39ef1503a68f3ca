"""Feature encoder as JSON of a model file, and back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from penchant.data.feature_encoder import FeatureColumn, FeatureEncoder
from penchant.errors import FormatError

if TYPE_CHECKING:
    from penchant.storage.strict_json import JSON

__all__ = ["features_from_json", "features_to_json"]


def features_to_json(encoder: FeatureEncoder) -> JSON:
    """One object a column: its name and kind, and its levels or its mean and deviation."""
    found: list[JSON] = []
    for column in encoder.columns:
        told: dict[str, JSON] = {"name": column.name, "kind": column.kind}
        if column.kind == "number":
            told |= {"mean": column.mean, "deviation": column.deviation}
        else:
            told["levels"] = list(column.levels)
        found.append(told)
    return found


def features_from_json(value: JSON, what: str) -> FeatureEncoder:
    """Rebuild what `features_to_json` wrote.

    Raises:
        FormatError: it is something else.
    """
    if not isinstance(value, list) or not value:
        raise FormatError(f"{what} are no list of columns")
    columns = [_column(told, what) for told in value]
    if len({column.name for column in columns}) < len(columns):
        raise FormatError(f"{what} name a column twice")
    return FeatureEncoder(columns)


def _column(told: JSON, what: str) -> FeatureColumn:
    if not isinstance(told, dict) or not isinstance(told.get("name"), str):
        raise FormatError(f"{what}: a column is no object with a name")
    name, kind = str(told["name"]), told.get("kind")
    if kind == "number":
        mean, deviation = _number(told, "mean", what), _number(told, "deviation", what)
        if deviation <= 0:
            raise FormatError(f"{what}: the deviation of {name!r} is not above zero")
        return FeatureColumn(name, kind, (), mean, deviation)
    if kind not in ("text", "tags"):
        raise FormatError(f"{what}: {name!r} is of kind {kind!r}, not number, text or tags")
    levels = told.get("levels")
    if not isinstance(levels, list) or not levels or not all(isinstance(level, str) for level in levels):
        raise FormatError(f"{what}: the levels of {name!r} are no list of texts")
    if len(set(map(str, levels))) < len(levels):
        raise FormatError(f"{what}: {name!r} has a level twice")
    return FeatureColumn(name, str(kind), tuple(map(str, levels)))


def _number(told: dict[str, JSON], name: str, what: str) -> float:
    value = told.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise FormatError(f"{what}: {name} is {value!r}, not a finite number")
    return float(value)
