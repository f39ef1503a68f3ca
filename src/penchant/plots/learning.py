"""Plots of a training: its learning curve, and a histogram of the ratings that went into it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from penchant.data.ratings import Ratings
from penchant.errors import DataError, UnsupportedError
from penchant.plots.inputs import need_stars, recommender, said_of, training_ratings
from penchant.plots.theme import blank, looks
from penchant.text import counted

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from penchant.arrays.types import Float32Array
    from penchant.recommender.recommender import Recommender

__all__ = ["learning_curve", "ratings_histogram"]

_MOST_BARS = 25
_MOST_MARKS = 60  # epochs that are marked one by one


def learning_curve(rec: Recommender, *, theme: str = "light") -> go.Figure:
    """The error of every epoch: root mean squared, on the training ratings and, where there were any, on others.

    The first says how well the model remembers, the second how well it predicts. Where the second rises while the
    first falls, the model learns noise. Of choices it is the error of the cells, 1 where somebody chose and else 0.

    Args:
        rec: the recommender.
        theme: "light" (default) or "dark".

    Raises:
        UnsupportedError: no error was measured in the training, or plotly is not installed.
        ParameterError: `rec` is no recommender, or `theme` is another word.

    >>> import penchant as pt
    >>> from penchant import plots
    >>> rec = pt.ALS(n_factors=4, n_epochs=3).fit(pt.load_dataset("sample"))
    >>> [len(line.x) for line in plots.learning_curve(rec).data]
    [3]
    """
    history, colours = recommender(rec).history, looks(theme)
    told = {name: np.sqrt(history[name].to_numpy(dtype=np.float64)) for name in ("train_loss", "valid_loss")}
    told = {name: errors for name, errors in told.items() if np.isfinite(errors).any()}
    if not told:
        raise UnsupportedError("this model was trained without measuring errors, so there is no learning curve")
    figure = blank("Learning curve", _ending(told, history["epoch"].tolist()), theme, legend=True)
    looks_of = {
        "train_loss": (f"on training {said_of(rec)[0]}s", colours.orange, "dash", "circle-open"),
        "valid_loss": ("on ratings held out", colours.blue, "solid", "circle"),
    }
    for name, errors in told.items():
        label, colour, dash, symbol = looks_of[name]
        figure.add_scatter(
            x=history["epoch"].tolist(),
            y=errors,
            name=label,
            mode="lines+markers" if len(errors) <= _MOST_MARKS else "lines",
            line={"color": colour, "width": 2, "dash": dash},
            marker={"size": 7, "symbol": symbol},
            hovertemplate=f"epoch %{{x}}: %{{y:.4f}} {label}<extra></extra>",
        )
    few = len(history) <= 20
    figure.update_xaxes(
        title_text="epoch", tickformat="d", showgrid=False, zeroline=False, **({"dtick": 1} if few else {})
    )
    measure = "in rating units" if rec.model.knows_stars else "of cells: chosen (1) or not (0)"
    figure.update_yaxes(title_text=f"root mean squared error, {measure}", tickformat=".2~f", hoverformat=".4f")
    return figure


def _ending(told: dict[str, np.ndarray], epochs: list[int]) -> str:
    valid = told.get("valid_loss")
    if valid is None:
        return f"{counted(len(epochs), 'epoch')}, without ratings held out"
    best = int(np.nanargmin(valid))
    return f"{counted(len(epochs), 'epoch')}; lowest on ratings held out: {valid[best]:.4f} in epoch {epochs[best]}"


def ratings_histogram(ratings: Ratings | Recommender, *, theme: str = "light") -> go.Figure:
    """How often each rating was given.

    Args:
        ratings: a table of ratings, or a recommender, whose training ratings are meant.
        theme: "light" (default) or "dark".

    Raises:
        UnsupportedError: a recommender that was kept without its ratings, or was learned without stars; or plotly is
            not installed.
        DataError: there is no rating.
        ParameterError: something else than ratings or a recommender, or `theme` is another word.

    >>> import penchant as pt
    >>> from penchant import plots
    >>> ratings = pt.load_dataset("sample")
    >>> int(sum(plots.ratings_histogram(ratings).data[0].y)) == len(ratings)
    True
    """
    colours = looks(theme)
    if isinstance(ratings, Ratings):
        values, scale = ratings.rating, ratings.rating_scale
    else:
        rec = recommender(ratings)
        need_stars(rec, "has no ratings to count")
        values, scale = training_ratings(rec, "a histogram of ratings").rating, rec.rating_scale
    if len(values) == 0:
        raise DataError("there is no rating to draw")
    middles, counts, width, named = _bars(values, scale)
    mean = float(values.mean(dtype=np.float64))
    figure = blank("How often each rating was given", f"{counted(len(values), 'rating')}, mean {mean:.2f}", theme)
    share = 100 * counts / len(values)
    figure.add_bar(
        x=middles,
        y=counts,
        width=width,
        marker={"color": colours.blue},
        customdata=list(zip(named, share, strict=True)),
        hovertemplate="rating %{customdata[0]}: %{y:,} times, %{customdata[1]:.1f} %<extra></extra>",
    )
    if len(counts) <= 12:
        figure.update_traces(
            text=[f"{part:.0f} %" if part >= 1 else f"{part:.1f} %" for part in share],
            textposition="outside",
            cliponaxis=False,
        )
        figure.update_xaxes(tickvals=middles, ticktext=named)
    figure.add_vline(x=mean, line={"color": colours.ink, "width": 1.5, "dash": "dot"})
    figure.add_annotation(
        x=mean, y=1, yref="paper", text=f"mean {mean:.2f}", showarrow=False, yanchor="bottom", font_color=colours.ink
    )
    figure.update_xaxes(title_text="rating", showgrid=False, zeroline=False)
    figure.update_yaxes(title_text="number of ratings", tickformat=",", range=[0, 1.1 * float(counts.max())])
    return figure


def _bars(values: Float32Array, scale: tuple[float, float]) -> tuple[np.ndarray, np.ndarray, float, list[str]]:
    """Middle and height of each bar, their width, and what each stands for: a rating, or a part of the scale."""
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= _MOST_BARS:
        gap = float(np.diff(distinct).min()) if len(distinct) > 1 else 1.0
        return distinct.astype(np.float64), counts, 0.8 * gap, [f"{value:g}" for value in distinct]
    counts, edges = np.histogram(values.astype(np.float64), bins=_MOST_BARS, range=scale)
    named = [f"{low:.3g} to {high:.3g}" for low, high in pairwise(edges)]
    return (edges[:-1] + edges[1:]) / 2, counts, 0.95 * float(edges[1] - edges[0]), named
