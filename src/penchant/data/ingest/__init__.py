"""From columns of any kind to row numbers: recognise, check, encode, merge duplicates, and say what was done.

The way in is `penchant.data.ingest.pipeline.ingest`. Each step has a module of its own: `recognise` (which column is
what), `measure` (ratings or choices), `scan` (one pass over the table), `values` and `id_codes` (one batch), `join`
(attributes), `duplicates` and `times`.
"""

from __future__ import annotations

from penchant.data.ingest.report import Report

__all__ = ["Report"]
