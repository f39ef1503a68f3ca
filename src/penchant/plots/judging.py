"""Plots of held-out ratings: predicted against true, and recommendations by popularity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from penchant.checks import is_whole, require
from penchant.data.ratings import require_ratings
from penchant.errors import DataError
from penchant.plots.inputs import by_row_number, need_stars, predictions, recommender, training_ratings
from penchant.plots.theme import blank, looks
from penchant.text import counted

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from penchant.arrays.types import BoolArray, Float32Array, Float64Array
    from penchant.data.ratings import Ratings
    from penchant.recommender.recommender import Recommender

__all__ = ["by_popularity", "predicted_against_true"]

_MOST_BOXES = 12
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def predicted_against_true(rec: Recommender, test: Ratings, *, theme: str = "light") -> go.Figure:
    """Predicted against true: what was predicted for ratings of each height, on ratings that were not trained on.

    A box holds the middle half of the predictions, its line is their median, and its whiskers hold 90 % of them. On
    the dotted line predictions would be right. Boxes are flatter than it: a prediction is a mean, and means are less
    extreme than single ratings.

    Args:
        rec: the recommender.
        test: ratings that were held out. Who and what is new is predicted as in `Recommender.evaluate`.
        theme: "light" (default) or "dark".

    Raises:
        DataError: `test` is empty.
        UnsupportedError: plotly is not installed.
        ParameterError: `rec` is no recommender, `test` are no ratings, or `theme` is another word.

    >>> import penchant as pt
    >>> from penchant import plots
    >>> train, test = pt.load_dataset("sample").split(rng=42)
    >>> rec = pt.ALS(n_factors=4).fit(train)
    >>> plots.predicted_against_true(rec, test).data[0].type
    'box'
    """
    colours, (predicted, _) = looks(theme), _tested(rec, test)
    rmse = float(np.sqrt(np.mean((predicted - test.rating.astype(np.float64)) ** 2)))
    told = f"{counted(len(test), 'rating')} held out, root mean squared error {rmse:.3f}"
    figure = blank("Predicted against true ratings", told, theme)
    middles, names, members, gap = _groups(test.rating, rec.rating_scale)
    columns = np.array([np.quantile(predicted[one].astype(np.float64), _QUANTILES) for one in members]).T
    low, lower, median, upper, high = columns
    figure.add_box(
        x=middles,
        lowerfence=low,
        q1=lower,
        median=median,
        q3=upper,
        upperfence=high,
        width=0.5 * gap,
        line={"color": colours.blue, "width": 1.5},
        hoverinfo="skip",
        showlegend=False,
    )
    counts = [int(one.sum()) for one in members]
    figure.add_scatter(  # what the pointer finds: a box itself would show six labels
        x=middles,
        y=median,
        mode="markers",
        marker={"size": 7, "color": colours.blue},
        customdata=list(zip(names, counts, low, lower, upper, high, strict=True)),
        hovertemplate=(
            "<b>true rating %{customdata[0]}</b>, %{customdata[1]:,} of them<br>median prediction %{y:.2f}<br>"
            "half of them %{customdata[3]:.2f} to %{customdata[4]:.2f}<br>"
            "90 % %{customdata[2]:.2f} to %{customdata[5]:.2f}<extra></extra>"
        ),
    )
    lo, hi = rec.rating_scale
    ends = [min(lo, middles[0]), max(hi, middles[-1])]
    _add_diagonal(figure, ends, colours.soft)
    figure.update_xaxes(title_text="true rating", showgrid=False, zeroline=False, tickvals=middles, ticktext=names)
    pad = 0.06 * (ends[1] - ends[0])
    figure.update_yaxes(title_text="predicted rating", zeroline=False, range=[ends[0] - pad, ends[1] + pad])
    return figure


def _add_diagonal(figure: go.Figure, ends: list[float], colour: str) -> None:
    """Where predictions would be right."""
    figure.add_scatter(
        x=ends, y=ends, mode="lines", line={"color": colour, "dash": "dot", "width": 1.5}, hoverinfo="skip"
    )
    beside = ends[0] + 0.13 * (ends[1] - ends[0])
    figure.add_annotation(
        x=beside, y=beside, text="predicted = true", showarrow=False, xanchor="left", xshift=8, yshift=-8,
        font_color=colour,
    )  # fmt: skip


def by_popularity(rec: Recommender, test: Ratings, *, k: int = 10, theme: str = "light") -> go.Figure:
    """Error and coverage for items with few training ratings and with many.

    Above: the root mean squared error on the ratings held out of items in each group, with an interval of 95 %.
    Below: the coverage, which is the share of a group's items that are in the list of at least one user, as in
    `Scores.coverage`. A recommender that shows everybody the same hits has bars at the right only.

    Args:
        rec: the recommender.
        test: ratings that were held out. Who and what is new is predicted as in `Recommender.evaluate`.
        k: length of the lists, without what each user has rated (default 10).
        theme: "light" (default) or "dark".

    Raises:
        DataError: `test` is empty.
        UnsupportedError: the recommender was kept without its ratings, or plotly is not installed.
        ParameterError: `rec` is no recommender, `test` are no ratings, `k` is less than 1, or `theme` is another word.

    >>> import penchant as pt
    >>> from penchant import plots
    >>> train, test = pt.load_dataset("sample").split(rng=42)
    >>> rec = pt.ALS(n_factors=4).fit(train)
    >>> [trace.name for trace in plots.by_popularity(rec, test).data]
    ['error', 'coverage']
    """
    require(is_whole(k, 1), "k", k, "a whole number of at least 1")
    colours, (predicted, item_idx) = looks(theme), _tested(rec, test)
    seen = training_ratings(rec, "popularity")
    counts = seen.item_counts(rec.n_items)
    listed = _listed(rec, k)
    figure = blank(
        "Error and coverage by popularity of the item",
        f"{counted(len(test), 'rating')} held out; lists of {k} for {counted(rec.n_users, 'user')}, "
        f"which hold {100 * listed.mean():.0f} % of all {counted(rec.n_items, 'item')}",
        theme,
        height=640,
    )
    edges = _count_edges(int(counts.max(initial=0)))
    groups = np.searchsorted(edges, np.append(counts, 0), side="right") - 1  # the last is an item that is new
    squares = (predicted - test.rating.astype(np.float64)) ** 2
    rows = [_group_numbers(squares[groups[item_idx] == at], listed[groups[:-1] == at]) for at in range(len(edges) - 1)]
    kept = [at for at, row in enumerate(rows) if row[0] + row[1]]
    n_tests, n_items, error, low, high, share = np.array([rows[at] for at in kept], dtype=np.float64).T
    names = [_count_name(edges[at], edges[at + 1]) for at in kept]
    shown = np.arange(len(kept))
    _add_errors(figure, np.array([error, low, high]), list(zip(names, n_tests, low, high, strict=True)), colours.blue)
    figure.add_bar(
        x=shown,
        y=100 * share,
        name="coverage",
        width=0.6,
        marker={"color": colours.orange},
        text=["" if part != part else f"{100 * part:.0f} %" for part in share],
        textposition="outside",
        cliponaxis=False,
        customdata=list(zip(names, n_items, strict=True)),
        hovertemplate="%{customdata[0]} training ratings: %{y:.1f} % of %{customdata[1]:,} items are in a list"
        "<extra></extra>",
    )
    _popularity_axes(figure, [f"{name}<br>{counted(int(n), 'item')}" for name, n in zip(names, n_items, strict=True)])
    return figure


def _add_errors(figure: go.Figure, numbers: Float64Array, told: list[tuple[object, ...]], colour: str) -> None:
    """The error of each group with its interval; `numbers` are the error and both ends, `told` what hovers say."""
    error, low, high = numbers
    figure.add_scatter(
        x=np.arange(len(told)),
        y=error,
        name="error",
        mode="markers",
        marker={"size": 10, "color": colour},
        error_y={"array": high - error, "arrayminus": error - low, "color": colour, "thickness": 1.5, "width": 5},
        customdata=told,
        hovertemplate="%{customdata[0]} training ratings: error %{y:.3f} (%{customdata[2]:.3f} to %{customdata[3]:.3f})"
        "<br>%{customdata[1]:,} ratings held out<extra></extra>",
        yaxis="y2",
    )


def _popularity_axes(figure: go.Figure, ticks: list[str]) -> None:
    """Two plots above each other, with one axis of groups."""
    figure.update_xaxes(
        title_text="training ratings of the item", tickvals=list(range(len(ticks))), ticktext=ticks,
        showgrid=False, zeroline=False, range=[-0.6, len(ticks) - 0.4],
    )  # fmt: skip
    figure.update_layout(
        yaxis={"domain": [0, 0.44], "title": "coverage: % of items<br>in anybody's list", "range": [0, 112]},
        yaxis2={
            "domain": [0.54, 1], "title": "root mean squared error,<br>in rating units", "anchor": "x",
            "rangemode": "tozero",
        },
    )  # fmt: skip
    figure.update_layout(yaxis_tickvals=[0, 25, 50, 75, 100])


def _tested(rec: Recommender, test: Ratings) -> tuple[Float32Array, np.ndarray]:
    need_stars(recommender(rec), "has no predicted ratings to draw")
    require_ratings(test, "test")
    if len(test) == 0:
        raise DataError("there is no test rating to draw")
    return predictions(rec, test)


def _groups(rating: Float32Array, scale: tuple[float, float]) -> tuple[list[float], list[str], list[BoolArray], float]:
    """Where each group of ratings stands, what it is called, which ratings are in it, and how far groups are apart."""
    distinct = np.unique(rating)
    if len(distinct) <= _MOST_BOXES:
        gap = float(np.diff(distinct).min()) if len(distinct) > 1 else 1.0
        return distinct.tolist(), [f"{value:g}" for value in distinct], [rating == value for value in distinct], gap
    lo, hi = min(scale[0], float(distinct[0])), max(scale[1], float(distinct[-1]))
    edges: Float64Array = np.linspace(lo, hi, _MOST_BOXES - 1)
    place = np.clip(np.searchsorted(edges, rating, side="right") - 1, 0, len(edges) - 2)
    used = np.unique(place).tolist()
    names = [f"{edges[at]:.3g}–{edges[at + 1]:.3g}" for at in used]
    middles = [float(edges[at] + edges[at + 1]) / 2 for at in used]
    return middles, names, [place == at for at in used], float(edges[1] - edges[0])


def _listed(rec: Recommender, k: int) -> BoolArray:
    """Which items are in the list of at least one user."""
    listed = np.zeros(rec.n_items, dtype=np.bool_)
    for block in by_row_number(rec).recommend_all(k):
        listed[block.column("item_id").to_numpy()] = True
    return listed


def _group_numbers(squares: Float64Array, listed: BoolArray) -> tuple[float, ...]:
    """Of one group: test ratings, items, error and the ends of its interval (by the delta method), share in a list."""
    if len(squares) == 0:
        error = low = high = np.nan
    else:
        error = float(np.sqrt(squares.mean()))
        deviation = squares.std(ddof=1) / np.sqrt(len(squares)) if len(squares) > 1 else np.nan
        half = 1.96 * deviation / (2 * error) if error else 0.0
        low, high = max(error - half, 0.0) if half == half else np.nan, error + half
    return len(squares), len(listed), error, low, high, float(listed.mean()) if len(listed) else np.nan


def _count_edges(most: int) -> list[int]:
    """Ends of groups by number of ratings: 0, 1, 10, 30, 100, 300, ... and one beyond `most`."""
    edges = [0, 1, 10]
    while edges[-1] <= most:
        edges.append(edges[-1] * 3 if str(edges[-1])[0] == "1" else edges[-1] // 3 * 10)
    return edges


def _count_name(low: int, high: int) -> str:
    return "none" if high == 1 else f"{low:,}–{high - 1:,}"
