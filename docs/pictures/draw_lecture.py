"""Draws the pictures of docs/lecture.md and, with Korean words, of docs/lecture.ko.md: four for each.

    python docs/pictures/draw_lecture.py      needs ml-100k (see `penchant datasets`) and torch; takes a minute

The numbers are those of the cells of these pages, with their seeds; for the loss curves both models are trained on,
beyond the epochs of the lecture. Each picture carries the numbers that it shows, as JSON in its <metadata>: weights
start from torch's random numbers, which another version may draw otherwise, so a test draws each picture again from its
own numbers.
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

N_EPOCHS = 26  # of each model, to see what happens after the lecture's
SHOWN = {"dot": 13, "net": 8}  # epochs of the lecture
N_RANKED, N_DOTS, N_USERS = 20, 50, 30
FILMS = ("Titanic (1997)", "Robocop 3 (1993)")
RADIUS, BEHIND = 3.6, 50  # of a dot of a distribution; batches between two points of a curve
WORDS = {
    "": {
        "losses": "Both models learn by heart in the end, the neural one sooner",
        "losses_below": "Mean squared error. Thin: smoothed over batches; ring: the best epoch on held-out ratings.",
        "losses_told": "Loss on training and on held-out ratings by epoch, for the dot product and the neural model.",
        "dot": "dot product",
        "net": "neural model",
        "train": "training",
        "valid": "held out",
        "epoch": "epoch",
        "ends": "the lecture ends here",
        "best": "best: epoch {}, {:.3f}",
        "biases": "Liked, or not, whatever the taste",
        "biases_below": "The twenty films with the highest bias, and the twenty with the lowest, of the dot product.",
        "biases_told": "Dots: biases of the twenty best and the twenty worst films.",
        "between": "{:,} films lie between",
        "ratings": "ratings",
        "predicted": "Predictions are more cautious than people",
        "predicted_below": "A row: held-out ratings of so many stars, a dot one in fifty; diamond: these stars.",
        "predicted_told": "Dots: predictions for held-out ratings of one star, of two, and so on.",
        "stars": ("{} star", "{} stars"),
        "mean": "mean {:.1f}",
        "predicted_stars": "predicted stars",
        "means": "mean",
        "thirty": "Everybody would like Titanic better, some by more than others",
        "thirty_below": "Predicted stars of users 1 to 30. Full: dot product; ring: neural model.",
        "thirty_told": "Predicted stars of thirty users for Titanic, high, and for Robocop 3, low, by two models.",
        "user": "user",
    },
    ".ko": {
        "losses": "두 모형 모두 결국 외운다. 신경망이 먼저 외운다",
        "losses_below": "평균제곱오차. 가는 선은 배치별로 평활한 값, 고리는 검증 손실이 가장 낮은 에폭입니다.",
        "losses_told": "내적 모형과 신경망 모형의 에폭별 학습 손실과 검증 손실.",
        "dot": "내적 모형",
        "net": "신경망 모형",
        "train": "학습",
        "valid": "검증",
        "epoch": "에폭",
        "ends": "강의는 여기까지",
        "best": "최저: 에폭 {}, {:.3f}",
        "biases": "취향과 상관없이 사랑받는 영화, 외면받는 영화",
        "biases_below": "내적 모형에서 바이어스가 가장 큰 스무 편과 가장 작은 스무 편입니다.",
        "biases_told": "바이어스가 가장 큰 영화 스무 편과 가장 작은 영화 스무 편을 점으로 나타낸 그림.",
        "between": "그 사이에 {:,}편",
        "ratings": "평점 수",
        "predicted": "예측은 사람보다 조심스럽다",
        "predicted_below": "한 줄은 실제 별점이 같은 검증용 평점, 점 하나는 그 50분의 1, 마름모는 실제 별점입니다.",
        "predicted_told": "실제 별점이 1점, 2점, …인 검증용 평점의 예측값을 점으로 나타낸 그림.",
        "stars": ("{}점", "{}점"),
        "mean": "평균 {:.1f}",
        "predicted_stars": "예측한 별점",
        "means": "평균",
        "thirty": "누구나 타이타닉을 더 좋아하지만, 그 차이는 사람마다 다르다",
        "thirty_below": "1번부터 30번 사용자의 예측 별점. 채운 점은 내적 모형, 고리는 신경망 모형입니다.",
        "thirty_told": "사용자 서른 명의 타이타닉과 로보캅 3 예측 별점. 타이타닉이 높고 로보캅 3이 낮다.",
        "user": "사용자",
    },
}
Words = dict[str, Any]


# -- what is measured --


def loaders() -> CollabDataLoaders:
    """The lecture's table, split by seed 42."""
    from penchant.collab import CollabDataLoaders, URLs, pd, untar_data

    path = untar_data(URLs.ML_100k)
    names = ["user", "movie", "rating", "timestamp"]
    ratings = pd.read_csv(path / "u.data", delimiter="\t", header=None, names=names)
    columns = {"usecols": (0, 1), "names": ("movie", "title"), "header": None}
    movies = pd.read_csv(path / "u.item", delimiter="|", encoding="latin-1", **columns)
    return CollabDataLoaders.from_df(ratings.merge(movies), bs=64, item_name="title", seed=42)


@cache
def measured() -> dict[str, Numbers]:
    """Train as in the lecture, ask, and train on; the numbers of each picture."""
    from penchant.collab import collab_learner, set_seed

    dls, models, losses = loaders(), {}, {}
    for name, how in (("dot", {"n_factors": 10}), ("net", {"use_nn": True, "layers": [20, 10]})):
        set_seed(42)
        models[name] = learn = collab_learner(dls, y_range=(0, 5), **how)
        losses[name] = [_curves(learn, SHOWN[name], 0)]
    found = {"biases": _biases(models["dot"]), "predicted": _predicted(models["dot"]), "thirty": _thirty(models)}
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


def _biases(dot: Learner) -> Numbers:
    """Titles, biases and numbers of training ratings of the best and of the worst, the best first."""
    biases = dot.model.i_bias.weight.detach().squeeze().numpy()
    counts = np.bincount(dot.dls.train.x[:, 1].numpy(), minlength=len(biases))
    order = np.argsort(-biases)
    rows = [*order[:N_RANKED].tolist(), *order[-N_RANKED:].tolist()]
    titles = dot.dls.classes["title"]
    return {
        # Titles as XML has them: <metadata> takes no bare ampersand.
        "films": [
            [escape(shortened(str(titles[row])), quote=False), round(float(biases[row]), 3), int(counts[row])]
            for row in rows
        ],
        "between": len(titles) - 1 - len(rows),
    }


def _predicted(dot: Learner) -> Numbers:
    """Quantiles of the predictions for held-out ratings of each number of stars, and their mean."""
    predictions, targets = (part.reshape(-1).numpy() for part in dot.get_preds())
    found = {}
    for stars in range(1, 6):
        own = predictions[targets == stars]
        dots = np.quantile(own, (np.arange(N_DOTS) + 0.5) / N_DOTS)
        found[str(stars)] = {"mean": round(float(own.mean()), 2), "dots": [round(float(dot), 2) for dot in dots]}
    return found


def _thirty(models: dict[str, Learner]) -> Numbers:
    """What both models predict for users 1 to 30 and each film."""
    import torch

    users, titles = (models["dot"].dls.classes[name].o2i for name in ("user", "title"))
    found = {}
    for film in FILMS:
        rows = torch.tensor([[users[user], titles[film]] for user in range(1, N_USERS + 1)])
        with torch.no_grad():
            asked = {name: learn.model.eval()(rows).reshape(-1).tolist() for name, learn in models.items()}
        found[film] = {name: [round(value, 2) for value in values] for name, values in asked.items()}
    return found


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


def signed(value: float) -> str:
    """Two decimals with a sign, the minus as wide as the plus."""
    return f"{value:+.2f}".replace("-", "\u2212")


def shortened(title: str, most: int = 50) -> str:
    """A title of at most so many characters: words before the year give way to an ellipsis."""
    if len(title) <= most:
        return title
    name, _, year = title.rpartition(" (")
    return f"{name[: most - len(year) - 4].rsplit(' ', 1)[0]} … ({year}"


def draw_losses(words: Words, numbers: Numbers) -> str:
    """Two panels, one for each model."""
    parts = []
    for name, left in (("dot", 64), ("net", 462)):
        plot = Plot(left, left + 350, 112, 390, -1, N_EPOCHS - 1, 0.44, 1.05)
        for value in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
            parts += plot.across(value, f"{value:.1f}")
        parts += [label(plot.x(at), 412, str(at), anchor="middle") for at in (0, 5, 10, 15, 20, 25)]
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


def draw_biases(words: Words, numbers: Numbers) -> str:
    """Two lists of films, each with a dot at its bias."""
    films = numbers["films"]
    values = [bias for _, bias, _ in films]
    plot = Plot(452, 724, 96, 96 + 17 * (len(films) + 2), min(values) - 0.02, max(values) + 0.02, 0, 1)
    parts = [
        plot.upright(0),
        label(plot.x(0), plot.top - 10, "0", anchor="middle"),
        label(820, plot.top - 10, words["ratings"], anchor="end"),
    ]
    for at, (title, bias, count) in enumerate(films):
        y = plot.top + 12 + 17 * (at + (2 if at >= N_RANKED else 0))
        kind, beside, anchor = ("blue", 10, "start") if bias > 0 else ("orange", -10, "end")
        x = plot.x(bias)
        parts += [
            label(392, y + 4, title, "ink", "end"),
            f'<line class="line" x1="{plot.x(0):.1f}" x2="{x:.1f}" y1="{y}" y2="{y}"/>',
            dot_at(x, y, kind),
            label(x + beside, y + 4, signed(bias), kind, anchor),
            label(820, y + 4, str(count), anchor="end"),
        ]
    y = plot.top + 12 + 17 * N_RANKED + 12
    parts.append(label(392, y, words["between"].format(numbers["between"]), anchor="end"))
    height = round(plot.bottom + 28)
    return svg(height, words["biases_told"], words["biases"], words["biases_below"], numbers, parts)


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


def draw_thirty(words: Words, numbers: Numbers) -> str:
    """Users side by side, stars upwards."""
    plot = Plot(60, 644, 84, 404, 0.2, N_USERS + 0.8, 0.4, 5.1)
    parts = [part for stars in range(1, 6) for part in plot.across(stars, str(stars))]
    parts += [label(plot.x(at), plot.bottom + 20, str(at), anchor="middle") for at in (1, 5, 10, 15, 20, 25, 30)]
    parts.append(label((plot.left + plot.right) / 2, plot.bottom + 42, words["user"], anchor="middle"))
    for film, kind in zip(FILMS, ("blue", "orange"), strict=True):
        pairs = list(zip(numbers[film]["dot"], numbers[film]["net"], strict=True))
        for user, (one, other) in enumerate(pairs, start=1):
            x, y, z = plot.x(user), plot.y(one), plot.y(other)
            parts.append(f'<line class="line" x1="{x:.1f}" x2="{x:.1f}" y1="{y:.1f}" y2="{z:.1f}"/>')
            parts += [ring_at(x, z, kind), dot_at(x, y, kind, 4.8)]
        y = plot.y(sum(one for one, _ in pairs) / len(pairs))
        means = (sum(side) / len(pairs) for side in zip(*pairs, strict=True))
        parts.append(label(plot.right + 14, y - 14, f"{film}, {words['means']}", kind))
        for name, down, mean in zip(("dot", "net"), (4, 21), means, strict=True):
            parts.append(label(plot.right + 14, y + down, f"{words[name]} {mean:.1f}"))
    return svg(462, words["thirty_told"], words["thirty"], words["thirty_below"], numbers, parts)


DRAWN = {"losses": draw_losses, "biases": draw_biases, "predicted": draw_predicted, "thirty": draw_thirty}
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
