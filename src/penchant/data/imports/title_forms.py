"""Title normalisation: "Matrix, The (1999)", "The Matrix" with the year 1999 and "MATRIX, THE" are one title."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

__all__ = ["Title", "normalised", "parse_title"]

_ARTICLES = (
    "the|a|an|der|die|das|den|dem|ein|eine|le|la|les|l'|un|une|des|il|lo|i|gli|el|los|las|det|de|het|o|os|as|um|uma"
)
_MOVED = re.compile(rf"^(?P<rest>.*\S)\s*,\s*(?P<article>{_ARTICLES})$", flags=re.IGNORECASE | re.DOTALL)
_AT_END = re.compile(r"^(?P<before>.*?)\s*[(\[](?P<inside>[^()\[\]]*)[)\]]\s*$", flags=re.DOTALL)
_YEAR = re.compile(r"^(?P<year>(?:18[89]|19\d|20\d)\d)(?:\s*[-–/]\s*(?:\d{4}|[IVX]+)?)?$")  # also (1995-2002), (1997/I)
_MARK = re.compile(r"^(?:[ivx]+|tv|tv series|video|v)?$", flags=re.IGNORECASE)  # no titles: (II), (TV)
_ALSO = re.compile(r"^(?:a\.?k\.?a\.?|aka)\s+", flags=re.IGNORECASE)
_SET_OFF = re.compile(r"([¹²³¼-¾⅐-⅞])")  # 8½ is 8 1/2, and Alien³ is Alien 3
_APOSTROPHES = re.compile("['’‘`´ʼ]")
_LETTERS = str.maketrans({"ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ı": "i"})


@dataclass(frozen=True)
class Title:
    """A title taken apart.

    Attributes:
        name: the title itself, normalised.
        others: those that stood behind it in parentheses, normalised.
        year: the one that stood there, or that is known otherwise; None where none is.
    """

    name: str
    others: tuple[str, ...] = ()
    year: int | None = None


def parse_title(text: str, year: int | None = None) -> Title:
    """A title taken apart: its name, other names behind it in parentheses, its year.

    Args:
        text: as it is written.
        year: where it is known beside the title; it counts more than one in the title. None (default) where it is not.

    >>> parse_title("Scream of Stone (Schrei aus Stein) (1991)")
    Title(name='scream of stone', others=('schrei aus stein',), year=1991)
    >>> parse_title("Matrix, The (1999)") == parse_title("The Matrix", 1999)
    True
    """
    name, others, found = text.strip(), [], year
    while (end := _AT_END.match(name)) and end["before"].strip():
        inside = end["inside"].strip()
        dated = _YEAR.match(inside)
        if dated:
            found = int(dated["year"]) if found is None else found
        elif not _MARK.match(inside):
            others.append(normalised(_ALSO.sub("", inside)))
        name = end["before"].strip()
    return Title(normalised(name), tuple(reversed(others)), found)


def normalised(name: str) -> str:
    """A name without what differs from place to place: case, accents, punctuation, and an article moved to the end.

    Args:
        name: without a year.

    >>> normalised("Cité des enfants perdus, La"), normalised("Tom & Jerry"), normalised("8½")
    ('la cite des enfants perdus', 'tom and jerry', '8 1 2')
    """
    name = unicodedata.normalize("NFC", name).strip()
    moved = _MOVED.match(name)
    if moved:
        gap = "" if moved["article"].endswith("'") else " "
        name = f"{moved['article']}{gap}{moved['rest']}"
    text = _SET_OFF.sub(r" \1", name).casefold().translate(_LETTERS)
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()
    text = _APOSTROPHES.sub("", text.replace("&", " and "))
    words = re.sub(r"[\W_]+", " ", text).strip()
    return words or " ".join(name.casefold().split())  # "???" has no word in it
