"""The model file: `save` a `Snapshot` to one `.penchant` file, `load` it back, `inspect` what a file says of itself.

`snapshot` says what is kept, `model_file` what is where in a file, `kinds` which models there are, `columns` and
`id_json` how vocabularies and attributes become arrays, `container` how arrays and texts become bytes, `strict_json`
and `atomic` what the others need of JSON and of the disk, `item_export` what other programs get.
docs/format.md is the complete specification.
"""

from __future__ import annotations

from penchant.storage.model_file import inspect, load, save
from penchant.storage.snapshot import LearnedChoices, Snapshot

__all__ = ["LearnedChoices", "Snapshot", "inspect", "load", "save"]
