"""DotTrainer against torch: the same batches through autograd and a plain Adam over whole tables."""

from __future__ import annotations

import numpy as np
import pytest

from penchant.errors import ParameterError
from penchant.solvers.gradient.dot_trainer import DotTrainer, _pieces
from penchant.solvers.gradient.schedules import constant, one_cycle

N_USERS, N_ITEMS, N_FACTORS, N_RATINGS, BATCH = 60, 50, 5, 900, 16


def tables(seed=0):
    rng = np.random.default_rng(seed)
    shapes = ((N_USERS, N_FACTORS), (N_ITEMS, N_FACTORS), (N_USERS,), (N_ITEMS,))
    return tuple(rng.normal(0, 0.1, shape).astype(np.float32) for shape in shapes)


def ratings(seed=1):
    rng = np.random.default_rng(seed)
    user_idx = rng.integers(0, N_USERS, N_RATINGS).astype(np.int32)
    item_idx = (N_ITEMS * rng.random(N_RATINGS) ** 2).astype(np.int32)
    return user_idx, item_idx, rng.integers(1, 6, N_RATINGS).astype(np.float32)


def order_of(n_steps, seed=2):
    rng = np.random.default_rng(seed)
    rounds = -(-n_steps * BATCH // N_RATINGS)
    return np.concatenate([rng.permutation(N_RATINGS) for _ in range(rounds)])[: n_steps * BATCH]


def by_autograd(torch, start, data, order, schedule, *, y_range, wd, global_mean=0.0):
    """Adam with decoupled weight decay as it is written in the protocol, over whole tables, in double precision."""
    parameters = [torch.tensor(table, dtype=torch.float64, requires_grad=True) for table in start]
    user_factors, item_factors, user_biases, item_biases = parameters
    user_idx, item_idx, rating = (torch.tensor(column) for column in data)
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in parameters]
    losses = []
    for t, batch in enumerate(torch.tensor(order).reshape(-1, BATCH), start=1):
        u, i = user_idx[batch].long(), item_idx[batch].long()
        eta = (user_factors[u] * item_factors[i]).sum(1) + user_biases[u] + item_biases[i] + global_mean
        predicted = eta if y_range is None else torch.sigmoid(eta) * (y_range[1] - y_range[0]) + y_range[0]
        loss = torch.nn.functional.mse_loss(predicted, rating[batch].double())
        gradients = torch.autograd.grad(loss, parameters)
        losses.append(loss.item())
        lr, mom = schedule.lr[t - 1], schedule.mom[t - 1]
        with torch.no_grad():
            for p, g, (m, v) in zip(parameters, gradients, moments, strict=True):
                p *= 1 - lr * wd
                m.mul_(mom).add_(g, alpha=1 - mom)
                v.mul_(0.99).addcmul_(g, g, value=1 - 0.99)
                p -= lr / (1 - mom**t) * m / ((v / (1 - 0.99**t)).sqrt() + 1e-5)
    return parameters, moments, losses


@pytest.mark.parametrize("y_range", [None, (0.0, 5.5)])
@pytest.mark.parametrize("schedule", [constant(600, 0.005), one_cycle(600, 0.02)], ids=["constant", "one cycle"])
def test_hundreds_of_steps_as_by_autograd(y_range, schedule):
    torch = pytest.importorskip("torch", reason="the oracle is torch")
    start, data, order = tables(), ratings(), order_of(600)
    mine = tuple(table.copy() for table in start)
    trainer = DotTrainer(*mine, *data, y_range=y_range, wd=0.1, global_mean=0.5)
    for part in (slice(0, 250), slice(250, 600)):  # runs go on where the last one ended
        batches = order.reshape(-1, BATCH)[part].ravel()
        losses = trainer.run(batches, BATCH, schedule.lr[part], schedule.mom[part])
    oracle, moments, oracle_losses = by_autograd(
        torch, start, data, order, schedule, y_range=y_range, wd=0.1, global_mean=0.5
    )
    for table, parameter in zip(mine, oracle, strict=True):
        np.testing.assert_allclose(table, parameter.detach(), atol=1e-5)
    np.testing.assert_allclose(losses, oracle_losses[250:], rtol=1e-4)
    assert trainer.n_steps == 600
    for (mean, square), (m, v) in zip(trainer.moments().values(), moments, strict=True):
        np.testing.assert_allclose(mean, m, atol=1e-5)
        np.testing.assert_allclose(square, v, atol=1e-5)


def test_moments_can_be_kept_and_given_to_another():
    data, order, schedule = ratings(), order_of(200), one_cycle(200, 0.02)
    whole, halves = tables(), tables()
    DotTrainer(*whole, *data).run(order, BATCH, schedule.lr, schedule.mom)
    first = DotTrainer(*halves, *data)
    assert first.moments() == {}
    first.run(order[: 100 * BATCH], BATCH, schedule.lr[:100], schedule.mom[:100])
    second = DotTrainer(*halves, *data)
    second.set_moments(first.moments(), first.n_steps)
    second.run(order[100 * BATCH :], BATCH, schedule.lr[100:], schedule.mom[100:])
    for one, other in zip(whole, halves, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_it_works_in_the_memory_of_torch_parameters():
    torch = pytest.importorskip("torch", reason="the memory is that of torch")
    layers = [torch.nn.Parameter(torch.tensor(table)) for table in tables()]
    before = layers[0].detach().clone()
    trainer = DotTrainer(*(layer.detach().numpy() for layer in layers), *ratings(), y_range=(0, 5))
    trainer.run(order_of(10), BATCH, np.full(10, 0.01), np.full(10, 0.9))
    assert not torch.equal(before, layers[0].detach())


def test_long_runs_with_strong_decay_are_cut_into_pieces():
    pieces = _pieces(np.full(5000, 0.8))
    assert len(pieces) > 1
    assert [at for piece in pieces for at in range(*piece)] == list(range(5000))
    assert all(0.8 ** (stop - start) > 1e-250 for start, stop in pieces)
    mine = tables()
    DotTrainer(*mine, *ratings(), wd=10).run(order_of(5000), BATCH, np.full(5000, 0.02), np.full(5000, 0.9))
    assert all(np.isfinite(table).all() for table in mine)


def test_decay_may_turn_weights_around_as_in_a_sweep_of_rates():
    torch = pytest.importorskip("torch", reason="the oracle is torch")
    start, data, order = tables(), ratings(), order_of(12)
    schedule = constant(12, 1.5)
    mine = tuple(table.copy() for table in start)
    DotTrainer(*mine, *data, y_range=(0, 5), wd=1.0).run(order, BATCH, schedule.lr, schedule.mom)
    oracle, _, _ = by_autograd(torch, start, data, order, schedule, y_range=(0, 5), wd=1.0)
    for table, parameter in zip(mine, oracle, strict=True):
        np.testing.assert_allclose(table, parameter.detach(), rtol=1e-3, atol=1e-3)
    gone = tuple(table.copy() for table in start)
    DotTrainer(*gone, *data, wd=1.0).run(order, BATCH, np.ones(12), schedule.mom)
    assert all(np.isfinite(table).all() for table in gone)


def test_what_does_not_fit_is_refused():
    trainer = DotTrainer(*tables(), *ratings(), wd=0.1)
    with pytest.raises(ParameterError, match="16 positions are not 2 batches of 16"):
        trainer.run(order_of(1), BATCH, np.full(2, 0.1), np.full(2, 0.9))
    with pytest.raises(ParameterError, match="moments of user_factors are missing"):
        trainer.set_moments({}, 3)
