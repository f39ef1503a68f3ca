"""Draws the three pictures of docs/bayes.md: draws.svg, spectrum.svg and intervals.svg.

    python docs/pictures/draw_bayes.py        needs ml-100k: see `penchant datasets`; takes a few minutes

Each picture carries the numbers that it shows, as JSON in its <metadata>. They are other draws of chance on another
processor, so the test can't measure them again and compare pictures: it draws each picture from its own numbers, which
must give the same file, and measures two of the numbers anew.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import penchant as pt
from penchant.fitting.fit import training_data
from penchant.solvers.gibbs.chains import Run, Threads

SEEDS = (0, 1, 2)
MOST_DRAWS = 400
SHOWN_COLUMNS = 48
KNOWN_BINS = (1, 20, 40, 80, 160, 320, 10_000)  # ratings that a user was trained on
GIVEN = (0, 1, 2, 5, 10, 20, 50, 100)  # ratings that somebody new gives
WIDTH, LEFT, RIGHT = 840, 76, 168
# Blue and orange of Okabe and Ito (2008), told apart by every kind of colour vision, light and dark.
STYLE = """
  .ground { fill: #ffffff; stroke: #d0d7de } .ink { fill: #1f2328 } .soft { fill: #59636e }
  .line { stroke: #d0d7de } .mark { stroke: #59636e; stroke-dasharray: 4 3 }
  .blue { fill: #0072b2 } .orange { fill: #c85200 }
  path { fill: none; stroke-width: 2; stroke-linejoin: round } .thin { stroke-width: 1; opacity: 0.4 }
  path.blue { stroke: #0072b2; fill: none } path.orange { stroke: #c85200; fill: none }
  text { font: 13px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif;
         font-variant-numeric: tabular-nums }
  .title { font-size: 16px; font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; stroke: #30363d } .ink { fill: #e6edf3 } .soft { fill: #9198a1 }
    .line { stroke: #30363d } .mark { stroke: #9198a1 } .blue { fill: #56b4e9 } .orange { fill: #f0953f }
    path.blue { stroke: #56b4e9; fill: none } path.orange { stroke: #f0953f; fill: none }
  }
"""

Numbers = dict[str, Any]
Points = Sequence[tuple[float, float]]


# -- what is measured --


def measure_draws() -> Numbers:
    """Error on held-out ratings after every five rounds, with one chain and with four, and that of ALS."""
    train, test = pt.load_dataset("ml-100k").split(test_size=0.2, rng=42)
    found: Numbers = {"als": round(pt.ALS().fit(train).evaluate(test).rmse, 4)}
    for name, n_chains in (("one", 1), ("four", 4)):
        found[name] = []
        for seed in SEEDS:
            solver = pt.Bayes(n_chains=n_chains, n_draws=MOST_DRAWS, rng=seed)
            kept = solver.fit(train, valid=test).history["valid_loss"][math.ceil(solver.n_burn / 5) :]
            draws = 5 * n_chains * np.arange(1, len(kept) + 1)
            found[name].append([[int(n), round(math.sqrt(loss), 4)] for n, loss in zip(draws, kept, strict=True)])
    return found


def measure_spectrum() -> Numbers:
    """Singular values of the mean of 200 draws' products P Q^T, and of one draw's, as root mean squares in stars."""
    ratings, solver = pt.load_dataset("ml-100k"), pt.Bayes()
    run = Run(training_data(ratings), solver.n_factors, solver.n_chains, implicit=True, rng=np.random.default_rng(0))
    total = np.zeros((ratings.n_users, ratings.n_items))
    n_rounds = solver.n_draws // solver.n_chains
    with Threads(2, solver.n_chains) as threads:
        for round_ in range(solver.n_burn + n_rounds):
            threads.sweep(run.chains)
            if round_ >= solver.n_burn:
                products = [chain.users.factors @ chain.items.factors.T for chain in run.chains]
                total += sum(products)
    spread = float(ratings.rating.std()) / math.sqrt(total.size)
    values = {"mean": total / (n_rounds * solver.n_chains), "one": products[0]}
    found: Numbers = {"n_factors": solver.n_factors}
    for name, product in values.items():
        n_columns = solver.n_factors if name == "one" else SHOWN_COLUMNS
        singular = np.linalg.svd(product, compute_uv=False)[:n_columns] * spread
        found[name] = [[column + 1, float(f"{value:.3g}")] for column, value in enumerate(singular)]
    return found


def measure_intervals() -> Numbers:
    """Width of 90 % intervals and share of ratings in them, by how many ratings of the user are known."""
    ratings = pt.load_dataset("ml-100k")
    known = np.concatenate([_known_users(*split) for split in pt.splits.k_folds(ratings, 5, rng=0)])
    found: Numbers = {"known": [], "new": []}
    for lo, hi in pairwise(KNOWN_BINS):
        rows = known[(known[:, 0] >= lo) & (known[:, 0] < hi)]
        found["known"].append(_interval_numbers(float(np.exp(np.log(rows[:, 0]).mean())), rows))
    split = pt.splits.cold_users(ratings, share=0.15, rng=1)
    rec = pt.Bayes().fit(split.train, keep_ratings=False)
    for n_given in GIVEN:
        found["new"].append(_interval_numbers(n_given, _new_users(rec, split.test, n_given)))
    return found


def _interval_numbers(n_ratings: float, rows: np.ndarray) -> list[float]:
    """How many ratings are known, the mean width, and the share of ratings that were held."""
    return [round(n_ratings, 1), round(float(rows[:, 1].mean()), 3), round(float(rows[:, 2].mean()), 4)]


def _known_users(train: pt.Ratings, test: pt.Ratings) -> np.ndarray:
    """Of every test rating: ratings of its user in training, width of the interval, whether it is held."""
    found = pt.Bayes().fit(train).predict(test.to_frame()[["user_id", "item_id"]], interval=0.9)
    counts = np.bincount(train.user_idx, minlength=train.n_users)[test.user_idx]
    held = (found["low"] <= test.rating) & (test.rating <= found["high"])
    return np.column_stack([counts, found["high"] - found["low"], held])


def _new_users(rec: pt.Recommender, test: pt.Ratings, n_given: int) -> np.ndarray:
    """The same of people who are added with `n_given` of their ratings; those with ten others to predict."""
    rows = []
    for user, theirs in test.to_frame().groupby("user_id"):
        if len(theirs) < n_given + 10:
            continue
        theirs = theirs.sample(frac=1, random_state=0)
        given, asked = theirs[:n_given], theirs[n_given:]
        grown = rec.add_user(("new", user), ratings=dict(zip(given["item_id"], given["rating"], strict=True)))
        found = grown.predict(asked["item_id"], user_id=[("new", user)] * len(asked), interval=0.9)
        rating = asked["rating"].to_numpy()
        held = (found["low"] <= rating) & (rating <= found["high"])
        rows.append(np.column_stack([np.full(len(asked), n_given), found["high"] - found["low"], held]))
    return np.concatenate(rows)


# -- how it is drawn --


@dataclass(frozen=True)
class Panel:
    """A part of a picture with its own axes: what lies at its edges, and functions of what lies within.

    Attributes:
        top, bottom: pixels.
        low, high: what the vertical axis has there (`low` at the bottom).
        first, last: what the horizontal axis has at the left and at the right.
        log_x, log_y: whether an axis is logarithmic; a horizontal 0 then stands where 0.5 is.
    """

    top: float
    bottom: float
    low: float
    high: float
    first: float
    last: float
    log_x: bool = False
    log_y: bool = False

    def x(self, value: float) -> float:
        if self.log_x:
            share = math.log(max(value, 0.5) / self.first) / math.log(self.last / self.first)
        else:
            share = (value - self.first) / (self.last - self.first)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        if self.log_y:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.bottom - share * (self.bottom - self.top)

    def rows(self, ticks: Iterable[tuple[float, str]]) -> list[str]:
        """Horizontal lines with their numbers."""
        parts = []
        for value, text in ticks:
            y = self.y(value)
            parts += [
                f'<line class="line" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>',
                label(LEFT - 10, y + 4, text, anchor="end"),
            ]
        return parts

    def columns(self, ticks: Iterable[tuple[float, str]]) -> list[str]:
        """Numbers below."""
        return [label(self.x(value), self.bottom + 20, text, anchor="middle") for value, text in ticks]

    def path(self, points: Points, kind: str) -> str:
        steps = " L".join(f"{self.x(x):.1f} {self.y(y):.1f}" for x, y in points)
        return f'<path class="{kind}" d="M{steps}"/>'

    def dots(self, points: Points, kind: str) -> list[str]:
        circles = (f'<circle cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="4"/>' for x, y in points)
        return [f'<g class="{kind}">', *circles, "</g>"]

    def across(self, value: float) -> str:
        """A dashed line at a height."""
        y = self.y(value)
        return f'<line class="mark" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'

    def upright(self, value: float) -> str:
        """A dashed line at a place."""
        x = self.x(value)
        return f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{self.top - 6}" y2="{self.bottom}"/>'


def label(x: float, y: float, text: str, kind: str = "soft", anchor: str = "start") -> str:
    """A line of text."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def svg(height: int, described: str, title: str, subtitle: str, numbers: Numbers, parts: list[str]) -> str:
    """The whole file."""
    start = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
    return "\n".join(
        [
            f'{start} aria-label="{described}">',
            f"<metadata>{json.dumps(numbers)}</metadata>",
            f"<style>{STYLE}</style>",
            f'<rect class="ground" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
            label(20, 32, title, "ink title"),
            label(20, 53, subtitle),
            *parts,
            "</svg>\n",
        ]
    )


def draw_draws(numbers: Numbers) -> str:
    """Curves of error by draws."""
    panel = Panel(top=84, bottom=360, low=0.87, high=0.905, first=0, last=MOST_DRAWS)
    end = WIDTH - RIGHT + 10
    parts = panel.rows((value / 1000, f"{value / 1000:.2f}") for value in range(870, 901, 10))
    parts += panel.columns((value, str(value)) for value in range(0, MOST_DRAWS + 1, 100))
    parts += [
        label((LEFT + WIDTH - RIGHT) / 2, 404, "draws that are kept, of all chains together", anchor="middle"),
        panel.across(numbers["als"]),
        label(end, panel.y(numbers["als"]) + 4, f"ALS {numbers['als']:.3f}"),
        panel.upright(200),
        label(panel.x(200) + 8, panel.top + 30, "the default"),
    ]
    for name, kind, words, down in (("one", "orange", "one chain", -7), ("four", "blue", "four chains", 15)):
        inside = [[(x, y) for x, y in curve if y <= panel.high] for curve in numbers[name]]
        mean = [
            (x, sum(curve[at][1] for curve in numbers[name]) / len(numbers[name]))
            for at, (x, _) in enumerate(numbers[name][0])
        ]
        parts += [panel.path(curve, f"{kind} thin") for curve in inside]
        parts.append(panel.path([(x, y) for x, y in mean if y <= panel.high], kind))
        parts.append(label(end, panel.y(mean[-1][1]) + 4 + down, f"{words} {mean[-1][1]:.4f}", kind))
    return svg(
        420,
        "Root mean squared error on held-out ratings by number of draws, for one chain and for four, and for ALS.",
        "The mean of many models predicts better than one best fit",
        f"RMSE on held-out ratings of MovieLens-100k; mean of {len(numbers['four'])} seeds, and each seed (thin).",
        numbers,
        parts,
    )


def draw_spectrum(numbers: Numbers) -> str:
    """Singular values by column, as dots."""
    panel = Panel(top=84, bottom=360, low=0.002, high=1, first=0, last=SHOWN_COLUMNS, log_y=True)
    end, n_factors = WIDTH - RIGHT + 10, numbers["n_factors"]
    parts = panel.rows((value, f"{value:g}") for value in (0.003, 0.01, 0.03, 0.1, 0.3, 1))
    parts += panel.columns((value, str(value)) for value in (1, 16, 32, 48))
    parts += [
        label((LEFT + WIDTH - RIGHT) / 2, 404, "column, the largest first", anchor="middle"),
        panel.upright(n_factors + 0.5),
        label(panel.x(n_factors + 0.5) + 8, panel.y(0.55), f"kept: n_factors = {n_factors}"),
        *panel.dots(numbers["one"], "orange"),
        *panel.dots(numbers["mean"], "blue"),
        label(panel.x(n_factors + 1.5), panel.y(numbers["one"][-1][1]) + 4, "one draw", "orange"),
        label(end, panel.y(numbers["mean"][-1][1]) - 12, "mean of 200 draws", "blue"),
    ]
    return svg(
        420,
        "Singular values of the mean of all draws and of one draw, by column, on a logarithmic scale.",
        "What the draws agree upon needs few columns",
        "Singular values of P Q^T on MovieLens-100k: stars by which each column moves a prediction (rms).",
        numbers,
        parts,
    )


def draw_intervals(numbers: Numbers) -> str:
    """Two panels, width above and share below."""
    upper = Panel(top=104, bottom=250, low=2.3, high=3.3, first=0.5, last=500, log_x=True)
    lower = Panel(top=318, bottom=464, low=0.8, high=1, first=0.5, last=500, log_x=True)
    end = WIDTH - RIGHT + 10
    parts = [label(LEFT, upper.top - 14, "width of the interval, stars", "ink")]
    parts += upper.rows((value / 10, f"{value / 10:.1f}") for value in (24, 27, 30, 33))
    parts += [label(LEFT, lower.top - 14, "share of the ratings that it holds", "ink")]
    parts += lower.rows((value / 100, f"{value} %") for value in (80, 85, 90, 95, 100))
    parts.append(lower.across(0.9))
    ticks = [(n, str(n)) for n in (0, 1, 2, 5, 10, 20, 50, 100, 200, 500)]
    for panel, column in ((upper, 1), (lower, 2)):
        parts += panel.columns(ticks)
        for name, kind, words in (("new", "orange", "added, not trained"), ("known", "blue", "trained")):
            points = [(row[0], row[column]) for row in numbers[name]]
            parts += [panel.path(points, kind), *panel.dots(points, kind)]
            if panel is upper:
                x, y = points[-1]
                at = (end, upper.y(y) + 4) if name == "known" else (upper.x(x) + 10, upper.y(y) - 4)
                parts.append(label(*at, words, kind))
    parts.append(label((LEFT + WIDTH - RIGHT) / 2, 508, "ratings of the user that are known", anchor="middle"))
    return svg(
        524,
        "Width of 90 % intervals, and share of ratings in them, by number of ratings of the user.",
        "The more is known of somebody, the narrower the interval",
        "90 % intervals on MovieLens-100k, of people who were trained on and of people who were added afterwards.",
        numbers,
        parts,
    )


PICTURES = {  # file: what is measured, how it is drawn
    "draws.svg": (measure_draws, draw_draws),
    "spectrum.svg": (measure_spectrum, draw_spectrum),
    "intervals.svg": (measure_intervals, draw_intervals),
}


def main() -> None:
    """Measure, draw, write."""
    for name, (measure, draw) in PICTURES.items():
        Path(__file__).with_name(name).write_text(draw(measure()), encoding="utf-8")


if __name__ == "__main__":
    main()
