"""Beside fastai: files of weights there and back, suggested learning rates, and the steps of its optimiser."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from fastai import collab as theirs
from fastai.callback import schedule as their_schedule
from fastai.optimizer import Adam as TheirAdam
from tests.collab.make_fastai_weights import ratings
from tests.collab.test_lr_find import fall_and_rise
from tests.collab.test_weights import KINDS, like_fastais, predictions
from torch import nn

from penchant.collab import minimum, slide, steep, valley
from penchant.solvers.gradient.net_layers import Embedding
from penchant.solvers.gradient.schedules import one_cycle
from penchant.solvers.gradient.torch_trainer import TorchTrainer

N_STEPS, BATCH = 200, 16


@pytest.mark.parametrize("kind", KINDS)
def test_files_go_to_fastai_and_come_back(kind: str, tmp_path: Path) -> None:
    """fastai reads our file and predicts the same; it trains on and saves; we read that, with the number of steps."""
    learn = like_fastais(kind, tmp_path)
    learn.fit_one_cycle(1)
    learn.save("ours")
    dls = theirs.CollabDataLoaders.from_df(ratings(), bs=32, seed=7, path=tmp_path)
    there = theirs.collab_learner(dls, y_range=(0, 5.5), **KINDS[kind])
    there.load("ours")
    x = torch.cartesian_prod(torch.arange(13), torch.arange(21))
    with torch.no_grad():
        np.testing.assert_allclose(there.model.eval()(x).reshape(-1).numpy(), predictions(learn), rtol=1e-5)
    with there.no_bar(), there.no_logging():
        there.fit(1)
    there.save("theirs")
    learn.load("theirs")
    assert learn.optimiser().n_steps == 2 * (320 // 32)
    with torch.no_grad():
        np.testing.assert_allclose(there.model.eval()(x).reshape(-1).numpy(), predictions(learn), rtol=1e-5)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("ours", [valley, slide, minimum, steep])
def test_the_same_learning_rate_is_suggested(ours, seed):
    lrs, losses = fall_and_rise()
    losses = losses + 0.05 * torch.from_numpy(np.random.default_rng(seed).normal(size=len(losses))).float()
    suggested = getattr(their_schedule, ours.__name__)(lrs, losses, 100)
    assert ours(lrs, losses, 100)[0] == pytest.approx(suggested[0])


def test_the_same_steps_of_the_optimiser():
    """After 200 steps of one cycle on the same batches, no parameter is further away than rounding explains."""
    torch.manual_seed(0)
    users, items = Embedding(30, 5), Embedding(40, 5)
    model = nn.ModuleList([users, items])
    other = copy.deepcopy(model)
    x = torch.stack([torch.randint(0, 30, (640,)), torch.randint(0, 40, (640,))], dim=1)
    y = torch.randint(1, 6, (640, 1)).float()

    def predict(tables: nn.ModuleList, rows: torch.Tensor) -> torch.Tensor:
        return (tables[0](rows[:, 0]) * tables[1](rows[:, 1])).sum(dim=1)

    def loss(predicted: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        return (predicted - wanted.reshape(-1)).square().mean()

    model.forward = lambda rows: predict(model, rows)
    schedule = one_cycle(N_STEPS, 5e-3)
    order = np.concatenate([np.random.default_rng(seed).permutation(640) for seed in range(N_STEPS * BATCH // 640)])
    TorchTrainer(model, loss, x, y, wd=0.1).run(order, BATCH, schedule.lr, schedule.mom)
    optimiser = TheirAdam(list(other.parameters()), lr=1e-3, wd=0.1)
    for at in range(N_STEPS):
        batch = torch.from_numpy(order[at * BATCH : (at + 1) * BATCH])
        optimiser.set_hypers(lr=float(schedule.lr[at]), mom=float(schedule.mom[at]))
        loss(predict(other, x[batch]), y[batch]).backward()
        optimiser.step()
        optimiser.zero_grad()
    for ours, there in zip(model.parameters(), other.parameters(), strict=True):
        assert (ours - there).abs().max() < 1e-5
