"""How numbers and lists are put into words."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["a_model", "all_of", "counted"]


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
