"""Plot of prediction intervals by number of ratings: how sure a model is of what is rated seldom and often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from penchant.checks import require, require_share
from penchant.plots.inputs import names_of, recommender, training_ratings, unit
from penchant.plots.theme import blank, looks, wrapped
from penchant.text import counted

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from penchant.arrays.types import Float64Array, Int64Array
    from penchant.recommender.recommender import Recommender

__all__ = ["intervals_by_count"]

_MANY = 5_000  # points from which they are drawn by WebGL
_LEAST = 5  # rows that have a median of their own
_NONE = 0.5  # where no rating stands on a logarithmic axis


def intervals_by_count(
    rec: Recommender, *, side: str = "item", interval: float = 0.9, theme: str = "light"
) -> go.Figure:
    """How wide the interval of each bias is, by how many ratings the model had to learn it from.

    The first ratings tell little beyond what is believed of anybody. Where there are many, intervals get narrower about
    as 1 / sqrt(number of ratings).

    Args:
        rec: the recommender.
        side: "item" (default) or "user".
        interval: share of the posterior (default 0.9).
        theme: "light" (default) or "dark".

    Raises:
        UnsupportedError: the model has no biases, or was kept without its ratings; or plotly is not installed.
        ParameterError: a value out of its range.

    >>> import penchant as pt
    >>> from penchant import plots
    >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
    >>> len(plots.intervals_by_count(rec).data[0].y) == rec.n_items
    True
    """
    colours = looks(theme)
    require(side in ("item", "user"), "side", side, '"item" or "user"')
    require_share("interval", interval, 0.9)
    if recommender(rec).model.linear_form() is None:
        rec.model.refuse("learns no biases", "a dot_bias model does")
    training_ratings(rec, "a picture of intervals")
    table = rec.item_biases(interval=interval) if side == "item" else rec.user_table(interval=interval)
    counts = table["n_ratings"].to_numpy()
    width = (table["high"] - table["low"]).to_numpy(dtype=np.float64)
    figure = blank(
        f"How sure the model is of each {side}",
        f"{counted(len(table), side)}: width of the interval of the bias that holds {100 * interval:g} %",
        theme,
        legend=True,
    )
    add = figure.add_scattergl if len(table) > _MANY else figure.add_scatter
    add(
        x=np.maximum(counts, _NONE),
        y=width,
        name=f"one {side} each",
        mode="markers",
        marker={"size": 6, "color": colours.blue, "opacity": 0.45},
        customdata=[
            f"<b>{wrapped(name)}</b><br>{counted(int(n), 'training rating')}<br>interval {w:.2f} wide"
            for name, n, w in zip(names_of(table), counts, width, strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )
    middles, medians = _medians(counts[counts > 0], width[counts > 0])
    figure.add_scatter(
        x=middles,
        y=medians,
        name="median",
        mode="lines",
        line={"color": colours.orange, "width": 3},
        hovertemplate="about %{x:.0f} ratings: median %{y:.2f}<extra></extra>",
    )
    _count_axis(figure, counts, side)
    figure.update_yaxes(title_text=f"width of the interval, in {unit(rec)}", rangemode="tozero", tickformat=".2~f")
    return figure


def _count_axis(figure: go.Figure, counts: Int64Array, side: str) -> None:
    """A logarithmic axis of numbers of ratings, with a place for none."""
    ticks = _ticks(int(counts.min()), int(counts.max()))
    lowest = float(np.maximum(counts, _NONE).min())
    figure.update_xaxes(
        title_text=f"training ratings of the {side}",
        type="log",
        tickvals=[max(tick, _NONE) for tick in ticks],
        ticktext=[f"{tick:,}" for tick in ticks],
        range=[np.log10(lowest / 1.2), np.log10(max(float(counts.max()), 1.0) * 1.2)],
        showgrid=False,
    )


def _medians(counts: Int64Array, width: Float64Array) -> tuple[list[float], list[float]]:
    """Median width of those with about as many ratings: groups that grow by half from one to the next."""
    group = np.floor(np.log(counts) / np.log(1.5)).astype(np.int64)
    found = [group == one for one in np.unique(group) if (group == one).sum() >= _LEAST]
    middles = [float(np.exp(np.log(counts[one]).mean())) for one in found]
    return middles, [float(np.median(width[one])) for one in found]


def _ticks(least: int, most: int) -> list[int]:
    """0, 1, 3, 10, 30, ...: those between the smallest and the largest count."""
    steps = [0, *(step * 10**power for power in range(10) for step in (1, 3))]
    kept = [step for step in steps if least <= step <= most]
    return kept if len(kept) > 1 else sorted({least, most})
