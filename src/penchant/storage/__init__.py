"""The model file: `save` a `Snapshot` to one `.penchant` file, `load` it back, `inspect` what a file says of itself.

`snapshot` says what is in a file, `columns` and `ids` how vocabularies and attributes become arrays, `container` how
arrays and texts become bytes, `strict_json` and `atomic` what the others need of JSON and of the disk.
docs/format.md is the complete specification.
"""

from __future__ import annotations

from penchant.storage.snapshot import Snapshot, inspect, load, save

__all__ = ["Snapshot", "inspect", "load", "save"]
