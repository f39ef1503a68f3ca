"""From columns of any kind to row numbers: recognise, check, encode, merge duplicates, and say what was done.

The way in is `penchant.ingest.pipeline.ingest`; each step has a file of its own: `recognise` (which column is what),
`scan` (one pass over the table), `values` and `ids` (one batch), `join` (attributes), `duplicates`, `times`.
"""

from __future__ import annotations

from penchant.ingest.report import Report

__all__ = ["Report"]
