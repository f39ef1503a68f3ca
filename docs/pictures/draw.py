"""Draws docs/pictures/taste.svg: how many stars every user of MovieLens-100k would give nine films.

    python docs/pictures/draw.py              needs ml-100k: see `penchant datasets`

The numbers come from `penchant.ALS` with its defaults on all 100,000 ratings: its numbers are the same on every
machine, those of Bayes are not. Each film has 50 dots: dot j stands at the (j + 1/2)/50 quantile of the predictions for
all users ("quantile dot plot": Kay et al. 2016, "When (ish) is My Bus?"), so one dot is one user in fifty. Dots that
would overlap are stacked.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

import numpy as np

import penchant as pt

FILMS = (
    "Schindler's List (1993)",
    "Star Wars (1977)",
    "Titanic (1997)",
    "Pulp Fiction (1994)",
    "English Patient, The (1996)",
    "Independence Day (ID4) (1996)",
    "Scream (1996)",
    "Spawn (1997)",
    "Robocop 3 (1993)",
)
N_DOTS = 50
WIDTH, TOP, ROW, LEFT, RIGHT, RADIUS = 840, 96, 50, 236, 40, 3.6
# Blue and orange of Okabe and Ito (2008), told apart by every kind of colour vision, light and dark.
STYLE = """
  .ground { fill: #ffffff; stroke: #d0d7de } .ink { fill: #1f2328 } .soft { fill: #59636e }
  .line { stroke: #d0d7de } .mean { stroke: #59636e; stroke-dasharray: 4 3 }
  .more { fill: #0072b2 } .less { fill: #c85200 }
  text { font: 13px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif }
  .title { font-size: 16px; font-weight: 600 } .number { font-variant-numeric: tabular-nums }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; stroke: #30363d } .ink { fill: #e6edf3 } .soft { fill: #9198a1 }
    .line { stroke: #30363d } .mean { stroke: #9198a1 } .more { fill: #56b4e9 } .less { fill: #f0953f }
  }
"""


def x_of(stars: float) -> float:
    """Pixels from the left for a rating of 1 to 5 stars."""
    return LEFT + (stars - 1) / 4 * (WIDTH - LEFT - RIGHT)


def signed(value: float) -> str:
    """Two decimals with a sign, the minus as wide as the plus."""
    return f"{value:+.2f}".replace("-", "\u2212")


def stacked(stars: np.ndarray) -> list[tuple[float, float]]:
    """Dots as (x, height above the row's line): each is put on top of those of its own column, a dot wide."""
    column_width = 2 * RADIUS + 0.8
    columns: dict[int, int] = {}
    dots = []
    for value in stars:
        column = round(x_of(value) / column_width)
        dots.append((column * column_width, RADIUS + columns.get(column, 0) * column_width))
        columns[column] = columns.get(column, 0) + 1
    return dots


def film_row(film: str, bias: float, predicted: np.ndarray, line: float) -> list[str]:
    """One film: its title and bias on the left, its dots on a line."""
    kind = "more" if bias > 0 else "less"
    dots = stacked(np.quantile(predicted, (np.arange(N_DOTS) + 0.5) / N_DOTS))
    return [
        f'<text class="ink" x="20" y="{line - 12}">{escape(film)}</text>',
        f'<text class="{kind} number" x="20" y="{line + 4}">film {signed(bias)}</text>',
        f'<line class="line" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{line}" y2="{line}"/>',
        f'<g class="{kind}">',
        *(f'<circle cx="{x:.1f}" cy="{line - up:.1f}" r="{RADIUS}"/>' for x, up in dots),
        "</g>",
    ]


def picture(rec: pt.Recommender, mean: float) -> str:
    """The whole SVG."""
    biases = rec.item_biases().set_index("title")["bias"]
    films = sorted(FILMS, key=lambda film: -biases[film])
    bottom = TOP + ROW * len(films)
    parts = [
        f'<text class="ink title" x="20" y="32">What {len(rec.users)} people would think of nine films</text>',
        '<text class="soft" x="20" y="53">Predicted stars; one dot is one person in fifty. '
        "Stars = mean + film + person + taste.</text>",
        f'<line class="mean" x1="{x_of(mean):.1f}" x2="{x_of(mean):.1f}" y1="{TOP - 12}" y2="{bottom}"/>',
        f'<text class="soft" x="{x_of(mean):.1f}" y="{TOP - 18}" text-anchor="middle">mean {mean:.2f}</text>',
    ]
    for place, film in enumerate(films):
        predicted = np.asarray(rec.predict(film, user_id=np.asarray(rec.users.ids)))
        parts += film_row(film, float(biases[film]), predicted, TOP + ROW * (place + 1) - 8)
    for stars in range(1, 6):
        label = f"{stars} star{'s' if stars > 1 else ''}"
        parts.append(f'<text class="soft" x="{x_of(stars):.1f}" y="{bottom + 18}" text-anchor="middle">{label}</text>')
    height = bottom + 34
    described = "Nine rows of dots: predicted stars of nine films for all users of MovieLens-100k."
    start = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
    return "\n".join(
        [
            f'{start} aria-label="{described}">',
            f"<style>{STYLE}</style>",
            f'<rect class="ground" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
            *parts,
            "</svg>\n",
        ]
    )


def main() -> None:
    """Fit, draw, write."""
    ratings = pt.load_dataset("ml-100k")
    svg = picture(pt.fit(ratings, pt.ALS()), float(ratings.rating.mean()))
    Path(__file__).with_name("taste.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
