"""Ratings that no model can be learned from: refused where they are read, with their row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.toy_model import Means, TwoMeans

import penchant as pt
from penchant.data.choices import Choices
from penchant.data.ratings import Ratings
from penchant.errors import DataError, ParameterError
from penchant.solvers.solver import Epoch, TrainingData


def table(ratings: np.ndarray) -> dict[str, np.ndarray]:
    n = len(ratings)
    return {"user": np.arange(n) % 7, "item": np.arange(n) % 11, "rating": ratings}


STARS = np.random.default_rng(0).integers(1, 6, 77).astype(np.float64)


@pytest.mark.parametrize(
    ("ratings", "row"),
    [
        (STARS * 1e20, 0),
        (np.where(np.arange(77) == 40, 1e30, STARS), 40),
        (np.where(STARS > 3, 3.4e38, -3.4e38), 0),
        (np.where(np.arange(77) == 5, -2e18, STARS), 5),
    ],
)
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_ratings_whose_squares_overflow_are_refused_with_their_row(
    ratings: np.ndarray, row: int, kind: type[np.floating]
) -> None:
    with pytest.raises(DataError, match=rf"row {row}\b.*too large to learn from.*smaller units"):
        Ratings.from_frame(table(ratings.astype(kind)))


def test_so_are_weights_and_ends_of_a_scale() -> None:
    with pytest.raises(DataError, match=r"row 3\b.*too large"):
        Choices.from_frame({"user": [1, 2, 3, 4], "item": [1, 2, 3, 4], "weight": [1, 1, 1, 1e25]})
    with pytest.raises(ParameterError, match="rating_scale"):
        Ratings.from_frame(table(STARS), rating_scale=(0, 1e30))
    with pytest.raises(ParameterError, match="rating_scale"):
        Ratings.from_frame(table(STARS)).take(np.arange(5)).__class__(
            **{**vars(Ratings.from_frame(table(STARS))), "rating_scale": (-1e30, 5.0)}
        )


def test_such_a_row_can_be_left_out() -> None:
    ratings = Ratings.from_frame(table(np.where(np.arange(77) == 40, 1e30, STARS)), invalid="drop")
    assert len(ratings) == 76
    assert ratings.report.dropped_rows == (40,)


@pytest.mark.parametrize("shift", [1e8, -1e8, 2**24, 1e15])
def test_ratings_that_float32_can_not_tell_apart_are_refused(shift: float) -> None:
    with pytest.raises(DataError, match=r"row \d+\b.*would move by.*seven digits.*away from them all"):
        Ratings.from_frame(table(STARS + shift))


def test_the_row_and_the_file_are_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    lines = [f"{n},{n},{100_000_000 + n % 2}" for n in range(4)]
    path.write_text("\n".join(["user,item,rating", lines[0], "broken,line", *lines[1:]]) + "\n")
    with pytest.raises(DataError, match=r"row 2 \(line 4.*would move by 1\b"):
        pt.read_ratings(path, invalid="drop")


@pytest.mark.parametrize(
    "ratings",
    [
        STARS + 1e3,
        STARS / 10,
        STARS * 1e15,
        STARS * 1e-30,
        np.full(77, 123456789.0),
        np.full(77, 0.1),
        1.7e9 + 1e6 * np.arange(77),
        np.where(np.arange(77) == 3, 1e9, STARS),
    ],
)
def test_what_float32_holds_well_enough_is_read(ratings: np.ndarray) -> None:
    assert np.allclose(Ratings.from_frame(table(ratings)).rating.max(), ratings.max(), rtol=1e-6)


def test_the_width_is_that_of_the_whole_table(tmp_path: Path) -> None:
    """A part of it may be narrow: large numbers in one, small ones in another."""
    paths = [tmp_path / f"{name}.csv" for name in "ab"]
    for path, shift in zip(paths, (100_000_000, 0), strict=True):
        path.write_text("user,item,rating\n" + "".join(f"{n},{n + shift},{shift + n % 5}\n" for n in range(40)))
    assert len(pt.read_ratings([str(path) for path in paths])) == 80
    with pytest.raises(DataError, match=r"a\.csv.*would move by"):
        pt.read_ratings(paths[0])


class RunsAway(Means):
    """Its second epoch ends in numbers that are none."""

    def epochs(self, data: TrainingData) -> Iterator[Epoch[TwoMeans]]:
        (first,) = super().epochs(data)
        yield first
        yield Epoch(replace(first.model, users=np.full(data.n_users, np.nan, np.float32)), 1.0)


def test_a_training_that_runs_away_is_no_model() -> None:
    with pytest.raises(DataError, match=r"not finite in epoch 1.*lower learning rate"):
        RunsAway().fit(Ratings.from_frame(table(STARS)))


def test_the_largest_ratings_give_models() -> None:
    for solver in (pt.ALS(n_factors=2), pt.Bayes(n_factors=2, n_draws=4, n_burn=2, n_chains=2)):
        rec = solver.fit(Ratings.from_frame(table(STARS * 2e17)))
        assert np.isfinite(rec.predict(0, 0))
