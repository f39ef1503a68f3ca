"""The neural model (a small network over two embeddings), and what it answers."""

from __future__ import annotations

from penchant.models.embedding_nn.embedding_nn import NORM_EPS, EmbeddingNN, Layer, fold

__all__ = ["NORM_EPS", "EmbeddingNN", "Layer", "fold"]
