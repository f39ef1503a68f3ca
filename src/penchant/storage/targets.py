"""Names of files to write: the extension says what is in a file, so it decides the format, or is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from penchant.errors import ParameterError
from penchant.text import Argument

__all__ = ["MODEL_SUFFIX", "PARQUET", "require_path", "require_suffix"]

MODEL_SUFFIX = ".penchant"
PARQUET = (".parquet", ".pq")
_NAMES = (  # of extensions that say that a file is something: no output of another kind may bear one
    ".penchant .csv .tsv .txt .dat .data .tab .psv .json .jsonl .ndjson .parquet .pq .arrow .arrows .feather .ipc .orc "
    ".avro .xlsx .xls .ods .sqlite .db .sql .html .htm .png .svg .pdf .jpg .jpeg .npy .npz .pkl .pickle .pt .pth .h5 "
    ".safetensors .onnx .zip .tar .tgz .gz .bz2 .zst .zstd .lz4 .xz .7z .rar .py .ipynb .md .yaml .yml .toml"
)


def require_path(path: object) -> Path:
    """A path as such.

    Raises:
        ParameterError: it is none.
    """
    try:
        return Path(path)  # type: ignore[arg-type]  # whatever is none is refused
    except TypeError as error:
        raise ParameterError(Argument("path"), f" is {path!r}: use the path of a file, as text or as a Path") from error


def require_suffix(path: object, suffixes: Sequence[str], what: str, *, strict: bool = False) -> Path:
    """The path of a file to write, if its extension does not say that it is something else.

    Args:
        path: where to.
        suffixes: the extensions of what will be in the file, such as (".parquet", ".pq").
        what: what will be in it, as in "a recommender".
        strict: whether any other extension is refused, or none at all (default False: only that of another format is,
            so that nobody's table is replaced by a model).

    Raises:
        ParameterError: `path` is no path, or ends in another extension.

    >>> require_suffix("films.penchant", [".penchant"], "a recommender").name
    'films.penchant'
    """
    target = require_path(path)
    suffix = target.suffix.lower()
    if suffix in suffixes or not (strict or suffix in _NAMES.split()):
        return target
    ending = f"ends in {target.suffix}" if target.suffix else "has no extension"
    named = f"end the name in {' or '.join(suffixes)}"
    raise ParameterError(Argument("path"), f" is {str(path)!r}, which {ending}, and {what} is no such file: {named}")
