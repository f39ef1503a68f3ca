"""The kinds of models that a file can hold: one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penchant.models.dot_bias import DotBias
from penchant.models.embedding_nn import EmbeddingNN
from penchant.models.no_stars import NoStars

if TYPE_CHECKING:
    from penchant.models.model import Model

__all__ = ["KINDS"]

KINDS: dict[str, type[Model]] = {kind.kind: kind for kind in (DotBias, EmbeddingNN, NoStars)}
