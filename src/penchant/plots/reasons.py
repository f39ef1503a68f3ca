"""Plot of an explanation: why somebody is predicted to like something, or to choose it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from penchant.checks import is_whole, require
from penchant.plots.theme import blank, cut, looks, shortened, wrapped
from penchant.recommender.explanation import Effect, Explanation, RatingEffect
from penchant.recommender.reasons.choice_explanation import ChoiceExplanation, details
from penchant.recommender.reasons.ledger import signed
from penchant.recommender.reasons.list_explanation import ListExplanation
from penchant.text import counted

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["explanation"]

_NAME = 44  # characters of a part's name
_LEAST = 1e-6  # of a unit; less is what rounding leaves
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


class _Fall(NamedTuple):
    """A waterfall: where it starts, its steps, where it ends, and how all that is called.

    Attributes:
        title, about: above the figure.
        unit: of the axis.
        start, end: the values, and `start_name`, `end_name` what they are.
        steps: in the order in which they are shown.
        decimals: of numbers.
    """

    title: str
    about: str
    unit: str
    start: float
    start_name: str
    end: float
    end_name: str
    steps: list[_Step]
    decimals: int = 2


def explanation(why: Explanation | ChoiceExplanation, *, n: int = 10, theme: str = "light") -> go.Figure:
    """An explanation as a waterfall: from what holds for anybody, part by part, to what is said of the person.

    Of a predicted rating it starts at the mean of all ratings; the parts are the item's bias, the person's own
    ratings, the strongest first, and what else there is; they add up to the prediction. Where the ratings are not
    known, they are user bias and taste. Of the chance to be chosen it starts at the item's popularity, and the parts
    are the person's choices. An explanation by both is drawn as a rating, its two chances in words; `why.choice` draws
    the other half.

    Args:
        why: from `Recommender.explain`.
        n: how many ratings or choices to show one by one (default 10); the others are shown together.
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
    fits = isinstance(why, Explanation | ChoiceExplanation)
    require(fits, "why", why, "an explanation, from rec.explain(...)")
    require(is_whole(n, 0), "n", n, "a whole number of at least 0")
    fall = _of_choice(why, n) if isinstance(why, ChoiceExplanation) else _of_rating(why, n)
    colours = looks(theme)
    figure = blank(fall.title, fall.about, theme, height=180 + 26 * (len(fall.steps) + 2))
    reached = [fall.start]
    for step in fall.steps:
        reached.append(reached[-1] + step.effect)
    _add_bars(figure, fall, reached, theme)
    _add_threads(figure, reached, colours.soft)
    _add_ends(figure, fall, colours.ink)
    _axes(figure, fall, reached, colours.ink)
    return figure


def _of_rating(why: Explanation, n: int) -> _Fall:
    return _Fall(
        title=f"Why {why.predicted:.2f} for {cut(why.name, 60)}?",
        about=_about(why, n),
        unit="rating",
        start=why.mean,
        start_name="mean of all ratings" if why.is_exact else "where the model starts",
        end=why.prediction,
        end_name="prediction",
        steps=_steps(why, n),
    )


def _of_choice(why: ChoiceExplanation, n: int) -> _Fall:
    whom = "somebody new" if why.user_id is None else f"user {cut(why.user_id, 20)}"
    told = details(why, n, _LEAST)
    return _Fall(
        title=f"Why a chance of {why.chance:.1%} for {cut(why.name, 60)}?",
        about=f"chance that {whom} chooses it; parts add up to the score of choice, {why.score:.3f}",
        unit="score of choice",
        start=why.popularity,
        start_name="popularity",
        end=why.score,
        end_name="score",
        steps=[_Step(name, shortened(name, _NAME), effect) for name, effect in told],
        decimals=3,
    )


def _add_bars(figure: go.Figure, fall: _Fall, reached: list[float], theme: str) -> None:
    colours, digits = looks(theme), fall.decimals
    figure.add_bar(
        x=[step.effect for step in fall.steps],
        y=list(range(1, len(fall.steps) + 1)),
        base=reached[:-1],
        orientation="h",
        width=0.62,
        marker={"color": [colours.blue if step.effect >= 0 else colours.orange for step in fall.steps]},
        text=[_signed(step.effect, digits) for step in fall.steps],
        textposition="outside",
        textfont={"color": colours.ink},
        cliponaxis=False,
        customdata=[
            f"<b>{wrapped(step.whole)}</b><br>{_signed(step.effect, digits)}: "
            f"from {start:.{digits}f} to {end:.{digits}f}"
            for step, (start, end) in zip(fall.steps, pairwise(reached), strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _axes(figure: go.Figure, fall: _Fall, reached: list[float], colour: str) -> None:
    """The unit below, and the name of each part beside it."""
    lo, hi = min(reached), max(reached)
    room = 0.14 * max(hi - lo, 0.1**fall.decimals * 10)
    figure.update_xaxes(title_text=fall.unit, range=[lo - room, hi + room], tickformat=".2~f", zeroline=False)
    figure.update_yaxes(
        tickvals=list(range(len(fall.steps) + 2)),
        ticktext=[fall.start_name, *(step.name for step in fall.steps), f"<b>{fall.end_name}</b>"],
        range=[len(fall.steps) + 1.7, -0.7],
        tickfont_color=colour,
        showgrid=False,
        zeroline=False,
    )


def _about(why: Explanation, n: int) -> str:
    whom = "somebody new" if why.user_id is None else f"user {cut(why.user_id, 20)}"
    about = "parts" if why.is_exact else "approximate parts"
    given = "" if not why.ratings or not n else f"; “{why.ratings[0].rating:g} to …” is a rating of their own"
    clipped = f"; the scale ends at {why.predicted:g}" if why.is_clipped else ""
    chances = (
        f"; listed by {why.chance:.1%} to choose it x {why.liked:.0%} to like it"
        if isinstance(why, ListExplanation)
        else ""
    )
    return f"predicted for {whom}, in {about} that add up to {why.prediction:.2f}{clipped}{chances}{given}"


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


def _add_ends(figure: go.Figure, fall: _Fall, colour: str) -> None:
    figure.add_scatter(
        x=[fall.start, fall.end],
        y=[0, len(fall.steps) + 1],
        mode="markers+text",
        marker={"symbol": "diamond", "size": 11, "color": colour},
        text=[f"  {fall.start:.{fall.decimals}f}", f"  <b>{fall.end:.{fall.decimals}f}</b>"],
        textposition="middle right",
        hoverinfo="skip",
        cliponaxis=False,
    )


def _signed(effect: float, digits: int = 2) -> str:
    return signed(effect, digits).replace("-", "−")
