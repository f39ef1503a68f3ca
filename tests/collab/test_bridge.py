"""From a learner to a recommender, and learners that a solver trains."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tests.collab.invented import by_hand, frame, learner, loaders, neural, state_of

import penchant as pt
from penchant.collab.fits.callbacks import Callback
from penchant.collab.fits.trackers import EarlyStoppingCallback, SaveModelCallback
from penchant.collab.learner import Learner
from penchant.collab.losses import mae
from penchant.collab.solver_learner import SolverLearner, solver_data
from penchant.collab.start import collab_learner
from penchant.errors import ParameterError, UnsupportedError
from penchant.recommender.recommender import Recommender


def asked(learn: Learner) -> pd.DataFrame:
    """The held-out pairs with their names."""
    x = learn.dls.valid.x
    return pd.DataFrame(
        {"user": list(learn.dls.classes["user"][x[:, 0]]), "item": list(learn.dls.classes["title"][x[:, 1]])}
    )


def predicted(learn: Learner, rec: Recommender) -> tuple[np.typing.NDArray[np.float32], np.typing.NDArray[np.float32]]:
    """The same pairs, by the learner, clipped, and by the recommender."""
    ours = learn.get_preds()[0].reshape(-1).numpy().clip(*rec.rating_scale)  # type: ignore[union-attr]
    table = asked(learn)
    return ours, rec.predict(table["item"].tolist(), table["user"].tolist())  # type: ignore[return-value]


@pytest.mark.parametrize("make", [learner, neural])
@pytest.mark.parametrize("y_range", [(0, 5.5), None])
def test_a_recommender_predicts_what_its_learner_does(make: object, y_range: object, tmp_path: Path) -> None:
    learn: Learner = make(loaders(), y_range=y_range)  # type: ignore[operator]
    learn.fit_one_cycle(3, 5e-3)
    rec = learn.recommender()
    for each in (rec, pt.load(rec.save(tmp_path / "films.penchant"))):
        np.testing.assert_allclose(*predicted(learn, each), rtol=2e-5, atol=2e-6)
    assert rec.users.ids.tolist() == list(range(30))
    assert "#na#" not in rec.items
    assert len(rec.items) == 40
    assert rec.rating_scale == (1, 5)
    assert rec.history["train_loss"].tolist() == [row[0] for row in learn.recorder.values]
    assert rec.solver["lr"] == learn.optimiser()["lr"]
    assert not rec.interrupted
    train = learn.dls.train
    user = rec.users[3]
    mine = train.x[train.x[:, 0] == learn.dls.classes["user"].o2i[user]]
    seen = set(learn.dls.classes["title"][mine[:, 1]])
    assert set(rec.recommend(user, 40)["item_id"]) == set(rec.items) - seen
    card = rec.evaluate(pt.Ratings.from_frame(frame(seed=9), item="title"))
    assert "bias only" in repr(card)


def test_rows_without_training_ratings_are_what_the_learner_has() -> None:
    dls = loaders()
    title = "film 07"
    keep = dls.train.x[:, 1] != dls.classes["title"].o2i[title]
    dls.train.x, dls.train.y = dls.train.x[keep], dls.train.y[keep]  # type: ignore[index]
    learn = learner(dls)
    learn.fit(2)
    np.testing.assert_allclose(*predicted(learn, learn.recommender()), rtol=2e-5)


def test_a_model_by_hand_has_no_recommender() -> None:
    with pytest.raises(UnsupportedError, match="ByHand is written by hand"):
        by_hand(loaders()).recommender()


# -- solvers --


BAYES = pt.Bayes(n_factors=3, n_draws=40, n_burn=5)


@pytest.mark.parametrize("solver", [BAYES, pt.ALS(n_factors=3), "als"])
def test_a_solver_writes_into_the_lectures_model(solver: object, capsys: pytest.CaptureFixture[str]) -> None:
    learn = collab_learner(loaders(), n_factors=3, solver=solver, metrics=mae)  # type: ignore[arg-type]
    assert repr(learn.model).splitlines()[1].strip() == "(u_weight): Embedding(31, 3)"
    learn.fit()
    rec = learn.recommender()
    ours, theirs = predicted(learn, rec)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    assert isinstance(learn, SolverLearner)
    assert rec.model is learn.solved
    assert rec.solver["name"] == learn.solver.name
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["epoch", "train_loss", "valid_loss", "mae", "time"]
    assert len(lines) == 1 + len(learn.recorder.values) == 1 + learn.solver.n_epochs
    assert learn.recorder.values[-1][1:] == pytest.approx(learn.validate(), rel=0.2)


def test_row_0_is_what_is_believed_of_a_stranger() -> None:
    learn = collab_learner(loaders(), solver=BAYES)
    learn.fit()
    assert isinstance(learn, SolverLearner)
    assert learn.solved is not None
    cold = learn.solved.with_rows(31, 41)
    with torch.no_grad():
        ours = learn.model(torch.tensor([[0, 0], [0, 5], [3, 0]])).numpy()
    np.testing.assert_allclose(
        ours, cold.predict(np.array([30, 30, 2], np.int32), np.array([40, 4, 40], np.int32)), rtol=1e-5
    )


def test_bayes_is_better_than_chance_and_knows_how_sure_it_is() -> None:
    learn = collab_learner(loaders(), solver=BAYES)
    before = learn.validate()[0]
    learn.fit()
    assert learn.validate()[0] < before / 4  # type: ignore[operator]
    assert learn.recommender().predict("film 03", 3, interval=0.9).low < 5  # type: ignore[union-attr]


def test_a_solver_may_be_stopped_and_starts_again() -> None:
    learn = collab_learner(loaders(), solver=BAYES)
    learn.fit(2)
    first = state_of(learn)
    assert len(learn.recorder.history) == 2
    learn.fit(2)
    assert len(learn.recorder.history) == 2
    assert all(torch.equal(value, first[name]) for name, value in state_of(learn).items())
    learn.fit(cbs=EarlyStoppingCallback(min_delta=10))
    assert len(learn.recorder.values) == 2


def test_callbacks_of_files_work_with_solvers(tmp_path: Path) -> None:
    learn = collab_learner(loaders(tmp_path), solver=pt.ALS(n_factors=3, n_epochs=3))
    learn.fit(cbs=SaveModelCallback(at_end=True, fname="als"))
    twin = learner(loaders(tmp_path), n_factors=3, y_range=None)
    twin.load("als", with_opt=False)
    assert torch.equal(twin.get_preds()[0], learn.get_preds()[0])  # type: ignore[arg-type]


def test_ctrl_c_keeps_the_last_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    class PressesCtrlC(Callback):
        def before_epoch(self) -> None:
            if self.learn.epoch == 1:
                signal.raise_signal(signal.SIGINT)

    learn = collab_learner(loaders(), solver=pt.ALS(n_factors=3, n_epochs=8))
    learn.fit(cbs=PressesCtrlC())
    assert learn.interrupted
    assert len(learn.recorder.values) == 2
    assert learn.recommender().interrupted
    assert "Interrupted after 2 epochs" in capsys.readouterr().out


def test_what_solvers_do_not_take() -> None:
    dls = loaders()
    learn = collab_learner(dls, solver=BAYES)
    for call in (lambda: learn.fit(1, 5e-3), lambda: learn.fit(1, wd=0.1), lambda: learn.fit_one_cycle(5)):
        with pytest.raises(UnsupportedError, match="no learning rate"):
            call()
    with pytest.raises(UnsupportedError, match=r"learn.fit\(\)"):
        learn.lr_find()
    with pytest.raises(ParameterError, match="n_epoch is 0"):
        learn.fit(0)
    for kwargs, told in (
        ({"solver": "sgd"}, "solver is 'sgd'"),
        ({"solver": pt.Bayes}, "solver"),
        ({"solver": BAYES, "y_range": (0, 5)}, "leave y_range out"),
        ({"solver": BAYES, "use_nn": True}, "leave use_nn out"),
        ({"solver": pt.ALS(n_factors=0)}, "learns no factors"),
        ({"solver": pt.Bayes(user_features=["age"])}, "features"),
    ):
        with pytest.raises(ParameterError, match=told):
            collab_learner(dls, **kwargs)  # type: ignore[arg-type]


def test_rows_that_lack_a_user_are_not_trained_on() -> None:
    dls = loaders()
    dls.train.x = dls.train.x.clone()
    dls.train.x[0, 0] = 0
    assert len(solver_data(dls).rating) == len(dls.train.x) - 1
