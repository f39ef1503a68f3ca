"""Faulty rows: what can be wrong with them, and how it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from penchant.arrays.types import BoolArray
from penchant.text import Words

__all__ = ["Fault", "faults_of"]


@dataclass(frozen=True)
class Fault:
    """Rows of a batch with one thing wrong.

    Attributes:
        reason: in words that go on after "the rating is ...".
        rows: a mask with at least one row, shape (rows of the batch,).
        hint: what to do about it, where that is not the same for every reason.
    """

    reason: str
    rows: BoolArray
    hint: Words = ()


def faults_of(masks: Mapping[str, BoolArray]) -> list[Fault]:
    """A fault for each reason whose mask has a row."""
    return [Fault(reason, mask) for reason, mask in masks.items() if mask.any()]
