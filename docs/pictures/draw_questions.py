"""Draws docs/pictures/two-questions.svg, the picture of docs/choices.md: every film, by both of its chances.

    python docs/pictures/draw_questions.py    needs ml-100k: see `penchant datasets`

The numbers are those of `penchant.plots.two_questions`: chances of the lists of one person. The picture carries them,
as JSON in its <metadata>; a test draws it again from them.
"""

from __future__ import annotations

import math
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from draw_bayes import RIGHT, WIDTH, Numbers, Panel, label, svg

import penchant as pt

if TYPE_CHECKING:
    import pandas as pd

USER, N_BEST, LEAST = 196, 10, 50  # whose lists, how many of the best, and the fewest ratings of a film
ASIDE = 1  # films that are named at the top, beside one at the right; none is in the list by both
TOP, BOTTOM, LINE, LOWEST = 104, 500, 17, -5.0  # pixels; powers of ten of the chance to choose


def measure_questions() -> Numbers:
    """Chance to choose and chance to like of every film that the person has not rated."""
    rec = pt.fit(pt.load_dataset("ml-100k"), pt.ALS())
    lists = {by: rec.recommend(USER, n=rec.n_items, by=by, min_ratings=LEAST) for by in ("both", "choice")}
    chance = lists["choice"].set_index("item_id")["score"].loc[lists["both"]["item_id"]].to_numpy()
    table = lists["both"].assign(choice=chance, liked=lists["both"]["score"].to_numpy() / chance)
    best, others = table[:N_BEST], table[N_BEST:]
    top = others.sort_values("liked", ascending=False)[:ASIDE]
    right = others[others["liked"] < 0.4].sort_values("choice", ascending=False)[:1]
    return {
        "best": _films(best),
        "aside": [*_films(top), *_films(right)],
        "others": [[x, y] for _, x, y in _films(others.drop([*top.index, *right.index]))],
    }


def _films(table: pd.DataFrame) -> list[list[object]]:
    """Title, cut to its place, and both chances of each."""
    rows = zip(map(_short, table["title"]), table["choice"], table["liked"], strict=True)
    return [[title, float(f"{choice:.3g}"), round(float(liked), 3)] for title, choice, liked in rows]


def draw_questions(numbers: Numbers) -> str:
    """Films as dots, the best by both as larger ones with their names."""
    panel = Panel(top=TOP, bottom=BOTTOM, low=0, high=1, first=LOWEST, last=-0.5)
    parts = panel.rows((share / 100, f"{share} %") for share in range(0, 101, 20))
    parts += panel.columns((power, f"{100 * 10.0**power:g} %") for power in range(-5, 0))
    parts += [
        label(20, TOP - 22, "would you like it? chance of at least 4 stars", "ink"),
        label(WIDTH - RIGHT, BOTTOM + 44, "would you choose it? chance to be among your next choices", "ink", "end"),
        f'<g class="blue" opacity="0.45">{"".join(_dot(panel, x, y, 3) for x, y in numbers["others"])}</g>',
    ]
    _, x, y = numbers["best"][-1]
    line = [(power / 50, x * y / 10 ** (power / 50)) for power in range(-250, -24)]
    parts.append(panel.path([point for point in line if point[1] <= 1], "orange thin"))
    parts.append(f'<g class="orange">{"".join(_dot(panel, x, y, 5) for _, x, y in numbers["best"])}</g>')
    parts.append(f'<g class="blue">{"".join(_dot(panel, x, y, 4) for _, x, y in numbers["aside"])}</g>')
    end, used = WIDTH - RIGHT + 10, TOP - LINE
    for film, x, y in sorted(numbers["best"], key=lambda row: -row[2]):
        used = max(used + LINE, panel.y(y) + 4)
        start = panel.x(_power(x)) + 7
        parts.append(f'<line class="line" x1="{start:.1f}" x2="{end - 4}" y1="{panel.y(y):.1f}" y2="{used - 4:.1f}"/>')
        parts.append(label(end, used, film, "orange"))
    for film, x, y in numbers["aside"]:
        parts.append(label(panel.x(_power(x)), panel.y(y) - 9, film, "blue", "middle"))
    return svg(
        BOTTOM + 62,
        "Films as dots: chance to be chosen to the right, chance to be liked upwards. The ten best by both are at the "
        "upper right, and a curve of equal products goes through the last of them.",
        "Would you choose it? Would you like it?",
        f"Films of MovieLens-100k that one person has not rated. Orange: the {len(numbers['best'])} with the highest "
        "product of both chances.",
        numbers,
        parts,
    )


def _power(chance: float) -> float:
    return max(math.log10(chance), LOWEST)


def _dot(panel: Panel, chance: float, liked: float, radius: float) -> str:
    return f'<circle cx="{panel.x(_power(chance)):.1f}" cy="{panel.y(liked):.1f}" r="{radius}"/>'


def _short(film: str) -> str:
    """A title without its year, cut, and as XML has it."""
    name = (film.rpartition(" (")[0] or film).removesuffix(", The")
    return escape(name if len(name) <= 20 else name[:19].rstrip(" .,") + "\u2026")


PICTURES = {"two-questions.svg": (measure_questions, draw_questions)}  # file: what is measured, how it is drawn


def main() -> None:
    """Measure, draw, write."""
    for name, (measure, draw) in PICTURES.items():
        Path(__file__).with_name(name).write_text(draw(measure()), encoding="utf-8")


if __name__ == "__main__":
    main()
