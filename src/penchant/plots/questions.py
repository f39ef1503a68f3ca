"""Plot of the two questions that a list answers: would somebody choose an item, and would they like it then?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from penchant.checks import is_whole, require
from penchant.errors import DataError
from penchant.plots.inputs import names_of, recommender
from penchant.plots.theme import blank, cut, looks, shortened, wrapped
from penchant.text import counted

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    import pandas as pd
    import plotly.graph_objects as go

    from penchant.data.lookup import Many
    from penchant.plots.theme import Theme
    from penchant.recommender.recommender import Recommender

__all__ = ["two_questions"]

_NAME = 30  # characters of a title
_SIZE = (720.0, 400.0)  # pixels of the plot, for keeping names apart
_LETTER, _LINE, _GAP = 6.4, 16.0, 9.0  # pixels of a letter at 12 pixels a letter, of a line, beside a dot
_MANY = 5_000  # points from which they are drawn by WebGL


def two_questions(
    rec: Recommender,
    user_id: Hashable = None,
    *,
    ratings: object = None,
    chosen: Many | None = None,
    n: int = 10,
    min_ratings: int = 0,
    theme: str = "light",
) -> go.Figure:
    """All items that somebody has not rated: how likely they are to choose each, and then to like it.

    To the right is what they would choose, high up what they would like. The best of a list "by both" are marked: the
    product of the two chances is highest. The dotted line joins all places with the product of the last of them. Left
    above it is what they would like and hardly choose, right below it what they would choose and hardly like.

    The numbers are those of `Recommender.recommend`.

    Args:
        rec: the recommender.
        user_id, ratings, chosen: who, as for `Recommender.recommend` (default None each).
        n: how many of the best to mark (default 10).
        min_ratings: leave out items with fewer training ratings (default 0).
        theme: "light" (default) or "dark".

    Raises:
        UnsupportedError: the recommender did not learn stars and choices, or was kept without its ratings; or plotly
            is not installed.
        DataError: there is no item that the person has not rated.
        UnknownIdError: no such user.
        ParameterError: nobody is meant, or two are; a value out of its range.

    >>> import penchant as pt
    >>> from penchant import plots
    >>> rec = pt.fit(pt.load_dataset("sample"), pt.ALS(), choices=pt.ChoiceALS(n_factors=8, reg=3.0, n_epochs=3))
    >>> figure = plots.two_questions(rec, rec.users[0], n=5)
    >>> sorted(trace.name for trace in figure.data)
    ['as good as the last of them', 'the 5 best by both', 'the other items']
    """
    colours = looks(theme)
    require(is_whole(n, 1), "n", n, "a whole number of at least 1")
    table = _answers(recommender(rec), user_id, ratings, chosen, min_ratings)
    if table.empty:
        raise DataError("there is no item left to draw: the person has rated all of them, or others too few")
    best, others = table.iloc[:n], table.iloc[n:]
    whom = "somebody new" if user_id is None else f"user {cut(user_id, 20)}"
    figure = blank(
        "Would you choose it? Would you like it?",
        f"{counted(len(table), 'item')} that {whom} has not rated; marked: the {len(best)} best by both",
        theme,
        height=600,
        legend=True,
    )
    _add_line(figure, table, float(best["score"].iloc[-1]), colours.soft)
    look = {"size": 6, "color": colours.blue, "opacity": 0.5}
    _add_items(figure, others, "the other items", look)
    look = {"size": 11, "color": colours.orange, "symbol": "diamond", "line": {"width": 1, "color": colours.ground}}
    _add_items(figure, best, f"the {len(best)} best by both", look)
    _name_axes(figure, table, rec, colours.soft)
    _write_names(figure, best, _ends(table), colours)
    return figure


def _answers(
    rec: Recommender, user_id: Hashable, ratings: object, chosen: Many | None, min_ratings: int
) -> pd.DataFrame:
    """The list by both of all items, with the columns choice and liked: the two chances whose product is score."""
    who: dict[str, Any] = {"user_id": user_id, "ratings": ratings, "chosen": chosen, "min_ratings": min_ratings}
    both, choice = (rec.recommend(n=max(rec.n_items, 1), by=by, **who) for by in ("both", "choice"))
    chance = choice.set_index("item_id")["score"].loc[both["item_id"]].to_numpy(np.float64)
    score = both["score"].to_numpy(np.float64)
    liked = np.divide(score, chance, out=np.zeros_like(score), where=chance > 0)
    return both.assign(choice=np.maximum(chance, 1e-30), liked=np.minimum(liked, 1.0))


def _add_items(figure: go.Figure, table: pd.DataFrame, name: str, look: dict[str, Any]) -> None:
    columns = [table[each].tolist() for each in ("choice", "liked", "score", "predicted", "rank")]
    details = [
        f"<b>{wrapped(title)}</b><br>chosen {_percent(choice)}, liked {_percent(liked)}, both {_percent(score)}"
        f"<br>predicted {predicted:.2f}; place {rank:,} of the list"
        for title, choice, liked, score, predicted, rank in zip(names_of(table), *columns, strict=True)
    ]
    add = figure.add_scattergl if len(table) > _MANY else figure.add_scatter
    add(
        x=table["choice"],
        y=table["liked"],
        name=name,
        mode="markers",
        marker=look,
        customdata=details,
        hovertemplate="%{customdata}<extra></extra>",
    )


def _add_line(figure: go.Figure, table: pd.DataFrame, product: float, colour: str) -> None:
    """All places where the two chances have this product."""
    low = max(product, float(table["choice"].min()))
    x = np.geomspace(low, max(float(table["choice"].max()) * 1.3, low * 1.001), 200)
    figure.add_scatter(
        x=x,
        y=np.minimum(product / x, 1.0),
        name="as good as the last of them",
        mode="lines",
        line={"color": colour, "dash": "dot", "width": 1.5},
        hoverinfo="skip",
    )


def _ends(table: pd.DataFrame) -> tuple[float, float]:
    """Logarithms of the ends of the axis of choice."""
    low, high = (float(np.log10(each)) for each in (table["choice"].min(), table["choice"].max()))
    span = max(high - low, 0.2)
    return low - 0.04 * span, high + 0.2 * span  # at the right there is room for names


def _name_axes(figure: go.Figure, table: pd.DataFrame, rec: Recommender, colour: str) -> None:
    low, high = _ends(table)
    steps = (1, 2, 5) if high - low < 2 else (1,)
    marks = [step * 10.0**power for power in range(-30, 1) for step in steps]
    kept = [mark for mark in marks if low <= np.log10(mark) <= high]
    choices: Any = rec.info()["choices"]
    above = choices["liked_above"]
    liked = "" if above is None else f" chance of a rating above {above:g}"
    figure.update_xaxes(
        title_text="would you choose it? chance to be among your next choices",
        type="log", range=[low, high], tickvals=kept, ticktext=[_percent(mark) for mark in kept], zeroline=False,
    )  # fmt: skip
    marks = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    figure.update_yaxes(
        title_text=f"would you like it?{liked}", range=[-0.09, 1.09], zeroline=False,
        tickvals=marks, ticktext=[_percent(mark) for mark in marks],
    )  # fmt: skip
    corners = (
        ("left", 0.01, "top", 0.99, "liked, hardly chosen"),
        ("right", 0.99, "bottom", 0.01, "chosen, hardly liked"),
    )
    for xanchor, x, yanchor, y, told in corners:
        figure.add_annotation(
            x=x, y=y, xref="paper", yref="paper", xanchor=xanchor, yanchor=yanchor, text=f"<i>{told}</i>",
            showarrow=False, font_color=colour,
        )  # fmt: skip


def _write_names(figure: go.Figure, best: pd.DataFrame, ends: tuple[float, float], colours: Theme) -> None:
    """Names beside the marks, the best first, each where none was written before and no mark is."""
    low, high = ends
    x = (np.log10(best["choice"].to_numpy(np.float64)) - low) / max(high - low, 1e-9) * _SIZE[0]
    y = best["liked"].to_numpy(np.float64) / 1.18 * _SIZE[1]
    taken: list[tuple[float, float, float, float]] = [(a - 6, a + 6, b - 6, b + 6) for a, b in zip(x, y, strict=True)]
    for at, name in enumerate(names_of(best)):
        width = _LETTER * len(cut(name, _NAME)) + 4
        side, up = width / 2 + _GAP, _LINE / 2 + _GAP
        for right, above in ((side, 0.0), (-side, 0.0), (0.0, up), (0.0, -up)):
            middle, height = x[at] + right, y[at] + above
            box = (middle - width / 2, middle + width / 2, height - _LINE / 2, height + _LINE / 2)
            if box[0] >= 0 and box[1] <= _SIZE[0] and not any(_overlap(box, one) for one in taken):
                taken.append(box)
                figure.add_annotation(
                    x=float(np.log10(best["choice"].iloc[at])), y=float(best["liked"].iloc[at]),
                    text=shortened(name, _NAME), showarrow=False, yshift=above, borderpad=0, bgcolor=colours.veil,
                    xanchor="left" if right > 0 else "right" if right < 0 else "center",
                    xshift=_GAP if right > 0 else -_GAP if right < 0 else 0, font={"size": 12, "color": colours.ink},
                )  # fmt: skip
                break


def _overlap(a: Sequence[float], b: Sequence[float]) -> bool:
    return not (a[1] < b[0] or b[1] < a[0] or a[3] < b[2] or b[3] < a[2])


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.0995 else f"{100 * share:.0f} %"
