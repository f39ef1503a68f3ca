"""Callbacks: their events and order, what ends what, and the ones that watch a column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.collab.invented import by_hand, learner, loaders, state_of

from penchant.collab.fits.callbacks import (
    Callback,
    CancelEpochException,
    CancelFitException,
    CancelTrainException,
    CancelValidException,
    TerminateOnNaNCallback,
)
from penchant.collab.fits.trackers import EarlyStoppingCallback, ReduceLROnPlateau, SaveModelCallback
from penchant.collab.losses import mae, rmse
from penchant.errors import ParameterError, UnsupportedError


class Notes(Callback):
    """Writes events down."""

    def __init__(self, told: list[str], name: str = "") -> None:
        self.told, self.mine = told, name

    def note(self, event: str) -> None:
        self.told.append(f"{self.mine}{event}")

    def before_fit(self) -> None:
        self.note("before_fit")

    def before_epoch(self) -> None:
        self.note("before_epoch")

    def before_train(self) -> None:
        self.note("before_train")

    def after_train(self) -> None:
        self.note("after_train")

    def before_validate(self) -> None:
        self.note("before_validate")

    def after_validate(self) -> None:
        self.note("after_validate")

    def after_epoch(self) -> None:
        self.note("after_epoch")

    def after_fit(self) -> None:
        self.note("after_fit")


class Cancels(Callback):
    """Raises something at an event."""

    def __init__(self, event: str, error: type[Exception]) -> None:
        def cancel() -> None:
            raise error

        setattr(self, event, cancel)


EPOCH = ["before_epoch", "before_train", "after_train", "before_validate", "after_validate", "after_epoch"]


def test_events_come_in_fastais_order() -> None:
    told: list[str] = []
    learner(loaders(), cbs=Notes(told)).fit(2)
    assert told == ["before_fit", *EPOCH, *EPOCH, "after_fit"]


@pytest.mark.parametrize(
    ("event", "error", "left"),
    [
        ("before_train", CancelTrainException, ["before_epoch", "before_train", *EPOCH[2:]]),
        ("before_validate", CancelValidException, EPOCH),
        ("before_epoch", CancelEpochException, ["before_epoch", "after_epoch"]),
        ("before_epoch", CancelFitException, ["before_epoch"]),
    ],
)
def test_what_is_cancelled(event: str, error: type[Exception], left: list[str]) -> None:
    told: list[str] = []
    learn = learner(loaders(), cbs=[Notes(told), Cancels(event, error)])
    learn.fit(1)
    assert told == ["before_fit", *left, "after_fit"]
    assert len(learn.recorder.values) == (error is not CancelFitException)


def test_lower_orders_come_first() -> None:
    class First(Notes):
        order = -5

    told: list[str] = []
    learner(loaders(), cbs=[Notes(told, "late "), First(told, "early ")]).fit(1)
    assert told[:2] == ["early before_fit", "late before_fit"]


def test_callbacks_are_attributes_and_see_the_learner() -> None:
    class CountsEpochsCallback(Callback):
        seen = 0

        def after_epoch(self) -> None:
            assert self.epoch == self.learn.epoch  # type: ignore[attr-defined]
            self.seen += 1

    learn = learner(loaders()).add_cb(CountsEpochsCallback)
    learn.fit(2)
    assert learn.counts_epochs.seen == 2  # type: ignore[attr-defined]
    learn.counts_epochs.run = False  # type: ignore[attr-defined]
    learn.fit(1)
    assert learn.counts_epochs.seen == 2  # type: ignore[attr-defined]
    learn.remove_cb(CountsEpochsCallback)
    assert not hasattr(learn, "counts_epochs")
    with pytest.raises(AttributeError, match="no attribute 'epoch'"):
        CountsEpochsCallback().epoch  # type: ignore[attr-defined]  # noqa: B018
    assert repr(CountsEpochsCallback()) == "CountsEpochsCallback"


def test_callbacks_of_a_fit_are_gone_after_it() -> None:
    told: list[str] = []
    learn = learner(loaders())
    learn.fit(1, cbs=Notes(told))
    learn.fit(1)
    assert told.count("before_fit") == 1


def test_events_of_batches_are_refused() -> None:
    class Batches(Callback):
        def after_batch(self) -> None: ...

    with pytest.raises(UnsupportedError, match=r"after_batch.*events of epochs only"):
        learner(loaders(), cbs=Batches)
    learn = learner(loaders())
    with pytest.raises(ParameterError, match="'fit'"):
        learn.add_cb(type("FitCallback", (Callback,), {}))


def scripted(monkeypatch: pytest.MonkeyPatch, losses: list[float]) -> None:
    """Validation that gives these losses, one an epoch."""
    from penchant.collab.learner import Learner

    given = iter(losses)
    monkeypatch.setattr(Learner, "measure", lambda self, _: [next(given), *[0.5] * len(self.metrics)])


def test_early_stopping(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    scripted(monkeypatch, [1.0, 0.9, 0.95, 0.85, 0.849, 0.848, 0.5])
    learn = learner(loaders())
    learn.fit(7, cbs=EarlyStoppingCallback(patience=2, min_delta=0.01))
    assert len(learn.recorder.values) == 6
    assert capsys.readouterr().out.splitlines()[-1] == "No improvement since epoch 3: early stopping"


def test_metrics_that_should_rise(monkeypatch: pytest.MonkeyPatch) -> None:
    def liked(*_: object) -> float:
        return 0.0

    scripted(monkeypatch, [1.0, 0.9, 0.8])
    learn = learner(loaders(), metrics=liked)
    learn.fit(3, cbs=EarlyStoppingCallback(monitor="liked"))  # 0.5 at each epoch
    assert len(learn.recorder.values) == 2


@pytest.mark.parametrize("monitor", ["rmse", "_rmse", "mae", "valid_loss", "train_loss"])
def test_errors_should_fall(monitor: str) -> None:
    tracker = EarlyStoppingCallback(monitor=monitor)
    assert tracker.comp is np.less
    learner(loaders(), metrics=[rmse, mae]).fit(1, cbs=tracker)
    assert tracker.best is not None
    assert tracker.best < 10


def test_unknown_columns_and_no_validation() -> None:
    with pytest.raises(ParameterError, match=r"watches 'accuracy'.*train_loss, valid_loss, mae"):
        learner(loaders(), metrics=mae).fit(1, cbs=SaveModelCallback(monitor="accuracy"))
    with pytest.raises(ParameterError, match="no validation ratings"):
        learner(loaders(valid_pct=0.0)).fit(1, cbs=EarlyStoppingCallback())
    with pytest.raises(ParameterError, match="patience is 0"):
        EarlyStoppingCallback(patience=0)
    with pytest.raises(ParameterError, match="not both"):
        SaveModelCallback(every_epoch=True, at_end=True)
    with pytest.raises(ParameterError, match="factor is 1"):
        ReduceLROnPlateau(factor=1)


class KeepsWeights(Callback):
    """Copies the weights after every epoch."""

    def __init__(self) -> None:
        self.kept: list[dict[str, torch.Tensor]] = []

    def after_epoch(self) -> None:
        self.kept.append(state_of(self.learn))


def test_the_best_model_is_saved_and_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scripted(monkeypatch, [1.0, 0.8, 0.9, 0.95])
    learn, keeps = learner(loaders(tmp_path)), KeepsWeights()
    learn.fit(4, cbs=[SaveModelCallback(fname="best"), keeps])
    assert all(torch.equal(value, keeps.kept[1][name]) for name, value in state_of(learn).items())
    assert (tmp_path / "models" / "best.pth").is_file()
    assert "Better model found at epoch 1 with valid_loss value: 0.8." in capsys.readouterr().out


def test_models_of_every_epoch_and_of_the_end(tmp_path: Path) -> None:
    learn = learner(loaders(tmp_path))
    learn.fit(4, cbs=[SaveModelCallback(every_epoch=2, with_opt=True), SaveModelCallback(fname="end", at_end=True)])
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["end.pth", "model_0.pth", "model_2.pth"]
    n = learn.optimiser().n_steps
    learn.load("model_0")
    assert learn.optimiser().n_steps == n // 4


def test_the_rate_is_lowered_on_a_plateau(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    scripted(monkeypatch, [1.0, 1.1, 0.9, 1.0, 1.0])
    learn = learner(loaders())
    n = len(learn.dls.train)
    learn.fit(5, 1e-2, cbs=ReduceLROnPlateau(factor=4, min_lr=1e-3))
    np.testing.assert_allclose(learn.recorder.lrs[::n], [1e-2, 1e-2, 2.5e-3, 2.5e-3, 1e-3])
    assert "Epoch 1: reducing lr to 0.0025" in capsys.readouterr().out


def test_not_a_number_may_end_quietly() -> None:
    learn = by_hand(loaders(), cbs=TerminateOnNaNCallback)
    with torch.no_grad():
        learn.model.liked.fill_(float("nan"))  # type: ignore[operator, union-attr]
    learn.fit(3)
    assert not learn.recorder.values
