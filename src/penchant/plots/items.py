"""Plots of items: a ranking by bias, and a map of which lie near each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from penchant.checks import is_whole, require
from penchant.errors import DataError
from penchant.plots.inputs import names_of, recommender, said_of, unit
from penchant.plots.theme import blank, cut, looks, shortened, wrapped
from penchant.text import counted

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from penchant.arrays.types import Float64Array
    from penchant.plots.theme import Theme
    from penchant.recommender.recommender import Recommender

__all__ = ["bias_ranking", "item_map"]

_NAME = 40  # characters of a title beside a ranking
_MAP_NAME = 28  # and on a map
_MAP_SIZE = (640.0, 520.0)  # pixels of the plot, for keeping names apart
_LETTER, _LINE = 6.2, 16.0  # pixels of a letter and of a line, at 11 pixels a letter
_MANY = 5_000  # points from which they are drawn by WebGL


def bias_ranking(
    rec: Recommender,
    n: int = 20,
    *,
    worst: bool = False,
    min_ratings: int = 0,
    by: str = "low",
    interval: float = 0.9,
    theme: str = "light",
) -> go.Figure:
    """Items ranked by learned bias, with the interval of each: how far the places in the list are settled.

    The numbers are those of `Recommender.item_biases`.

    Args:
        rec: the recommender.
        n: how many items (default 20).
        worst: the least liked instead (default False).
        min_ratings: leave out items with fewer training ratings (default 0).
        by: "low" (default), to be on the safe side: by the end of the interval nearer to ordinary items; or "bias",
            which is the only one where the training ratings were not kept.
        interval: share of the posterior (default 0.9).
        theme: "light" (default) or "dark".

    Raises:
        UnsupportedError: the model has no biases, or `by="low"` of a model that was kept without its ratings; or
            plotly is not installed.
        DataError: no item has so many ratings.
        ParameterError: a value out of its range.

    >>> import penchant as pt
    >>> from penchant import plots
    >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
    >>> figure = plots.bias_ranking(rec, 5)
    >>> list(figure.data[0].x) == rec.item_biases(5, by="low")["bias"].tolist()
    True
    """
    colours = looks(theme)
    require(is_whole(n, 1), "n", n, "a whole number of at least 1")
    table = recommender(rec).item_biases(n, worst=worst, min_ratings=min_ratings, by=by, interval=interval)
    if table.empty:
        raise DataError(f"no item has {counted(min_ratings, 'training rating')}")
    has_ends = "low" in table
    ranked = "by the safe end of the interval" if by == "low" else "by bias"
    figure = blank(
        f"The {len(table)} {'least' if worst else 'most'} liked items, beyond taste",
        f"learned bias{f', with an interval of {100 * interval:g} %' if has_ends else ''}; ranked {ranked}",
        theme,
        height=170 + 24 * len(table),
    )
    places, names = np.arange(len(table)), names_of(table)
    details = [f"<b>{wrapped(name)}</b>{_known(row)}" for name, (_, row) in zip(names, table.iterrows(), strict=True)]
    bias = table["bias"].to_numpy(dtype=np.float64)
    colour = colours.orange if worst else colours.blue
    ends: dict[str, Any] = {}
    if has_ends:
        low, high = table["low"].to_numpy(), table["high"].to_numpy()
        ends = {"array": high - bias, "arrayminus": bias - low, "thickness": 2, "width": 0, "color": colour}
    figure.add_scatter(
        x=bias,
        y=places,
        mode="markers",
        marker={"size": 9, "color": colour},
        customdata=details,
        hovertemplate="%{customdata}<extra></extra>",
        error_x=ends,
    )
    ticks = [shortened(name, _NAME) for name in names]
    figure.update_yaxes(tickvals=places, ticktext=ticks, range=[len(table) - 0.4, -0.6], tickfont_color=colours.ink)
    figure.update_yaxes(zeroline=False)
    sides = "worse" if worst else "better"
    figure.update_xaxes(
        title_text=f"bias: how much {sides} than an ordinary item (0), in {unit(rec)}", tickformat="+.2~f"
    )
    return figure


def _known(row: pd.Series) -> str:
    """What else is known of a ranked item, for its hover."""
    told = f"<br>bias {row['bias']:+.2f}"
    if "low" in row:
        told += f" ({row['low']:+.2f} to {row['high']:+.2f})"
    return told + (f"<br>{counted(int(row['n_ratings']), 'training rating')}" if "n_ratings" in row else "")


def item_map(
    rec: Recommender,
    method: str = "pca",
    *,
    min_ratings: int = 0,
    n_names: int = 25,
    theme: str = "light",
) -> go.Figure:
    """Map of all items in the plane: near each other are those that the same people like (without stars, choose).

    The points are those of `Recommender.map`. A dot is as large as its item has ratings; its colour says whether the
    item is liked more or less than others (its bias), where the model has biases.

    Args:
        rec: the recommender.
        method: "pca" (default) or "umap", which needs umap-learn.
        min_ratings: leave out items with fewer training ratings (default 0).
        n_names: at most so many names, of the items with most ratings, are written where they do not overlap (default
            25); all others are under the pointer.
        theme: "light" (default) or "dark".

    Raises:
        UnsupportedError: the model has no factors, or umap-learn or plotly is not installed.
        DataError: no item has so many ratings.
        ParameterError: a value out of its range.

    >>> import penchant as pt
    >>> from penchant import plots
    >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
    >>> len(plots.item_map(rec).data[0].x) == rec.n_items
    True
    """
    colours = looks(theme)
    require(is_whole(n_names, 0), "n_names", n_names, "a whole number of at least 0")
    table = recommender(rec).map(method, min_ratings=min_ratings)
    if table.empty:
        raise DataError(f"no item has {counted(min_ratings, 'training rating')}")
    counted_as = "n_ratings" if rec.model.knows_stars else "n_choices"
    is_counted = counted_as in table
    counts = table[counted_as].to_numpy() if is_counted else np.ones(len(table), dtype=np.int64)
    order = np.argsort(counts, kind="stable")  # the best known are drawn last, on top
    table, counts = table.iloc[order], counts[order]
    points, names = table[["x", "y"]].to_numpy(dtype=np.float64), names_of(table)
    form, rows = rec.model.linear_form(), rec.items.find(table["item_id"].tolist())
    bias = None if form is None else form.item_biases[rows]
    noun, verb = said_of(rec)
    sizes = f" A large dot has many {noun}s." if is_counted else ""
    figure = blank(
        "Map of items",
        f"{counted(len(table), 'item')}. Near each other: {verb} by the same people.{sizes}",
        theme,
        height=700,
    )
    details = _details(names, counts if is_counted else None, bias, f"training {noun}")
    add = figure.add_scattergl if len(table) > _MANY else figure.add_scatter
    add(
        x=points[:, 0],
        y=points[:, 1],
        mode="markers",
        marker=_dots(counts, bias, unit(rec), colours),
        customdata=details,
        hovertemplate="%{customdata}<extra></extra>",
    )
    _write_names(figure, points, names, n_names, colours)
    _name_axes(figure, method, unit(rec))
    return figure


def _details(names: list[object], counts: np.ndarray | None, bias: np.ndarray | None, noun: str) -> list[str]:
    """What the pointer shows of each item."""
    details = [f"<b>{wrapped(name)}</b>" for name in names]
    if counts is not None:
        details = [f"{told}<br>{counted(int(n), noun)}" for told, n in zip(details, counts, strict=True)]
    if bias is not None:
        details = [f"{told}<br>bias {value:+.2f}" for told, value in zip(details, bias, strict=True)]
    return details


def _dots(counts: np.ndarray, bias: np.ndarray | None, measure: str, colours: Theme) -> dict[str, Any]:
    share = np.sqrt(counts / max(float(counts.max()), 1.0))
    dots: dict[str, Any] = {"size": 4 + 14 * share, "opacity": 0.8, "line": {"width": 0.5, "color": colours.ground}}
    if bias is None:
        return {**dots, "color": colours.blue}
    reach = float(np.quantile(np.abs(bias), 0.98)) or 1.0
    return {
        **dots,
        "color": bias,
        "cmin": -reach,
        "cmax": reach,
        "colorscale": [[0, colours.orange], [0.5, colours.middle], [1, colours.blue]],
        "colorbar": {
            "title": {"text": f"bias, in<br>{measure}", "side": "top", "font": {"size": 13}},
            "tickformat": "+.2~f",
            "thickness": 12,
            "len": 0.6,
            "outlinewidth": 0,
            "tickfont": {"color": colours.soft},
        },
    }


def _write_names(figure: go.Figure, points: Float64Array, names: list[object], most: int, colours: Theme) -> None:
    """Names above dots, the best known (which come last) first, each where none was written before."""
    low, high = points.min(axis=0), points.max(axis=0)
    scale = float((np.array(_MAP_SIZE) / np.maximum(high - low, 1e-12)).min())  # both axes have one scale
    boxes: list[tuple[float, float, float, float]] = []
    for at in reversed(range(len(points))):
        if len(boxes) >= most:
            break
        width = _LETTER * len(cut(names[at], _MAP_NAME)) + 8
        x, y = points[at] * scale
        left = min(max(x - width / 2, low[0] * scale), high[0] * scale - width)  # not beyond the last dot
        box = (left, left + width, y + 6, y + 6 + _LINE)
        if all(box[1] < b[0] or b[1] < box[0] or box[3] < b[2] or b[3] < box[2] for b in boxes):
            boxes.append(box)
            figure.add_annotation(
                x=points[at, 0],
                y=points[at, 1],
                text=shortened(names[at], _MAP_NAME),
                showarrow=False,
                xshift=left + width / 2 - x,
                yshift=6 + _LINE / 2,
                font={"size": 11, "color": colours.ink},
                bgcolor=colours.veil,
                borderpad=0,
            )


def _name_axes(figure: go.Figure, method: str, measure: str) -> None:
    figure.update_xaxes(zeroline=False)
    figure.update_yaxes(zeroline=False, scaleanchor="x", scaleratio=1)
    if method == "pca":
        figure.update_xaxes(title_text=f"the direction in which tastes for items differ most, in {measure}")
        figure.update_yaxes(title_text=f"the second such direction, in {measure}")
    else:
        figure.update_xaxes(
            title_text="neighbours are alike; distances across the map tell nothing", showticklabels=False
        )
        figure.update_yaxes(showticklabels=False)
