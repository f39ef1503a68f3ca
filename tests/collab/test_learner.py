"""Learner: the fit against a plain loop with autograd, what it answers, and what it refuses."""

from __future__ import annotations

import signal
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tests.collab.invented import ByHand, by_hand, frame, learner, loaders, neural, state_of
from torch import Tensor, nn

from penchant.collab.data.loaders import CollabDataLoaders, DataLoader
from penchant.collab.fits.callbacks import Callback
from penchant.collab.fits.optimiser import Adam
from penchant.collab.learner import Learner
from penchant.collab.losses import L1LossFlat, MSELossFlat, mae, rmse
from penchant.collab.start import collab_learner
from penchant.errors import DataError, ParameterError, UnknownIdError, UnsupportedError
from penchant.solvers.gradient.schedules import Schedule, constant, flat_cos, one_cycle
from penchant.solvers.gradient.torch_adam import undecayed


def keep_orders(dls: CollabDataLoaders, monkeypatch: pytest.MonkeyPatch) -> list[np.typing.NDArray[np.int64]]:
    """The orders that the training loader gives from now on."""
    orders = []
    ask = type(dls.train).order

    def order(self: DataLoader) -> np.typing.NDArray[np.int64]:
        given = ask(self)
        if self is dls.train:
            orders.append(given)
        return given

    monkeypatch.setattr(type(dls.train), "order", order)
    return orders


def plain_fit(
    model: nn.Module, dls: CollabDataLoaders, orders: list[np.typing.NDArray[np.int64]], schedule: Schedule, wd: float
) -> None:
    """The same batches through autograd and Adam as it is written."""
    spared = undecayed(model)
    params = [p for p in model.parameters() if p.numel()]
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in params]
    order = torch.from_numpy(np.concatenate(orders)).split(dls.train.bs)
    model.train()
    for t, (rows, lr, mom) in enumerate(zip(order, schedule.lr.tolist(), schedule.mom.tolist(), strict=True), 1):
        rows = rows[rows >= 0]  # a short batch was filled up
        loss = torch.mean((model(dls.train.x[rows]).reshape(-1) - dls.train.y[rows].reshape(-1)) ** 2)
        grads = torch.autograd.grad(loss, params)
        with torch.no_grad():
            for p, g, (m, v) in zip(params, grads, moments, strict=True):
                p.mul_(1 - lr * wd * (id(p) not in spared))
                m.mul_(mom).add_(g, alpha=1 - mom)
                v.mul_(0.99).addcmul_(g, g, value=0.01)
                p.sub_(lr / (1 - mom**t) * m / ((v / (1 - 0.99**t)).sqrt() + 1e-5))
    model.eval()


def test_without_shuffling_the_last_short_batch_is_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    dls = CollabDataLoaders.from_df(frame(), item_name="title", bs=100, seed=3, shuffle=False)
    assert len(dls.train) == 10
    orders = keep_orders(dls, monkeypatch)
    learn, twin = learner(dls), learner(dls)
    learn.fit(2)
    assert learn.optimiser().n_steps == 20
    parts = [np.pad(order, (0, 40), constant_values=-1) for order in orders]
    assert all(np.array_equal(order, np.arange(960)) for order in orders)
    plain_fit(twin.model, dls, parts, constant(20, 1e-3), 0.01)
    torch.testing.assert_close(state_of(learn), state_of(twin), rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("make", [learner, by_hand, neural])
def test_fits_are_those_of_a_plain_loop(make: object, monkeypatch: pytest.MonkeyPatch) -> None:
    dls = loaders()
    orders = keep_orders(dls, monkeypatch)
    learn: Learner = make(dls)  # type: ignore[operator]
    twin: Learner = make(dls)  # type: ignore[operator]
    learn.fit_one_cycle(3, 5e-3, wd=0.1)
    plain_fit(twin.model, dls, orders, one_cycle(3 * len(dls.train), 5e-3), 0.1)
    for (name, ours), theirs in zip(learn.model.state_dict().items(), twin.model.state_dict().values(), strict=True):
        if ours.is_floating_point() and not name.startswith("bn_cont"):
            torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=2e-5, msg=name)


def test_moments_go_on_from_fit_to_fit_unless_they_are_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    dls = loaders()
    orders = keep_orders(dls, monkeypatch)
    learn, twin = learner(dls), learner(dls)
    learn.fit(1, 5e-3)
    learn.fit(2, 5e-3)
    plain_fit(twin.model, dls, orders, constant(3 * len(dls.train), 5e-3), 0.01)
    torch.testing.assert_close(state_of(learn), state_of(twin), rtol=1e-3, atol=2e-5)
    assert learn.opt is not None
    assert learn.opt.n_steps == 3 * len(dls.train)
    learn.fit(1, 5e-3, reset_opt=True)
    assert learn.opt.n_steps == len(dls.train)


def test_hyper_parameters_stick_as_in_fastai() -> None:
    learn = learner(loaders(), lr=2e-3, wd=0.05)
    learn.fit(1)
    optimiser = learn.optimiser()
    assert optimiser.hypers == [{"wd": 0.05, "sqr_mom": 0.99, "lr": 2e-3, "mom": 0.9, "eps": 1e-5}]
    learn.fit(1, lr=slice(1e-5, 1e-3), wd=0.2)
    assert (optimiser["lr"], optimiser["wd"]) == (1e-3, 0.2)
    learn.fit_one_cycle(1, 4e-3)
    n = len(learn.dls.train)
    assert (optimiser["lr"], optimiser["mom"]) == (one_cycle(n, 4e-3).lr[-1], one_cycle(n, 4e-3).mom[-1])
    assert optimiser["wd"] == 0.05  # the learner's
    learn.fit(1)
    assert set(learn.recorder.hps["mom"]) == {one_cycle(n, 4e-3).mom[-1]}  # the last momentum stays


def test_optimiser_of_a_partial() -> None:
    learn = learner(loaders(), opt_func=partial(Adam, lr=3e-3, eps=1e-7, sqr_mom=0.999, wd=0.3))
    learn.fit(1)
    assert learn.optimiser().hypers == [{"wd": 0.3, "sqr_mom": 0.999, "lr": 3e-3, "mom": 0.9, "eps": 1e-7}]


def test_schedules_of_each_way_to_fit() -> None:
    learn = learner(loaders())
    n = len(learn.dls.train)
    learn.fit_flat_cos(2, 4e-3, pct_start=0.5, div_final=100)
    np.testing.assert_allclose(learn.recorder.lrs, flat_cos(2 * n, 4e-3, pct_start=0.5, div_final=100).lr)
    learn.fit_one_cycle(4, 4e-3, div=10, pct_start=0.4, moms=(0.8, 0.7, 0.9), start_epoch=3)
    whole = one_cycle(4 * n, 4e-3, div=10, pct_start=0.4, moms=(0.8, 0.7, 0.9))
    np.testing.assert_allclose(learn.recorder.hps["mom"], whole.mom[3 * n :])
    assert learn.recorder.log[0] == 3


def test_the_table_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    learn = learner(loaders(), metrics=[rmse])
    learn.fit(2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["epoch", "train_loss", "valid_loss", "rmse", "time"]
    for number, line in enumerate(lines[1:]):
        epoch, *values, time = line.split()
        assert epoch == str(number)
        assert values == [f"{value:.6f}" for value in learn.recorder.values[number]]
        assert time.endswith("s")
    with learn.no_logging():
        learn.fit(1)
    assert capsys.readouterr().out == ""
    with learn.no_bar(), learn.no_mbar():
        learn.fit(1)
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_another_logger_gets_the_rows() -> None:
    rows: list[object] = []
    learn = learner(loaders())
    learn.logger = rows.append
    learn.fit(2)
    assert [row[0] for row in rows] == [0, 1]  # type: ignore[index]


# -- what it answers --


def test_validate_is_the_mean_over_all_rows() -> None:
    dls = loaders()
    learn = learner(dls, metrics=[rmse, mae])
    learn.fit(1)
    with torch.no_grad():
        for ds_idx, loader in enumerate((dls.train, dls.valid)):
            error = learn.model(loader.x).reshape(-1) - loader.y.reshape(-1)
            expected = [float((error**2).mean()), float((error**2).mean().sqrt()), float(error.abs().mean())]
            assert learn.validate(ds_idx) == pytest.approx(expected, rel=1e-5)
    assert len(learn.recorder.values) == 1  # nothing is added to the table


def test_losses_and_metrics_of_others_are_means_over_batches() -> None:
    def worst(predictions: Tensor, targets: Tensor) -> Tensor:
        return (predictions.reshape(-1) - targets.reshape(-1)).abs().max()

    dls = loaders()
    learn = learner(dls, loss_func=worst, metrics=partial(worst))
    learn.fit(1)
    with torch.no_grad():
        batches = zip(dls.valid.x.split(dls.valid.bs), dls.valid.y.split(dls.valid.bs), strict=True)
        each = [(float(worst(learn.model(x), y)), len(y)) for x, y in batches]
    expected = sum(value * n for value, n in each) / sum(n for _, n in each)
    assert learn.validate() == pytest.approx([expected, expected], rel=1e-5)
    assert list(learn.recorder.metric_names)[3] == "worst"


@pytest.mark.parametrize("make", [learner, by_hand, neural])
def test_get_preds_are_those_of_the_model_in_order(make: object) -> None:
    dls = loaders()
    learn: Learner = make(dls)  # type: ignore[operator]
    learn.fit(1)
    assert not learn.model.training  # as in fastai, so that learn.model(x) is what get_preds gives
    learn.model.train()
    inputs, predictions, targets, decoded, losses = learn.get_preds(with_input=True, with_decoded=True, with_loss=True)
    assert not learn.model.training
    assert torch.equal(inputs, dls.valid.x)  # type: ignore[arg-type]
    with torch.no_grad():
        torch.testing.assert_close(predictions, learn.model(dls.valid.x))
    assert torch.equal(decoded, predictions)  # type: ignore[arg-type]
    assert torch.equal(targets, dls.valid.y)  # type: ignore[arg-type]
    assert float(losses.mean()) == pytest.approx(learn.validate()[0], rel=1e-5)  # type: ignore[union-attr]
    assert losses.shape == (len(dls.valid.x),)  # type: ignore[union-attr]
    assert learn.loss_func.reduction == "mean"  # type: ignore[attr-defined]
    assert len(learn.get_preds(0)[0]) == len(dls.train.x)  # type: ignore[arg-type]


def test_losses_of_rows_by_functions_that_take_a_reduction() -> None:
    def loss(predictions: Tensor, targets: Tensor, reduction: str = "mean") -> Tensor:
        return nn.functional.mse_loss(predictions.reshape(-1), targets.reshape(-1).float(), reduction=reduction)

    learn = learner(loaders(), loss_func=loss)
    *_, losses = learn.get_preds(with_loss=True)
    assert float(losses.mean()) == pytest.approx(learn.validate()[0], rel=1e-5)  # type: ignore[union-attr]


def test_predict_one_row() -> None:
    learn = learner(loaders())
    learn.fit(1)
    for row in ({"user": 3, "title": "film 07", "rating": 5}, frame().iloc[7], frame().iloc[[7]]):
        shown, decoded, prediction = learn.predict(row)
        assert list(shown) == ["user", "title", "rating"]
        series = row.iloc[0] if isinstance(row, pd.DataFrame) else row
        x = torch.tensor([[learn.dls.classes[name].o2i[series[name]] for name in ("user", "title")]])
        with torch.no_grad():
            torch.testing.assert_close(prediction, learn.model(x)[0])
        assert float(decoded) == pytest.approx(shown["rating"][0])
    with pytest.raises(UnknownIdError, match=r"film 7x.*film"):
        learn.predict({"user": 3, "title": "film 7x"})
    with pytest.raises(DataError, match="no 'title'"):
        learn.predict({"user": 3})
    with pytest.raises(DataError, match="one row"):
        learn.predict(3)  # type: ignore[arg-type]


def test_results_have_titles() -> None:
    learn = learner(loaders())
    learn.fit(1)
    table = learn.results(max_n=5)
    assert list(table) == ["user", "title", "rating", "rating_pred"]
    assert len(table) == 5
    known = frame()
    assert set(table["title"]) <= set(known["title"])
    for _, row in table.iterrows():
        assert float(learn.predict(row)[2]) == pytest.approx(row["rating_pred"], rel=1e-5)
        mine = known[(known["user"] == row["user"]) & (known["title"] == row["title"])]
        assert row["rating"] in set(mine["rating"])


# -- what it refuses --


def refused(call: object, match: str, error: type[Exception] = ParameterError) -> None:
    with pytest.raises(error, match=match):
        call()  # type: ignore[operator]


def test_values_out_of_range() -> None:
    dls = loaders()
    learn = learner(dls)
    refused(lambda: learn.fit(0), "n_epoch is 0")
    refused(lambda: learn.fit(2.5), "n_epoch is 2.5")  # type: ignore[arg-type]
    refused(lambda: learn.fit(1, lr=0), "lr is 0.*5e-3")
    refused(lambda: learn.fit(1, lr=-1), "lr is -1")
    refused(lambda: learn.fit_one_cycle(1, float("nan")), "lr_max is nan")
    refused(lambda: learn.fit(1, wd=-1), "wd is -1")
    refused(lambda: learn.fit(2, start_epoch=2), "start_epoch is 2")
    refused(lambda: learn.validate(3), "ds_idx is 3")
    refused(lambda: learn.fit(1, cbs=[3]), "no callback")  # type: ignore[list-item]
    refused(lambda: learner(dls, metrics=["rmse"]), "metrics holds 'rmse'")
    refused(lambda: learner(dls, metrics="rmse"), "metrics holds 'rmse'")
    refused(lambda: learner(dls, y_range=(5, 0)), "y_range")
    refused(lambda: learner(dls, n_factors=0), "n_factors is 0")
    refused(lambda: learner(dls, use_nn=True, layers=[0]), "layers")
    refused(lambda: learner(dls, use_nn=True, emb_szs={"titel": 3}), "titel.*title")
    refused(lambda: learner(dls, use_nn=True, config={"hidden": 3}), "hidden")
    refused(lambda: Learner(dls, "model"), "torch module")  # type: ignore[arg-type]
    refused(lambda: learner(dls, wd_bn_bias=True), "wd_bn_bias", UnsupportedError)
    refused(lambda: learner(dls, opt_func=partial(Adam, decouple_wd=False)).fit(1), "decouple_wd", UnsupportedError)
    refused(lambda: learner(dls, opt_func=torch.optim.SGD).fit(1), "SGD.*Adam", UnsupportedError)
    assert not learn.recorder.values


def test_a_batch_larger_than_the_table() -> None:
    learn = learner(loaders())
    learn.dls.train.bs = 4000
    refused(lambda: learn.fit(1), "bs is 4000.*smaller bs")


class Wide(nn.Module):
    """Two numbers a row."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(100, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.table(x[:, 0])  # type: ignore[no-any-return]


def test_a_model_that_gives_no_ratings() -> None:
    dls = loaders()
    refused(lambda: Learner(dls, Wide()).fit(1), r"shape \(2, 2\) for 2 rows.*one number a row")


def test_a_loss_that_is_no_number_any_more_is_an_error_and_the_recorder_stays() -> None:
    learn = by_hand(loaders())
    learn.fit(1)
    with torch.no_grad():
        learn.model.liked.fill_(float("nan"))  # type: ignore[operator, union-attr]
    refused(lambda: learn.fit(3), "from batch 0 of epoch 0, at lr 0.001.*lr_find")
    assert not learn.recorder.values
    assert len(learn.recorder.losses) == len(learn.dls.train)


def test_the_callers_config_is_left_alone() -> None:
    config = {"ps": 0.1}
    learn = collab_learner(loaders(), use_nn=True, y_range=(0, 5), layers=[6], config=config)
    assert config == {"ps": 0.1}
    assert "p=0.1" in repr(learn.model)


def test_widths_of_embeddings_can_be_given() -> None:
    learn = collab_learner(loaders(), use_nn=True, emb_szs={"title": 7}, n_factors=5)
    assert learn.model.embeds[1].embedding_dim == 7  # type: ignore[index, union-attr]
    assert learn.model.layers[0][0].out_features == 5  # type: ignore[index, union-attr]


# -- Ctrl-C --


class PressesCtrlC(Callback):
    """Ctrl-C at the start of an epoch."""

    def __init__(self, epoch: int) -> None:
        self.at = epoch

    def before_train(self) -> None:
        if self.learn.epoch == self.at:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("make", [learner, by_hand])
def test_ctrl_c_ends_a_fit_and_keeps_what_was_learned(make: object, capsys: pytest.CaptureFixture[str]) -> None:
    learn: Learner = make(loaders())  # type: ignore[operator]
    before = signal.getsignal(signal.SIGINT)
    learn.fit(5, cbs=PressesCtrlC(2))
    assert learn.interrupted
    assert len(learn.recorder.values) == 2
    assert learn.optimiser().n_steps == len(learn.recorder.losses)
    assert "Interrupted in epoch 2, after 2 whole ones" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) is before
    learn.fit(1)
    assert not learn.interrupted


def test_a_second_ctrl_c_is_an_interrupt() -> None:
    class Twice(PressesCtrlC):
        def before_train(self) -> None:
            super().before_train()
            super().before_train()

    learn = learner(loaders())
    with pytest.raises(KeyboardInterrupt):
        learn.fit(2, cbs=Twice(0))
    learn.fit(1)


# -- which way it is trained --


def test_what_is_not_the_plain_dot_product_goes_through_torch() -> None:
    """A frozen table stays as it is; another loss, a hook and a subclass are trained as they are."""
    dls = loaders()
    frozen = learner(dls)
    frozen.model.u_weight.requires_grad_(False)  # type: ignore[operator, union-attr]
    before = state_of(frozen)
    frozen.fit(1)
    assert torch.equal(before["u_weight.weight"], frozen.model.state_dict()["u_weight.weight"])
    assert not torch.equal(before["i_weight.weight"], frozen.model.state_dict()["i_weight.weight"])
    frozen.unfreeze()
    assert all(p.requires_grad for p in frozen.model.parameters())
    absolute = learner(dls, loss_func=L1LossFlat())
    absolute.fit(2)
    assert absolute.recorder.values[-1][1] == pytest.approx(float(absolute.get_preds(with_loss=True)[2].mean()))  # type: ignore[union-attr]
    hooked, calls = learner(dls), []
    hooked.model.register_forward_hook(lambda *_: calls.append(1))
    hooked.fit(1)
    assert len(calls) > len(dls.train)


def test_a_model_may_be_summed_up_to_another_reduction() -> None:
    learn = learner(loaders(), loss_func=MSELossFlat(reduction="sum"))
    learn.fit(1)
    assert learn.recorder.values[0][0] > 10  # type: ignore[operator]


def test_path_and_folder(tmp_path: Path) -> None:
    learn = learner(loaders(tmp_path), model_dir="kept")
    assert learn.save("a") == tmp_path / "kept" / "a.pth"
    assert learner(loaders(), path=tmp_path).save("b") == tmp_path / "models" / "b.pth"


def test_freeze_forgets_moments() -> None:
    learn = learner(loaders())
    learn.fit(1)
    learn.freeze()
    assert learn.optimiser().n_steps == 0
    assert "0 steps" in repr(learn.opt)


def test_a_model_by_hand_need_not_be_ours() -> None:
    assert not hasattr(ByHand(3, 3), "classes")
