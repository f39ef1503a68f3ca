"""Plot of an explanation: why somebody is predicted to like something."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from penchant.checks import is_whole, require
from penchant.plots.theme import blank, cut, looks, shortened, wrapped
from penchant.recommender.explanation import Effect, Explanation, RatingEffect
from penchant.text import counted

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["explanation"]

_NAME = 44  # characters of a part's name
_LEAST = 1e-6  # rating units; less is what rounding leaves
_REST = {
    "prior": "what was believed of anybody",
    "features": "what is known besides ratings",
    "beyond": "what training found beyond these",
}


class _Step(NamedTuple):
    """One part: its name whole and cut, and by how much it moves the prediction."""

    whole: str
    name: str
    effect: float


def explanation(why: Explanation, *, n: int = 10, theme: str = "light") -> go.Figure:
    """A prediction as a waterfall: from the mean of all ratings, part by part, to what is predicted.

    The parts are the item's bias, the person's own ratings, the strongest first, and what else there is; they add up
    to the prediction. Where the ratings are not known, they are user bias and taste.

    Args:
        why: from `Recommender.explain`.
        n: how many ratings to show one by one (default 10); the others are shown together.
        theme: "light" (default) or "dark".

    Raises:
        UnsupportedError: plotly is not installed.
        ParameterError: `why` is no explanation, `n` is negative, or `theme` is another word.

    >>> import penchant as pt
    >>> from penchant import plots
    >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
    >>> why = rec.explain(rec.items[2], ratings={rec.items[0]: 5, rec.items[1]: 2})
    >>> figure = plots.explanation(why)
    >>> abs(why.mean + sum(figure.data[0].x) - why.prediction) < 1e-6
    True
    """
    require(isinstance(why, Explanation), "why", why, "an explanation, from rec.explain(...)")
    require(is_whole(n, 0), "n", n, "a whole number of at least 0")
    colours, steps = looks(theme), _steps(why, n)
    figure = blank(
        f"Why {why.predicted:.2f} for {cut(why.name, 60)}?",
        _about(why, n),
        theme,
        height=180 + 26 * (len(steps) + 2),
    )
    reached = [why.mean]
    for step in steps:
        reached.append(reached[-1] + step.effect)
    places = list(range(1, len(steps) + 1))
    figure.add_bar(
        x=[step.effect for step in steps],
        y=places,
        base=reached[:-1],
        orientation="h",
        width=0.62,
        marker={"color": [colours.blue if step.effect >= 0 else colours.orange for step in steps]},
        text=[_signed(step.effect) for step in steps],
        textposition="outside",
        textfont={"color": colours.ink},
        cliponaxis=False,
        customdata=[
            f"<b>{wrapped(step.whole)}</b><br>{_signed(step.effect)}: from {start:.2f} to {end:.2f}"
            for step, (start, end) in zip(steps, pairwise(reached), strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )
    _add_threads(figure, reached, colours.soft)
    _add_ends(figure, why, len(steps) + 1, colours.ink)
    _axes(figure, why, steps, reached, colours.ink)
    return figure


def _axes(figure: go.Figure, why: Explanation, steps: list[_Step], reached: list[float], colour: str) -> None:
    """Ratings below, and the name of each part beside it."""
    start = "mean of all ratings" if why.is_exact else "where the model starts"
    lo, hi = min(reached), max(reached)
    room = 0.14 * max(hi - lo, 0.1)
    figure.update_xaxes(title_text="rating", range=[lo - room, hi + room], tickformat=".2~f", zeroline=False)
    figure.update_yaxes(
        tickvals=list(range(len(steps) + 2)),
        ticktext=[start, *(step.name for step in steps), "<b>prediction</b>"],
        range=[len(steps) + 1.7, -0.7],
        tickfont_color=colour,
        showgrid=False,
        zeroline=False,
    )


def _about(why: Explanation, n: int) -> str:
    whom = "somebody new" if why.user_id is None else f"user {cut(why.user_id, 20)}"
    about = "parts" if why.is_exact else "approximate parts"
    given = "" if not why.ratings or not n else f"; “{why.ratings[0].rating:g} to …” is a rating of their own"
    clipped = f"; the scale ends at {why.predicted:g}" if why.is_clipped else ""
    return f"predicted for {whom}, in {about} that add up to {why.prediction:.2f}{clipped}{given}"


def _steps(why: Explanation, n: int) -> list[_Step]:
    """All parts after the mean, in the order in which they are shown."""
    steps = [_step("item bias", why.item_bias)]
    if why.ratings is None:
        return [*steps, _step("user bias", why.user_bias), _step("taste", why.taste)]
    for one in why.ratings[:n]:
        given = f"{one.rating:g} to "
        steps.append(_Step(given + one.name, given + shortened(one.name, _NAME - len(given)), _total(one)))
    rest = dict(why.rest())
    names = _REST if why.user_id is not None else {**_REST, "beyond": "what the approximation leaves over"}
    n_others = why.n_others + len(why.ratings[n:])
    if n_others:
        told = sum(_total(one) for one in why.ratings[n:]) + (_total(rest["others"]) if why.n_others else 0.0)
        steps.append(_step(counted(n_others, "other rating"), told))
    for kind, effect in rest.items():
        if kind != "others" and abs(_total(effect)) >= _LEAST:
            steps.append(_step(names[kind], _total(effect)))
    return steps


def _total(effect: Effect | RatingEffect) -> float:
    return effect.on_user_bias + effect.on_taste


def _step(name: str, effect: float) -> _Step:
    return _Step(name, name, effect)


def _add_threads(figure: go.Figure, reached: list[float], colour: str) -> None:
    """Thin lines from where one part ends to where the next one starts."""
    x: list[float | None] = []
    y: list[float | None] = []
    for place, value in enumerate(reached):
        x += [value, value, None]
        y += [place, place + 1, None]
    figure.add_scatter(x=x, y=y, mode="lines", line={"color": colour, "width": 1, "dash": "dot"}, hoverinfo="skip")


def _add_ends(figure: go.Figure, why: Explanation, last: int, colour: str) -> None:
    figure.add_scatter(
        x=[why.mean, why.prediction],
        y=[0, last],
        mode="markers+text",
        marker={"symbol": "diamond", "size": 11, "color": colour},
        text=[f"  {why.mean:.2f}", f"  <b>{why.prediction:.2f}</b>"],
        textposition="middle right",
        hoverinfo="skip",
        cliponaxis=False,
    )


def _signed(effect: float) -> str:
    told = f"{effect:+.2f}"
    return "+0.00" if told == "-0.00" else told.replace("-", "−")
