"""Steps of the torch trainer are plain Adam's, whatever the module, and it leaves everything else as it was."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from penchant.errors import ParameterError  # noqa: E402
from penchant.solvers.gradient.net_layers import Embedding, EmbeddingNN, sigmoid_range  # noqa: E402
from penchant.solvers.gradient.schedules import constant, one_cycle  # noqa: E402
from penchant.solvers.gradient.torch_adam import undecayed  # noqa: E402
from penchant.solvers.gradient.torch_trainer import TorchTrainer, predict  # noqa: E402

N_USERS, N_ITEMS, N = 30, 40, 640
BATCH = 16


class ByHand(nn.Module):
    """A dot product plus biases in the range of stars, of plain parameters instead of embeddings."""

    def __init__(self, n_factors: int = 5) -> None:
        super().__init__()
        self.people, self.films = nn.ParameterList(), nn.ParameterList()  # of each: factors, biases
        for side, n_rows in ((self.people, N_USERS), (self.films, N_ITEMS)):
            side.extend(nn.Parameter(0.1 * torch.randn(n_rows, n_columns)) for n_columns in (n_factors, 1))

    def forward(self, x: Any) -> Any:
        (p, b), (q, c) = (
            [table[rows] for table in side] for side, rows in zip((self.people, self.films), x.t(), strict=True)
        )
        return sigmoid_range(torch.einsum("nk,nk->n", p, q)[:, None] + b + c, 0, 5.5)


class Odd(nn.Module):
    """All that may go wrong: a frozen, an unused, a transposed, a shared, a late parameter; a sparse embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.users = nn.Embedding(N_USERS, 4, sparse=True)
        self.items = Embedding(N_ITEMS, 4)
        self.turned = nn.Parameter(torch.randn(4, 4).t())
        self.holes = nn.Parameter(torch.randn(4, 8)[:, ::2])
        self.frozen = nn.Parameter(torch.ones(4), requires_grad=False)
        self.unused = nn.Parameter(torch.ones(3))
        self.late = nn.Parameter(torch.ones(1))
        self.norm = nn.LayerNorm(4)
        self.bias = nn.Parameter(torch.zeros(1))
        self.calls = 0

    def forward(self, x: Any) -> Any:
        self.calls += 1
        hidden = self.norm(self.users(x[:, 0]) @ self.turned * self.frozen) @ self.holes
        out = (hidden * self.items(x[:, 1])).sum(1, keepdim=True) + self.bias
        return out * self.late if 5 < self.calls < 60 else out


def mse(predicted: Any, y: Any) -> Any:
    return nn.functional.mse_loss(predicted.reshape(-1), y.reshape(-1))


@pytest.fixture
def table() -> tuple[Any, Any]:
    torch.manual_seed(0)
    x = torch.stack([torch.randint(N_USERS, (N,)), torch.randint(N_ITEMS, (N,))], 1)
    return x, (3 + torch.randn(N_USERS)[x[:, 0]] + torch.randn(N_ITEMS)[x[:, 1]]).clamp(1, 5)[:, None]


@pytest.fixture(autouse=True)
def _threads_stay() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    assert torch.get_num_threads() == before


def orders(n_steps: int) -> Any:
    rng = np.random.default_rng(1)
    return np.concatenate([rng.permutation(N) for _ in range(-(-n_steps * BATCH // N))])[: n_steps * BATCH]


def plain_adam(
    model: Any, table: Any, order: Any, lr: Any, mom: Any, *, wd: float, eps: float = 1e-5, sqr_mom: float = 0.99
) -> list[float]:
    """The equations, one parameter and one operation after the other."""
    x, y = table
    state: dict[str, list[Any]] = {}
    decayless, losses = undecayed(model), []
    for at, (rate, keep) in enumerate(zip(lr.tolist(), mom.tolist(), strict=True)):
        batch = torch.from_numpy(order[at * BATCH : (at + 1) * BATCH])
        loss = mse(model(x[batch]), y[batch])
        model.zero_grad()
        loss.backward()
        losses.append(loss.item())
        for name, p in model.named_parameters():
            if p.grad is None and name not in state:
                continue
            if not p.requires_grad:
                continue
            g = torch.zeros_like(p) if p.grad is None else p.grad.to_dense()
            m, v, t = state.get(name, [torch.zeros_like(p), torch.zeros_like(p), 0])
            with torch.no_grad():
                if id(p) not in decayless:
                    p *= 1 - rate * wd
                m, v, t = keep * m + (1 - keep) * g, sqr_mom * v + (1 - sqr_mom) * g * g, t + 1
                p -= rate / (1 - keep**t) * m / ((v / (1 - sqr_mom**t)).sqrt() + eps)
            state[name] = [m, v, t]
    return losses


def apart(ours: nn.Module, theirs: nn.Module) -> float:
    pairs = zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True)
    return max(float((mine - other).abs().max()) for mine, other in pairs if mine.numel())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("make", [ByHand, Odd, lambda: EmbeddingNN([(N_USERS, 4), (N_ITEMS, 4)], [6])])
def test_hundreds_of_steps_are_plain_adams(make: Any, dtype: Any, table: Any) -> None:
    """In double precision for any module; in single only for the smooth one: relus and norms amplify its rounding."""
    model = make().to(dtype)
    theirs, x, y = copy.deepcopy(model), table[0], table[1].to(dtype)
    schedule, order = one_cycle(300, 5e-3), orders(300)
    ours = TorchTrainer(model, mse, x, y, wd=0.1)
    losses = [
        ours.run(order[s * BATCH : e * BATCH], BATCH, schedule.lr[s:e], schedule.mom[s:e])
        for s, e in ((0, 1), (1, 120), (120, 300))
    ]
    expected = plain_adam(theirs, (x, y), order, schedule.lr, schedule.mom, wd=0.1)
    if dtype is torch.float64 or make is ByHand:
        assert apart(model, theirs) < 1e-5
        assert np.abs(np.concatenate(losses) - expected).max() < 1e-5
    assert np.allclose(np.concatenate(losses)[:20], expected[:20], rtol=1e-3)
    assert ours.n_steps == 300


def test_step_for_recording_is_the_same_step(table: Any) -> None:
    """What a GPU records and replays, run here as it is."""
    model = ByHand().double()
    theirs, x, y = copy.deepcopy(model), table[0], table[1].double()
    schedule, order = one_cycle(60, 5e-3), orders(60)
    trainer, other = TorchTrainer(model, mse, x, y, wd=0.1), TorchTrainer(theirs, mse, x, y, wd=0.1)
    recorded = []

    def record(step: Any, example: Any) -> Any:
        recorded.append(example)
        return lambda *tensors: (trainer._adam.clear_gradients(), step(*(part.clone() for part in tensors)))[1]

    expected = other.run(order, BATCH, schedule.lr, schedule.mom)
    trainer._bind()
    batches = trainer._batches(order, BATCH)
    losses = [trainer._step(*next(batches), float(schedule.lr[at]), float(schedule.mom[at])) for at in range(3)]
    losses += trainer._replay(batches, schedule.lr[3:], schedule.mom[3:], record)
    assert len(recorded) == 1
    assert trainer.n_steps == 60
    assert np.allclose(torch.stack(losses).numpy(), expected, atol=1e-6)
    assert apart(model, theirs) < 1e-6


def test_what_can_not_be_recorded_is_run_as_it_is(table: Any) -> None:
    model = ByHand()
    theirs = copy.deepcopy(model)
    schedule, order = constant(20, 5e-3), orders(20)
    trainer = TorchTrainer(model, mse, *table)

    def record(*_: Any) -> Any:
        raise RuntimeError("operation not permitted when stream is capturing")

    trainer._bind()
    losses = trainer._replay(trainer._batches(order, BATCH), schedule.lr, schedule.mom, record)
    TorchTrainer(theirs, mse, *table).run(order, BATCH, schedule.lr, schedule.mom)
    assert len(losses) == 20
    assert apart(model, theirs) < 1e-6


def test_which_parameters_do_not_decay() -> None:
    odd, net = Odd(), EmbeddingNN([(3, 2), (4, 2)], [5])
    assert {name for name, each in odd.named_parameters() if id(each) in undecayed(odd)} == {
        "norm.weight",
        "norm.bias",
        "bias",
    }
    names = {name for name, each in net.named_parameters() if id(each) in undecayed(net)}
    assert names == {"bn_cont.weight", "bn_cont.bias", "layers.0.2.weight", "layers.0.2.bias", "layers.1.0.bias"}
    assert not undecayed(ByHand())


def test_moments_can_be_kept_and_taken_up_again(table: Any) -> None:
    model = ByHand()
    schedule, order = one_cycle(40, 5e-3), orders(40)
    trainer = TorchTrainer(model, mse, *table, wd=0.2)
    trainer.run(order[: 20 * BATCH], BATCH, schedule.lr[:20], schedule.mom[:20])
    kept, other = trainer.moments(), copy.deepcopy(model)
    again = TorchTrainer(other, mse, *table, wd=0.2)
    assert not again.moments()
    again.set_moments(kept, 20)
    for each in (trainer, again):
        each.run(order[20 * BATCH :], BATCH, schedule.lr[20:], schedule.mom[20:])
    assert apart(model, other) == 0
    assert {name: mean.shape for name, (mean, _) in kept.items()} == {
        name: tuple(each.shape) for name, each in model.named_parameters()
    }
    with pytest.raises(ParameterError, match="moments"):
        again.set_moments({"nobody": (np.zeros(2), np.zeros(2))}, 1)
    with pytest.raises(ParameterError, match="moments"):
        again.set_moments({"people.1": (np.zeros(2, np.float32), np.zeros(2, np.float32))}, 1)


def test_weight_decay_may_change_between_runs(table: Any) -> None:
    model = ByHand()
    theirs = copy.deepcopy(model)
    schedule, order = constant(10, 5e-3), orders(10)
    trainer = TorchTrainer(model, mse, *table, wd=0.5)
    trainer.wd = 0.0
    trainer.run(order, BATCH, schedule.lr, schedule.mom)
    plain_adam(theirs, table, order, schedule.lr, schedule.mom, wd=0)
    assert apart(model, theirs) < 1e-6


def test_a_run_leaves_modes_gradients_and_memory_as_they_were(table: Any) -> None:
    model = EmbeddingNN([(N_USERS, 4), (N_ITEMS, 4)], [6], ps=0.5).eval()
    model.emb_drop.train()
    places = [each.data_ptr() for each in model.parameters()]
    schedule = constant(4, 5e-3)
    with torch.no_grad():
        TorchTrainer(model, mse, *table).run(orders(4), BATCH, schedule.lr, schedule.mom)
    assert [each.data_ptr() for each in model.parameters()] == places
    assert all(each.grad is None for each in model.parameters())
    assert model.emb_drop.training
    assert not model.layers.training
    assert model.layers[0][2].num_batches_tracked == 4
    before = copy.deepcopy(model.state_dict())
    answers = predict(model, table[0], 100)
    assert answers.shape == (N, 1)
    assert torch.equal(answers, predict(model, table[0], N))
    assert not answers.requires_grad
    assert model.emb_drop.training
    assert all(torch.equal(each, model.state_dict()[name]) for name, each in before.items())


def test_runs_that_do_not_fit_are_refused(table: Any) -> None:
    model, schedule = ByHand(), constant(4, 5e-3)
    trainer = TorchTrainer(model, mse, *table)
    with pytest.raises(ParameterError, match="order"):
        trainer.run(orders(3), BATCH, schedule.lr, schedule.mom)
    with pytest.raises(ParameterError, match="batch_size"):
        trainer.run(orders(4), 0, schedule.lr, schedule.mom)
    with pytest.raises(ParameterError, match="y is"):
        TorchTrainer(model, mse, table[0], table[1][:-1])
    assert len(trainer.run(orders(1)[:0], BATCH, schedule.lr[:0], schedule.mom[:0])) == 0
    assert trainer.n_steps == 0
