"""The recorder: fastai's smoothed loss, the columns of the table, schedules as they were, and pictures."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest
import torch
from tests.collab.invented import learner, loaders

from penchant.collab.display.recorder import Recorder, smooth
from penchant.collab.losses import mae, rmse
from penchant.errors import ParameterError, UnsupportedError
from penchant.solvers.gradient.schedules import one_cycle


def test_the_smoothed_loss_is_a_weighted_mean_that_forgets() -> None:
    losses = np.random.default_rng(0).uniform(0.5, 2, 300).astype(np.float32)
    expected = []  # a weighted mean: a batch that is t batches old counts 0.98^t
    for count in range(1, len(losses) + 1):
        weights = 0.98 ** np.arange(count)[::-1]
        expected.append(np.average(losses[:count], weights=weights))
    shown, _ = smooth(losses)
    np.testing.assert_allclose(shown, expected, rtol=1e-5)


def test_smoothing_goes_on_where_it_was() -> None:
    losses = np.random.default_rng(0).uniform(0.5, 2, 300).astype(np.float32)
    whole, _ = smooth(losses)
    first, before = smooth(losses[:100])
    second, _ = smooth(losses[100:], before=before, count=100)
    assert first + second == whole


def test_a_fit_is_taken_down_batch_by_batch_and_epoch_by_epoch() -> None:
    dls = loaders()
    learn = learner(dls, metrics=[rmse, mae])
    learn.fit_one_cycle(3, 5e-3)
    recorder, n = learn.recorder, len(dls.train)
    assert list(recorder.metric_names) == ["epoch", "train_loss", "valid_loss", "rmse", "mae", "time"]
    assert recorder.iters == [n, 2 * n, 3 * n]
    assert len(recorder.losses) == len(recorder.lrs) == 3 * n
    assert all(isinstance(loss, torch.Tensor) and loss.ndim == 0 for loss in recorder.losses)
    schedule = one_cycle(3 * n, 5e-3)
    np.testing.assert_allclose(recorder.hps["lr"], schedule.lr)
    np.testing.assert_allclose(recorder.hps["mom"], schedule.mom)
    for row, end in zip(recorder.values, recorder.iters, strict=True):
        assert row[0] == pytest.approx(float(recorder.losses[end - 1]))
    assert recorder.values[-1][1:] == learn.validate()
    assert recorder.values[-1][2] == pytest.approx(recorder.values[-1][1] ** 0.5, rel=1e-5)  # type: ignore[operator]
    assert recorder.log[:-1] == [2, *recorder.values[-1]]
    assert str(recorder.log[-1]).endswith("s")


def test_every_fit_starts_anew_but_history_goes_on() -> None:
    learn = learner(loaders())
    learn.fit(2)
    first = float(learn.recorder.losses[0])
    learn.fit(1)
    assert len(learn.recorder.values) == 1
    assert float(learn.recorder.losses[0]) != first
    assert [row["epoch"] for row in learn.recorder.history] == [0, 1, 2]


def test_without_held_out_ratings_there_is_nothing_to_measure(capsys: pytest.CaptureFixture[str]) -> None:
    learn = learner(loaders(valid_pct=0.0), metrics=mae)
    learn.fit(1)
    assert learn.recorder.values[0][1:] == [None, None]
    assert len(capsys.readouterr().out.splitlines()[1].split()) == 3  # epoch, train_loss, time


@pytest.fixture
def plt() -> Iterator[ModuleType]:
    pytest.importorskip("matplotlib").use("Agg")
    import matplotlib.pyplot as plt

    plt.close("all")
    yield plt
    plt.close("all")


def test_plot_loss_draws_both_losses(plt: ModuleType) -> None:
    learn = learner(loaders())
    learn.fit(3)
    ax = learn.recorder.plot_loss(skip_start=5, show_epochs=True)
    train, *ends, valid = ax.lines
    np.testing.assert_allclose(train.get_ydata(), [float(loss) for loss in learn.recorder.losses[5:]], rtol=1e-6)
    assert [line.get_xdata()[0] for line in ends] == learn.recorder.iters
    np.testing.assert_allclose(valid.get_xdata(), learn.recorder.iters)
    np.testing.assert_allclose(valid.get_ydata(), [row[1] for row in learn.recorder.values])
    assert learn.recorder.plot_loss(log=True, with_valid=False, ax=plt.figure().gca()).get_xscale() == "log"


def test_plot_sched_draws_what_was(plt: ModuleType) -> None:
    learn = learner(loaders())
    learn.fit_one_cycle(1)
    learn.recorder.plot_sched()
    axes = plt.gcf().axes
    assert [ax.get_ylabel() for ax in axes] == ["lr", "mom"]
    np.testing.assert_allclose(axes[1].lines[0].get_ydata(), learn.recorder.hps["mom"])
    learn.recorder.plot_sched("lr")
    with pytest.raises(ParameterError, match="lr, mom"):
        learn.recorder.plot_sched("wd")


def test_pictures_of_nothing_are_refused() -> None:
    recorder = Recorder()
    for draw in (recorder.plot_loss, recorder.plot_sched, recorder.plot_lr_find):
        with pytest.raises(ParameterError, match="after"):
            draw()


def test_pictures_need_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    learn = learner(loaders())
    learn.fit(1)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(UnsupportedError, match="pip install matplotlib"):
        learn.recorder.plot_loss()
