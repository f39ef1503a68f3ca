"""Draws the pictures of docs/lecture.md and, with Korean words, of docs/lecture.ko.md: four for each.

    python docs/pictures/draw_lecture.py      needs ml-100k (see `penchant datasets`) and torch; takes a minute

The numbers are those of the cells of these pages, with their seeds. For the loss curves both models are trained on.
Each picture carries the numbers that it shows, as JSON in its <metadata>: weights start from torch's random numbers,
which another version may draw otherwise, so a test draws each picture again from its own numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from draw_bayes import Numbers, Points, label, svg

if TYPE_CHECKING:
    from penchant.collab import CollabDataLoaders, Learner

N_EPOCHS = 12  # of each model, to see what happens after those of the page
SHOWN = {"dot": 4, "net": 4}  # epochs of the page
N_RANKED, N_DOTS, LEAST = 10, 50, 50  # films that move up and down; dots of a row; ratings that a place needs
FILMS = ("Star Wars (1977)", "English Patient, The (1996)")
EVERY = 3  # viewers: every third is a dot
RADIUS, BEHIND = 3.6, 37  # of a dot of a distribution; batches between two points of a curve
WORDS = {
    "": {
        "losses": "Both models begin to memorise after a few epochs",
        "losses_below": "Mean squared error. Thin: smoothed over batches. Ring: the best epoch on held-out ratings.",
        "losses_told": "Loss on training and on held-out ratings by epoch, for the dot product and the neural model.",
        "dot": "dot product",
        "net": "neural model",
        "train": "training",
        "valid": "held out",
        "epoch": "epoch",
        "ends": "the page stops here",
        "best": "best: epoch {}, {:.3f}",
        "places": "The mean and the bias put films in different places",
        "places_below": "Places among {:,} films with {} training ratings or more. Ring: by mean. Dot: by bias.",
        "places_told": "Places of twenty films: a ring by mean rating, a dot by learned bias.",
        "by_mean": "place by mean",
        "by_bias": "by bias",
        "predicted": "Predictions are more cautious than people",
        "predicted_below": "A row: held-out ratings of so many stars. A dot: one in fifty. Diamond: these stars.",
        "predicted_told": "Dots: predictions for held-out ratings of one star, of two, and so on.",
        "stars": ("{} star", "{} stars"),
        "mean": "mean {:.1f}",
        "predicted_stars": "predicted stars",
        "either": "Who would rather watch which film?",
        "either_below": "A dot: a viewer, one in three. Above the line The English Patient is predicted higher.",
        "either_told": "A cloud of dots. Most are below the diagonal: Star Wars is predicted higher.",
    },
    ".ko": {
        "losses": "두 모델 모두 몇 에포크 뒤에는 외우기 시작한다",
        "losses_below": "평균제곱오차. 가는 선은 배치별로 평활한 값, 고리는 검증 손실이 가장 낮은 에포크입니다.",
        "losses_told": "내적 모델과 신경망 모델의 에포크별 학습 손실과 검증 손실.",
        "dot": "내적 모델",
        "net": "신경망 모델",
        "train": "학습",
        "valid": "검증",
        "epoch": "에포크",
        "ends": "본문은 여기까지",
        "best": "최저: 에포크 {}, {:.3f}",
        "places": "평균으로 매긴 순위와 편향으로 매긴 순위는 다르다",
        "places_below": "학습용 평점이 {1}개 이상인 영화 {0:,}편의 순위. 고리는 평균 평점순, 점은 편향순입니다.",
        "places_told": "영화 스무 편의 순위. 고리는 평균 평점순, 점은 학습된 편향순.",
        "by_mean": "평균순",
        "by_bias": "편향순",
        "predicted": "예측은 실제 평점보다 조심스럽다",
        "predicted_below": "한 줄은 실제 별점이 같은 검증용 평점, 점 하나는 그 50분의 1, 마름모는 실제 별점입니다.",
        "predicted_told": "실제 별점이 1점, 2점, …인 검증용 평점의 예측값을 점으로 나타낸 그림.",
        "stars": ("{}점", "{}점"),
        "mean": "평균 {:.1f}",
        "predicted_stars": "예측한 별점",
        "either": "둘 중 어느 영화를 더 좋아할까?",
        "either_below": "점 하나가 사용자 한 명입니다(세 명 중 한 명). 점선 위는 The English Patient가 더 높습니다.",
        "either_told": "대부분의 점이 대각선 아래에 있다. 대부분의 사용자에게 Star Wars의 예측이 더 높다.",
    },
}
Words = dict[str, Any]


# -- what is measured --


def loaders() -> CollabDataLoaders:
    """The page's table, a tenth of it held out by seed 3."""
    from penchant.collab import CollabDataLoaders, URLs, pd, untar_data

    path = untar_data(URLs.ML_100k)
    given = {"header": None, "encoding": "latin-1"}
    table = pd.read_csv(path / "u.data", sep="\t", names=["viewer", "film", "stars", "when"], **given)
    names = pd.read_csv(path / "u.item", sep="|", usecols=[0, 1], names=["film", "title"], **given)
    table = table.merge(names)[["viewer", "title", "stars"]]
    return CollabDataLoaders.from_df(table, valid_pct=0.1, seed=3, bs=128)


@cache
def measured() -> dict[str, Numbers]:
    """Train as the page does, ask, and train on; the numbers of each picture."""
    from penchant.collab import collab_learner, set_seed

    dls, models, losses = loaders(), {}, {}
    for name, how in (("dot", {"n_factors": 30}), ("net", {"use_nn": True, "layers": [50, 25]})):
        set_seed(3)
        models[name] = learn = collab_learner(dls, y_range=(0.5, 5.5), lr=0.002, **how)
        losses[name] = [_curves(learn, SHOWN[name], 0)]
    dot = models["dot"]
    found = {"places": _places(dot), "predicted": _predicted(dot), "either": _either(dot)}
    for name, learn in models.items():
        losses[name].append(_curves(learn, N_EPOCHS - SHOWN[name], SHOWN[name]))
    joined = {
        name: {side: [*first[side], *more[side]] for side in ("batches", "train", "valid")}
        for name, (first, more) in losses.items()
    }
    return {"losses": joined, **found}


def _curves(learn: Learner, n_epochs: int, done: int) -> dict[str, Points]:
    """Points (epoch, loss): smoothed after some batches, its mean over each epoch, and on held-out ratings after each.

    A later fit smooths anew: its first values are means of few batches and left out.
    """
    with learn.no_logging():
        learn.fit(n_epochs)
    n_batches = len(learn.dls.train)
    smoothed = np.array([float(loss) for loss in learn.recorder.losses])
    steps = range(2 * BEHIND - 1, len(smoothed), BEHIND)
    epochs = smoothed.reshape(n_epochs, n_batches).mean(axis=1)
    return {
        "batches": [(round((step + 1) / n_batches + done - 1, 2), round(float(smoothed[step]), 4)) for step in steps],
        "train": [(done + at - 0.5, round(float(loss), 4)) for at, loss in enumerate(epochs)],
        "valid": [(done + at, round(row[1], 4)) for at, row in enumerate(learn.recorder.values)],
    }


def _places(dot: Learner) -> Numbers:
    """Films whose place by bias is furthest from that by mean: titles and both places, those that move up first."""
    rows, stars = dot.dls.train.x[:, 1].numpy(), dot.dls.train.y.reshape(-1).numpy()
    titles = dot.dls.classes["title"]
    counts = np.bincount(rows, minlength=len(titles))
    means = np.bincount(rows, stars, minlength=len(titles)) / np.maximum(counts, 1)
    biases = dot.model.i_bias.weight.detach().squeeze().numpy()
    often = np.flatnonzero(counts >= LEAST)
    by_mean, by_bias = (1 + np.argsort(np.argsort(-values[often], kind="stable")) for values in (means, biases))
    order = np.argsort(by_bias - by_mean, kind="stable")
    picked = [*order[:N_RANKED].tolist(), *order[-N_RANKED:].tolist()]
    # Titles as XML has them: <metadata> takes no bare ampersand.
    named = [escape(shortened(str(titles[int(often[at])])), quote=False) for at in picked]
    places = [[title, int(by_mean[at]), int(by_bias[at])] for title, at in zip(named, picked, strict=True)]
    return {"films": places, "n_films": len(often)}


def _predicted(dot: Learner) -> Numbers:
    """Quantiles of the predictions for held-out ratings of each number of stars, and their mean."""
    predictions, targets = (part.reshape(-1).numpy() for part in dot.get_preds())
    found = {}
    for stars in range(1, 6):
        own = predictions[targets == stars]
        dots = np.quantile(own, (np.arange(N_DOTS) + 0.5) / N_DOTS)
        found[str(stars)] = {"mean": round(float(own.mean()), 2), "dots": [round(float(dot), 2) for dot in dots]}
    return found


def _either(dot: Learner) -> list[list[float]]:
    """What is predicted for both films, viewer by viewer."""
    import torch

    viewers, titles = (dot.dls.classes[name] for name in ("viewer", "title"))
    everybody = torch.arange(1, len(viewers), EVERY)
    sides = []
    for film in FILMS:
        pairs = torch.stack([everybody, torch.full_like(everybody, titles.o2i[film])], dim=1)
        with torch.no_grad():
            sides.append([round(value, 2) for value in dot.model.eval()(pairs).tolist()])
    return [list(pair) for pair in zip(*sides, strict=True)]


# -- how it is drawn --


@dataclass(frozen=True)
class Plot:
    """A part of a picture: its edges in pixels, and what its two axes have there."""

    left: float
    right: float
    top: float
    bottom: float
    first: float
    last: float
    low: float
    high: float

    def x(self, value: float) -> float:
        return self.left + (value - self.first) / (self.last - self.first) * (self.right - self.left)

    def y(self, value: float) -> float:
        return self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)

    def across(self, value: float, text: str, kind: str = "line") -> list[str]:
        """A line at a height with its number on the left."""
        y = self.y(value)
        line = f'<line class="{kind}" x1="{self.left}" x2="{self.right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        return [line, label(self.left - 10, y + 4, text, anchor="end")]

    def upright(self, value: float, kind: str = "line") -> str:
        x = self.x(value)
        return f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{self.top}" y2="{self.bottom}"/>'

    def path(self, points: Points, kind: str) -> str:
        steps = " L".join(f"{self.x(x):.1f} {self.y(y):.1f}" for x, y in points if y <= self.high)
        return f'<path class="{kind}" d="M{steps}"/>'


def dot_at(x: float, y: float, kind: str, radius: float = 4.5) -> str:
    """A full dot."""
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>'


def ring_at(x: float, y: float, kind: str, radius: float = 4.2) -> str:
    """A ring: a path, because paths are drawn and not filled."""
    turn = f"a{radius} {radius} 0 1 0"
    return f'<path class="{kind}" d="M{x - radius:.1f} {y:.1f} {turn} {2 * radius} 0 {turn} {-2 * radius} 0"/>'


def shortened(title: str, most: int = 40) -> str:
    """A title of at most so many characters: words before the year give way to an ellipsis."""
    if len(title) <= most:
        return title
    name, _, year = title.rpartition(" (")
    return f"{name[: most - len(year) - 4].rsplit(' ', 1)[0]} … ({year}"


def draw_losses(words: Words, numbers: Numbers) -> str:
    """Two panels, one for each model."""
    parts = []
    for name, left in (("dot", 64), ("net", 462)):
        plot = Plot(left, left + 350, 112, 390, -1, N_EPOCHS - 1, 0.33, 1.08)
        for value in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
            parts += plot.across(value, f"{value:.1f}")
        parts += [label(plot.x(at), 412, str(at), anchor="middle") for at in range(0, N_EPOCHS, 2)]
        parts.append(label((plot.left + plot.right) / 2, 434, words["epoch"], anchor="middle"))
        parts.append(label(plot.left, 96, words[name], "ink"))
        end = SHOWN[name] - 1
        parts += [plot.upright(end, "mark"), label(plot.x(end) + 8, plot.top + 12, words["ends"])]
        curves = numbers[name]
        for curve, kind in (("batches", "orange thin"), ("train", "orange"), ("valid", "blue")):
            parts.append(plot.path(curves[curve], kind))
        parts += _labels_of_losses(plot, words, curves, rises=curves["valid"][-1][1] > 0.95)
    return svg(450, words["losses_told"], words["losses"], words["losses_below"], numbers, parts)


def _labels_of_losses(plot: Plot, words: Words, curves: Numbers, *, rises: bool) -> list[str]:
    """What the two curves are, and which epoch is the best; away from the upper curve where that rises to the top."""
    valid, train = curves["valid"], curves["train"]
    epoch, least = min(valid, key=lambda point: point[1])
    x, y = plot.x(epoch), plot.y(least)
    told = words["best"].format(epoch, least)
    return [
        ring_at(x, y, "blue", 6),
        label(x, y - (34 if rises else 20), told, "blue", "middle"),
        label(plot.right, plot.y(valid[-1][1]) + (46 if rises else -14), words["valid"], "blue", "end"),
        label(plot.right, plot.y(train[-1][1]) - 36, words["train"], "orange", "end"),
    ]


def draw_places(words: Words, numbers: Numbers) -> str:
    """Two lists of films, each with a ring at its place by mean and a dot at that by bias."""
    films, n_films = numbers["films"], numbers["n_films"]
    plot = Plot(330, 714, 104, 104 + 18 * (len(films) + 1), n_films, 1, 0, 1)
    parts = [part for place in (1, 200, 400) for part in (plot.upright(place), _place(plot, place))]
    for at, (title, by_mean, by_bias) in enumerate(films):
        y = plot.top + 12 + 18 * (at + (at >= N_RANKED))
        kind = "blue" if by_bias < by_mean else "orange"
        parts += [
            label(300, y + 4, title, "ink", "end"),
            f'<line class="mark" x1="{plot.x(by_mean):.1f}" x2="{plot.x(by_bias):.1f}" y1="{y}" y2="{y}"/>',
            ring_at(plot.x(by_mean), y, kind),
            dot_at(plot.x(by_bias), y, kind),
        ]
        if at in (0, N_RANKED):
            ends = ("end", "start") if by_bias < by_mean else ("start", "end")
            for place, name, end in ((by_mean, "by_mean", ends[0]), (by_bias, "by_bias", ends[1])):
                parts.append(label(plot.x(place) + (9 if end == "start" else -9), y + 4, words[name], kind, end))
    below = words["places_below"].format(n_films, LEAST)
    return svg(round(plot.bottom + 34), words["places_told"], words["places"], below, numbers, parts)


def _place(plot: Plot, place: int) -> str:
    return label(plot.x(place), plot.top - 8, str(place), anchor="middle")


def draw_predicted(words: Words, numbers: Numbers) -> str:
    """Rows of dots, five stars on top."""
    plot = Plot(116, 708, 84, 84 + 5 * 62, 0.5, 5.1, 0, 5)
    parts = [plot.upright(stars) for stars in range(1, 6)]
    for stars, found in numbers.items():
        line = plot.y(int(stars) - 1) - 8
        columns: dict[int, int] = {}
        width = 2 * RADIUS + 0.8
        parts.append(label(100, line, words["stars"][int(stars) > 1].format(stars), "ink", "end"))
        for value in found["dots"]:
            column = round(plot.x(value) / width)
            up = RADIUS + width * columns.get(column, 0)
            columns[column] = columns.get(column, 0) + 1
            parts.append(dot_at(column * width, line - up, "blue", RADIUS))
        x = plot.x(int(stars))
        parts.append(f'<path class="orange" d="M{x:.1f} {line + 1:.1f} l6 8 l-6 8 l-6 -8 z"/>')
        parts.append(label(720, line, words["mean"].format(found["mean"]), "blue"))
    parts += [label(plot.x(stars), plot.bottom + 28, str(stars), anchor="middle") for stars in range(1, 6)]
    parts.append(label((plot.left + plot.right) / 2, plot.bottom + 50, words["predicted_stars"], anchor="middle"))
    return svg(460, words["predicted_told"], words["predicted"], words["predicted_below"], numbers, parts)


def draw_either(words: Words, numbers: Points) -> str:
    """A square with a dot for each viewer: one film to the right, the other upwards."""
    plot = Plot(230, 610, 92, 472, 0.8, 5.2, 0.8, 5.2)
    parts = [part for stars in range(1, 6) for part in (*plot.across(stars, str(stars)), plot.upright(stars))]
    parts += [label(plot.x(stars), plot.bottom + 20, str(stars), anchor="middle") for stars in range(1, 6)]
    corner = f'x1="{plot.left}" y1="{plot.bottom}" x2="{plot.right}" y2="{plot.top}"'
    parts.append(f'<line class="mark" {corner}/>')
    parts += [dot_at(plot.x(one), plot.y(other), "orange" if other > one else "blue", 2.6) for one, other in numbers]
    parts.append(label((plot.left + plot.right) / 2, plot.bottom + 42, FILMS[0], "blue", "middle"))
    parts.append(label(plot.left - 40, (plot.top + plot.bottom) / 2, FILMS[1], "orange", "end"))
    return svg(530, words["either_told"], words["either"], words["either_below"], numbers, parts)


DRAWN = {"losses": draw_losses, "places": draw_places, "predicted": draw_predicted, "either": draw_either}
PICTURES = {  # file: what is measured, how it is drawn
    f"lecture-{name}{suffix}.svg": (lambda name=name: measured()[name], partial(draw, words))
    for name, draw in DRAWN.items()
    for suffix, words in WORDS.items()
}


def main() -> None:
    """Measure, draw, write."""
    for name, (measure, draw) in PICTURES.items():
        Path(__file__).with_name(name).write_text(draw(measure()), encoding="utf-8")


if __name__ == "__main__":
    main()
