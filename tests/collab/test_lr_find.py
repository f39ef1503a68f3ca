"""lr_find: the sweep, what it leaves behind (nothing), and suggestions as fastai makes them."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from tests.collab.invented import by_hand, learner, loaders, neural, state_of

from penchant.collab.fits.lr_find import SuggestionMethod, minimum, slide, steep, valley
from penchant.collab.learner import Learner
from penchant.errors import ParameterError


@pytest.mark.parametrize("make", [learner, by_hand, neural])
def test_weights_and_optimiser_are_what_they_were(make: object) -> None:
    learn: Learner = make(loaders())  # type: ignore[operator]
    learn.fit_one_cycle(1)
    before, moments, n_steps = state_of(learn), learn.optimiser().moments, learn.optimiser().n_steps
    found = learn.lr_find(show_plot=False)
    assert found is not None
    assert repr(found).startswith("SuggestedLRs(valley=")
    assert all(torch.equal(value, before[name]) for name, value in state_of(learn).items())
    assert learn.optimiser().n_steps == n_steps
    assert learn.optimiser()["lr"] == learn.lr
    for name, pair in learn.optimiser().moments.items():
        assert all(np.array_equal(ours, theirs) for ours, theirs in zip(pair, moments[name], strict=True))


def test_rates_grow_by_equal_factors() -> None:
    learn = learner(loaders())
    found = learn.lr_find(1e-6, 1, num_it=80, stop_div=False, show_plot=False, suggest_funcs=(valley, steep))
    assert learn.recorder.lrs == pytest.approx(1e-6 * 1e6 ** (np.arange(80) / 80))
    assert found is not None
    assert min(abs(np.log(np.array(learn.recorder.lrs) / found[0]))) < 1e-6
    assert found._fields == ("valley", "steep")  # type: ignore[attr-defined]
    assert not learn.recorder.values


def test_it_stops_where_the_loss_is_four_times_the_best() -> None:
    learn = by_hand(loaders())

    def growing(predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        growing.calls += 1  # type: ignore[attr-defined]
        return ((predictions.reshape(-1) - targets.reshape(-1)) ** 2).mean() * (1 + 0.001 * growing.calls**2)  # type: ignore[attr-defined]

    growing.calls = 0  # type: ignore[attr-defined]
    learn.loss_func = growing
    learn.lr_find(1e-9, 1e-8, show_plot=False)
    losses = [float(loss) for loss in learn.recorder.losses]
    assert len(losses) < 100
    assert losses[-1] > 4 * min(losses)
    assert losses[-2] <= 4 * min(losses[:-1])


def fall_and_rise(n: int = 85) -> tuple[torch.Tensor, torch.Tensor]:
    lrs = torch.tensor(1e-7 * 1e8 ** (np.arange(10, 10 + n) / 100))
    x = torch.linspace(-3, 3, n)
    wobble = torch.from_numpy(np.random.default_rng(0).normal(0, 0.01, n)).float()
    return lrs.float(), 1 + x.clamp(max=1).sub(1).pow(2) * -0.05 * -1 + x.sub(1).clamp(min=0).pow(3) + wobble


def test_suggestions_on_a_curve() -> None:
    lrs, losses = fall_and_rise()
    rate, (at, loss) = minimum(lrs, losses, 100)
    assert rate == pytest.approx(at / 10)
    assert loss == float(losses.min())
    rate, point = steep(lrs, losses, 100)
    slopes = np.diff(losses.numpy()) / np.diff(np.log(lrs.numpy()))
    assert rate == float(lrs[int(slopes.argmin())])
    assert point[0] == rate
    assert float(lrs[0]) < valley(lrs, losses, 100)[0] < minimum(lrs, losses, 100)[1][0]
    assert slide(lrs, losses, 100, adjust_value=0.5)[0] == pytest.approx(slide(lrs, losses, 100)[0] / 2)


def test_functions_of_others_and_none() -> None:
    learn = learner(loaders())
    found = learn.lr_find(show_plot=False, suggest_funcs=[partial(slide, thresh=0.1), SuggestionMethod.Minimum])
    assert found is not None
    assert found._fields == ("slide", "minimum")  # type: ignore[attr-defined]
    assert learn.lr_find(show_plot=False, suggest_funcs=None) is None


def test_it_is_drawn() -> None:
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot as plt

    plt.close("all")
    learn = learner(loaders())
    found = learn.lr_find()
    (ax,) = plt.gcf().axes
    assert ax.get_xscale() == "log"
    assert found is not None
    assert ax.lines[1].get_xdata()[0] == found[0]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["valley"]
    learn.lr_find(suggest_funcs=None)
    assert len(plt.gcf().axes[0].lines) == 1
    plt.close("all")


def test_values_out_of_range() -> None:
    learn = learner(loaders())
    for kwargs in ({"start_lr": 0}, {"start_lr": 1, "end_lr": 0.1}, {"num_it": 0}, {"suggest_funcs": "valley"}):
        with pytest.raises(ParameterError, match=f"{[*kwargs][-1]}"):
            learn.lr_find(show_plot=False, **kwargs)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="too few"):
        learn.lr_find(num_it=6, show_plot=False)
