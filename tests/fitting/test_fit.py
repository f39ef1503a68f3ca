"""The loop over epochs: its table, its progress, Ctrl-C, and what it refuses."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pytest

import penchant as pt
from penchant.data.ratings import Ratings
from penchant.errors import DataError, ParameterError
from penchant.fitting import fit as fitting
from penchant.fitting.fit import EpochRecord, solver_settings
from penchant.models.dot_bias import DotBias
from penchant.solvers.solver import Epoch, TrainingData


@pytest.fixture(scope="module")
def sample() -> Ratings:
    return pt.load_dataset("sample")


def test_history_is_the_lectures_table(sample: Ratings) -> None:
    train, test = sample.split(rng=0)
    history = pt.fit(train, pt.ALS(n_epochs=3), valid=test).history
    assert list(history) == ["epoch", "train_loss", "valid_loss", "time"]
    assert history["epoch"].tolist() == [0, 1, 2]
    assert (history["time"] > 0).all()
    assert history["valid_loss"].notna().all()
    assert pt.fit(train, pt.ALS(n_epochs=3)).history["valid_loss"].isna().all()


def test_progress_is_called_after_each_epoch(sample: Ratings) -> None:
    records: list[EpochRecord] = []
    pt.fit(sample, pt.ALS(n_epochs=4), progress=records.append)
    assert [record.epoch for record in records] == [0, 1, 2, 3]
    assert all(record.valid_loss is None for record in records)


def test_progress_true_prints_on_stderr(sample: Ratings, capsys: pytest.CaptureFixture[str]) -> None:
    train, test = sample.split(rng=0)
    pt.ALS(n_epochs=2).fit(train, valid=test, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "learning who chose what" in err.splitlines()
    lines = [line for line in err.splitlines() if not line.startswith(("compiling", "learning"))]
    assert lines[0].split() == ["epoch", "train_loss", "valid_loss", "time"]
    assert [line.split()[0] for line in lines[1:]] == ["0", "1"]
    pt.ALS(n_epochs=2).fit(train, progress=False)
    assert capsys.readouterr() == ("", "")


def test_it_says_that_kernels_are_being_compiled(
    sample: Ratings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pt.ALS, "is_compiled", lambda _: False)
    pt.ALS(n_epochs=1).fit(sample, progress=True)
    assert capsys.readouterr().err.startswith("compiling the kernels for this machine (once")


def test_the_default_solver(sample: Ratings) -> None:
    assert pt.fit(sample).solver == solver_settings(pt.Bayes())


def test_ctrl_c_before_the_first_epoch_goes_through(sample: Ratings) -> None:
    @dataclass(frozen=True)
    class Interrupted:
        name: ClassVar[str] = "interrupted"
        n_epochs: ClassVar[int] = 1

        def epochs(self, data: TrainingData) -> Iterator[Epoch[DotBias]]:
            raise KeyboardInterrupt
            yield

        def is_compiled(self) -> bool:
            return True

    with pytest.raises(KeyboardInterrupt):
        pt.fit(sample, Interrupted())


@dataclass(frozen=True)
class Lazy:
    """Three epochs of item means whose models are made when they are looked at, and which counts that."""

    name: ClassVar[str] = "lazy"
    n_epochs: ClassVar[int] = 3
    finished: list[int] = field(default_factory=list)

    def epochs(self, data: TrainingData) -> Iterator[Epoch[DotBias]]:
        draft = fitting.baselines(data)["item mean"]

        def finish(number: int) -> DotBias:
            self.finished.append(number)
            return dataclasses.replace(draft, noise_precision=number + 1.0)

        for number in range(3):
            yield Epoch(draft, 0.5, lambda number=number: finish(number))

    def is_compiled(self) -> bool:
        return True


def test_only_the_model_that_is_kept_is_finished(sample: Ratings) -> None:
    train, test = sample.split(rng=0)
    lazy = Lazy()
    rec = pt.fit(train, lazy, valid=test)
    assert lazy.finished == [2]
    assert rec.model.noise_precision == 3
    assert rec.history["valid_loss"].notna().all()


def test_ctrl_c_finishes_the_last_model(sample: Ratings) -> None:
    def stop(record: EpochRecord) -> None:
        if record.epoch == 1:
            raise KeyboardInterrupt

    lazy = Lazy()
    rec = pt.fit(sample, lazy, progress=stop)
    assert lazy.finished == [1]
    assert rec.model.noise_precision == 2


def test_an_epoch_is_finished_once_and_without_need_not_at_all(sample: Ratings) -> None:
    lazy = Lazy()
    first, *_ = lazy.epochs(fitting.training_data(sample))
    assert lazy.finished == []
    assert first.model is first.model
    assert first.model is not first.draft
    assert lazy.finished == [0]
    assert Epoch(first.draft, 0.5).model is first.draft


def test_the_baselines_come_first_and_are_not_in_the_seconds(sample: Ratings, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    ended: list[float] = []
    learn = fitting.baselines

    def slow_baselines(data: TrainingData) -> dict[str, DotBias]:
        order.append("baselines")
        learned = learn(data)
        time.sleep(0.2)
        ended.append(time.perf_counter())
        return learned

    monkeypatch.setattr(fitting, "baselines", slow_baselines)
    rec = pt.fit(sample, pt.ALS(n_factors=1, n_epochs=1), progress=lambda _: order.append("epoch"))
    assert order == ["baselines", "epoch"]
    since = time.perf_counter() - ended[0]
    training = rec.info()["training"]
    assert isinstance(training, dict)
    assert rec.history["time"].sum() <= training["seconds"] <= since
    assert list(rec.evaluate(sample).baselines) == ["global mean", "item mean", "bias only", "most rated"]


def test_a_solver_without_epochs_is_refused(sample: Ratings) -> None:
    @dataclass(frozen=True)
    class Idle:
        name: ClassVar[str] = "idle"
        n_epochs: ClassVar[int] = 0

        def epochs(self, data: TrainingData) -> Iterator[Epoch[DotBias]]:
            return iter(())

        def is_compiled(self) -> bool:
            return True

    with pytest.raises(ParameterError, match="idle made no epoch"):
        pt.fit(sample, Idle())


def test_nothing_to_learn_from(sample: Ratings) -> None:
    with pytest.raises(DataError, match="no ratings"):
        pt.fit(sample.take(np.array([], dtype=np.int64)))


def test_an_empty_valid_is_refused(sample: Ratings) -> None:
    with pytest.raises(ParameterError, match="valid has no ratings: hold some out, or leave it out"):
        pt.fit(sample, valid=sample.take([]))


def test_valid_must_share_the_ids(sample: Ratings) -> None:
    other = Ratings.from_arrays([1, 2], [1, 2], [3.0, 4.0])
    with pytest.raises(DataError, match="other ids"):
        pt.fit(sample, valid=other)


def test_a_generator_as_seed_is_written_down_as_unknown() -> None:
    assert solver_settings(pt.ALS(rng=np.random.default_rng(0)))["rng"] is None
    assert solver_settings(pt.ALS(rng=3))["rng"] == 3
