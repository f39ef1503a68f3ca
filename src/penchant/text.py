"""How numbers, lists and arguments are put into words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Argument", "Call", "Setting", "Words", "a_model", "all_of", "counted", "either"]


def counted(count: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "row"), counted(1682, "item")
    ('1 row', '1,682 items')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def all_of(names: Sequence[str]) -> str:
    """A list as it is spoken.

    >>> all_of(["als"]), all_of(["als", "adam"]), all_of(["bayes", "als", "adam"])
    ('als', 'als and adam', 'bayes, als and adam')
    """
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def a_model(kind: str) -> str:
    """A kind of model with its article.

    >>> a_model("dot_bias"), a_model("embedding_nn")
    ('a dot_bias model', 'an embedding_nn model')
    """
    return f"{'an' if kind[:1] in 'aeiou' else 'a'} {kind} model"


@dataclass(frozen=True)
class Argument:
    """An argument that a message names.

    Attributes:
        name: as the library calls it.

    >>> str(Argument("n_factors"))
    'n_factors'
    """

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Setting(Argument):
    """An argument that a message names together with what to give, or with what was given.

    Attributes:
        name: as the library calls it.
        value: the value; `...` (default) where the message leaves it open.
        text: how Python's message writes the value; None (default) for its `repr`.

    >>> print(Setting("invalid", "drop"), Setting("by", "low", '"low"'), Setting("sep", text=""))
    invalid='drop' by="low" sep=
    """

    value: object = ...
    text: str | None = None

    def __str__(self) -> str:
        return f"{self.name}={self.value!r}" if self.text is None else f"{self.name}={self.text}"


@dataclass(frozen=True)
class Call(Argument):
    """A function that a message names, where a shell has an option.

    Attributes:
        name: the argument that the option stands for.
        function: what Python calls.

    >>> print(Call("choices_only", "penchant.read_choices"))
    penchant.read_choices
    """

    function: str

    def __str__(self) -> str:
        return self.function


Words: TypeAlias = tuple[str | Argument, ...]
"""A message, or a piece of one: its words, and among them the arguments that it names."""


def either(*choices: str | Argument) -> Words:
    """Choices with "or" between them.

    >>> [str(part) for part in either(Setting("user", "a"), Setting("user", "b"))]
    ["user='a'", ' or ', "user='b'"]
    """
    return tuple(part for choice in choices for part in (" or ", choice))[1:]
