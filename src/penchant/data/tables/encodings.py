"""Text encodings: which characters the bytes of a file stand for."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from penchant.errors import DataError, ParameterError
from penchant.text import Setting

__all__ = ["TextEncoding"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class TextEncoding:
    """An encoding, and whether it was named by the caller, told by the file's first bytes, or is only likely.

    Attributes:
        name: Python's name of the codec.
        certain: named by the caller or told by a byte order mark; else Latin-1 is tried where it fails.
        mark: bytes of the byte order mark at the start, where it has to be skipped.
    """

    name: str
    certain: bool
    mark: int = 0

    @classmethod
    def of(cls, head: bytes, named: str | None) -> TextEncoding:
        """The encoding of a file that starts with `head`: as named, or by its byte order mark, else UTF-8.

        Raises:
            ParameterError: Python knows no encoding of that name.
        """
        mark, marked = next(((mark, name) for mark, name in _MARKS if head.startswith(mark)), (b"", None))
        name = (marked or "utf-8") if named is None else _known(named)
        name = "utf-8" if name == "utf-8-sig" else name
        return cls(name, named is not None or marked is not None, len(mark) if marked == name == "utf-8" else 0)

    @property
    def is_utf8(self) -> bool:
        return self.name in ("utf-8", "ascii")

    @property
    def is_wide(self) -> bool:
        """Whether a character takes two bytes or more, so that a byte 10 need not end a line."""
        return self.name.startswith(("utf-16", "utf-32"))

    def decode(self, data: bytes, label: str, *, whole: bool = True) -> str:
        """Text of some bytes; a character that is cut at the end is left out unless they are the `whole`.

        Raises:
            DataError: they are not text in this encoding.
        """
        try:
            return codecs.getincrementaldecoder(self.name)().decode(data, final=whole)
        except UnicodeDecodeError as error:
            near = bytes(error.object[max(0, error.start - 20) : error.end + 20])
            raise DataError(
                f"{label} is not text in {self.name}: byte 0x{error.object[error.start]:02x} in {near!r}; "
                "name its encoding with ",
                Setting("encoding", text=""),
                ", for example ",
                Setting("encoding", "latin-1"),
            ) from error
        except UnicodeError as error:  # a codec that does not say where
            raise DataError(f"{label} is not text in {self.name}: {error}; name its encoding with ", _ASK) from error


_ASK = Setting("encoding", text="")


def _known(named: object) -> str:
    """Python's name of an encoding of text: other codecs, such as base64 and zlib, give no text.

    Raises:
        ParameterError: it knows none of that name.
    """
    try:
        found = codecs.lookup(named)  # type: ignore[arg-type]  # whatever is no text is refused
        if isinstance(b"a".decode(found.name, "replace"), str):
            return found.name
    except (LookupError, ValueError, TypeError):
        pass
    raise ParameterError(Setting("encoding", named), " is unknown; 'utf-8' and 'latin-1' are usual")
