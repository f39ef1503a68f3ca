"""An explanation as a sentence, as sums in plain text and as a table for notebooks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from penchant.words import all_of, counted

if TYPE_CHECKING:
    from penchant.explanation import Explanation

__all__ = ["html_table", "sentence", "sums"]

_NAMED = 3  # ratings in a sentence
_SHOWN = 10  # ratings in sums and tables
_LEAST = 0.005  # stars that two decimals show
_WIDTH = 52  # of names in plain text

_REST = {
    "prior": "what was believed of anybody",
    "features": "what is known besides ratings",
    "beyond": "what training found beyond these ratings",
}
_POSITIVE, _NEGATIVE = "#0072b2", "#d55e00"  # told apart by the colour-blind, too (Okabe, Ito)


def sentence(explanation: Explanation) -> str:
    """For people: the strongest of their own ratings.

    Args:
        explanation: of a prediction.
    """
    ratings = explanation.ratings
    if ratings is None:
        return "Which of your ratings moved this is not known: the model was kept without them"
    if not ratings and not explanation.n_others:
        return "You have rated nothing yet, so this is what is expected of anybody"
    about = "" if explanation.is_exact else "about "
    told = [one for one in ratings[:_NAMED] if abs(one.total) >= _LEAST]
    if not told:
        return f"None of your ratings moved this by as much as {_LEAST:g} stars"
    named = [f"{one.rating:g} to {one.name} ({about}{_signed(one.total)})" for one in told]
    return f"Because you gave {all_of(named)}"


def sums(explanation: Explanation) -> str:
    """The parts below each other, as in a ledger.

    Args:
        explanation: of a prediction.
    """
    one, lines = explanation, [_heading(explanation)]
    lines += [_line(f"  {name}", value, sign=at > 0) for at, (name, value) in enumerate(_four(one))]
    ending = f"  ({one.predicted:.2f} on the scale)" if one.is_clipped else ""
    lines.append(_line("  = prediction", one.prediction, sign=False) + ending)
    about = "" if one.is_exact else "about "
    lines.append(_line(f"of user bias and taste, {about}", one.user_bias + one.taste, sign=True))
    lines += [_line(f"  {name}", value, sign=True) for name, value in _details(one)]
    return "\n".join(lines)


def html_table(explanation: Explanation) -> str:
    """The parts as a table with bars, in the colours of the notebook.

    Args:
        explanation: of a prediction.
    """
    one = explanation
    details = _details(one)
    most = max([abs(value) for _, value in (*_four(one)[1:], *details)], default=0) or 1
    rows = [_html_row(name, value, most if at else 0) for at, (name, value) in enumerate(_four(one))]
    ending = f" ({one.predicted:.2f} on the scale)" if one.is_clipped else ""
    rows.append(
        f"<tr><th scope='row' style='text-align:left'>prediction</th><th style='text-align:right'>"
        f"{one.prediction:.2f}</th><td style='text-align:left'>{ending}</td></tr>"
    )
    about = "" if one.is_exact else ", about"
    rows.append(f"<tr><td colspan='3' style='text-align:left'><i>user bias and taste, made of{about}</i></td></tr>")
    rows += [_html_row(name, value, most) for name, value in details]
    return f"<table><caption>{escape(_heading(one))}</caption><tbody>{''.join(rows)}</tbody></table>"


def _heading(one: Explanation) -> str:
    whom = "somebody new" if one.user_id is None else f"user {one.user_id}"
    return f"{one.name} for {whom}: {one.predicted:.2f} stars"


def _four(one: Explanation) -> list[tuple[str, float]]:
    return [
        ("mean of all ratings" if one.is_exact else "where the model starts", one.mean),
        ("item bias", one.item_bias),
        ("user bias", one.user_bias),
        ("taste", one.taste),
    ]


def _details(one: Explanation) -> list[tuple[str, float]]:
    """The strongest ratings, the others together, and the rest where it is not nothing."""
    ratings = one.ratings or ()
    shown = ratings[:_SHOWN]
    details = [(f"{each.rating:g} to {each.name}", each.total) for each in shown]
    n_others = one.n_others + len(ratings) - len(shown)
    if n_others:
        others = one.others.total + sum(each.total for each in ratings[_SHOWN:])
        details.append((counted(n_others, "other rating"), others))
    names = _REST if one.user_id is not None else {**_REST, "beyond": "what the approximation leaves over"}
    rest = [(names[kind], effect.total) for kind, effect in one.rest() if kind != "others"]
    return details + [(name, value) for name, value in rest if abs(value) >= _LEAST]


def _line(name: str, value: float, *, sign: bool) -> str:
    short = name if len(name) <= _WIDTH else f"{name[: _WIDTH - 3]}..."
    return f"{short:<{_WIDTH}}{_signed(value) if sign else f'{value:.2f}':>7}"


def _html_row(name: str, value: float, most: float) -> str:
    """One part; with a bar to the right or to the left of the middle, as long as its share of the longest."""
    bar = ""
    if most:
        length = 50 * abs(value) / most
        side = f"margin-left:{50 if value >= 0 else 50 - length:.1f}%;width:{length:.1f}%"
        colour = _POSITIVE if value >= 0 else _NEGATIVE
        bar = f"<div style='width:12em'><div style='{side};height:0.8em;background:{colour}'></div></div>"
    told = _signed(value) if most else f"{value:.2f}"
    return (
        f"<tr><td style='text-align:left'>{escape(name)}</td><td style='text-align:right'>{told}</td>"
        f"<td>{bar}</td></tr>"
    )


def _signed(value: float) -> str:
    told = f"{value:+.2f}"
    return "+0.00" if told == "-0.00" else told
