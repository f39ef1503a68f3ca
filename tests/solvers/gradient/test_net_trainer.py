"""The neural model's kernel takes the steps that torch takes."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from penchant.errors import ParameterError  # noqa: E402
from penchant.solvers.gradient.net_layers import EmbeddingNN  # noqa: E402
from penchant.solvers.gradient.net_trainer import NetTrainer  # noqa: E402
from penchant.solvers.gradient.schedules import constant, one_cycle  # noqa: E402
from penchant.solvers.gradient.torch_net import net_of  # noqa: E402
from penchant.solvers.gradient.torch_trainer import TorchTrainer  # noqa: E402

SIZES = [(60, 5), (150, 7)]
BATCH, N = 16, 800


def mse(predicted: Any, y: Any) -> Any:
    return torch.nn.functional.mse_loss(predicted.reshape(-1), y.reshape(-1))


@pytest.fixture
def table() -> tuple[Any, Any]:
    """Few rows are common and many are rare, so that some catch up on hundreds of steps."""
    rng = np.random.default_rng(0)
    x = torch.tensor(np.stack([np.minimum(rng.geometric(4 / n, N), n) - 1 for n, _ in SIZES], 1))
    y = 3 + torch.tensor(rng.normal(size=60))[x[:, 0]] + torch.tensor(rng.normal(size=150))[x[:, 1]]
    return x, y.clamp(1, 5).float()[:, None]


def kernel_of(model: EmbeddingNN, table: tuple[Any, Any], **hypers: float) -> NetTrainer:
    net = net_of(model)
    assert net is not None
    columns = table[0].numpy().astype(np.int32)
    return NetTrainer(net, columns[:, 0], columns[:, 1], table[1].numpy().ravel(), **hypers)


def orders(n_steps: int) -> Any:
    rng = np.random.default_rng(1)
    return np.concatenate([rng.permutation(N) for _ in range(-(-n_steps * BATCH // N))])[: n_steps * BATCH]


def apart(ours: Any, theirs: Any) -> float:
    pairs = zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True)
    return max(float((mine.double() - other.double()).abs().max()) for mine, other in pairs if mine.numel())


@pytest.mark.parametrize(
    ("layers", "y_range"), [([6, 4], (0, 5.5)), ([9], None), ([], (0.5, 5.5)), ([4, 5, 6], (-1, 6))], ids=str
)
def test_hundreds_of_steps_are_those_of_autograd(layers: list[int], y_range: Any, table: Any) -> None:
    """With a large eps, so that rounding is not amplified: a step is then a smooth function of its gradients."""
    torch.manual_seed(3)
    model = EmbeddingNN(SIZES, layers, y_range=y_range)
    theirs = copy.deepcopy(model).double()
    schedule, order = one_cycle(400, 2e-3), orders(400)
    ours = kernel_of(model, table, wd=0.1, eps=0.1)
    oracle = TorchTrainer(theirs, mse, table[0], table[1].double(), wd=0.1, eps=0.1)
    cuts = ((0, 1), (1, 300), (300, 400))
    losses = [ours.run(order[s * BATCH : e * BATCH], BATCH, schedule.lr[s:e], schedule.mom[s:e]) for s, e in cuts]
    expected = oracle.run(order, BATCH, schedule.lr, schedule.mom)
    assert apart(model, theirs) < 1e-5
    assert np.abs(np.concatenate(losses) - expected).max() < 1e-5
    for name, (mean, square) in oracle.moments().items():
        assert np.allclose(ours.moments()[name][0], mean, rtol=1e-4, atol=1e-5), name
        assert np.allclose(ours.moments()[name][1], square, rtol=1e-4, atol=1e-5), name
    assert ours.n_steps == 400


def test_with_its_usual_eps_it_is_as_near_to_exact_steps_as_torch(table: Any) -> None:
    """Rounding is amplified there by relus and small gradients, in torch no less: both are held to double precision."""
    torch.manual_seed(3)
    model = EmbeddingNN(SIZES, [6, 4], y_range=(0, 5.5))
    single, exact = copy.deepcopy(model), copy.deepcopy(model).double()
    schedule, order = constant(12, 5e-3), orders(12)
    for trainer in (
        kernel_of(model, table, wd=0.1),
        TorchTrainer(single, mse, *table, wd=0.1),
        TorchTrainer(exact, mse, table[0], table[1].double(), wd=0.1),
    ):
        trainer.run(order, BATCH, schedule.lr, schedule.mom)
    assert apart(model, exact) < max(1e-4, 5 * apart(single, exact))


def test_rows_that_rest_for_long_are_exact_too(table: Any) -> None:
    """A row in the first batch only: its mean of gradients fades away, weight decay goes on."""
    torch.manual_seed(4)
    model = EmbeddingNN(SIZES, [6], y_range=(0, 5.5))
    theirs = copy.deepcopy(model).double()
    x, y = table[0].clone(), table[1]
    x[:BATCH, 0] = 59
    x[BATCH:, 0] %= 59
    order = np.r_[np.arange(BATCH), BATCH + np.arange(700 * BATCH) % (N - BATCH)]
    schedule = constant(701, 2e-3, 0.95)
    kernel_of(model, (x, y), wd=0.5, eps=0.1).run(order, BATCH, schedule.lr, schedule.mom)
    TorchTrainer(theirs, mse, x, y.double(), wd=0.5, eps=0.1).run(order, BATCH, schedule.lr, schedule.mom)
    assert (model.embeds[0].weight[59].double() - theirs.embeds[0].weight[59]).abs().max() < 1e-6


def test_it_works_on_the_modules_memory(table: Any) -> None:
    model = EmbeddingNN(SIZES, [6], y_range=(0, 5.5))
    places = [each.data_ptr() for each in model.parameters()]
    before = copy.deepcopy(model)
    schedule = constant(5, 5e-3)
    kernel_of(model, table).run(orders(5), BATCH, schedule.lr, schedule.mom)
    assert [each.data_ptr() for each in model.parameters()] == places
    assert apart(model, before) > 1e-3
    assert model.layers[0][2].num_batches_tracked == 5


def test_moments_go_over_from_and_to_the_torch_trainer(table: Any) -> None:
    torch.manual_seed(5)
    model = EmbeddingNN(SIZES, [6], y_range=(0, 5.5))
    schedule, order = one_cycle(40, 5e-3), orders(40)
    first = kernel_of(model, table, eps=0.1)
    assert not first.moments()
    first.run(order[: 20 * BATCH], BATCH, schedule.lr[:20], schedule.mom[:20])
    other, third = copy.deepcopy(model), copy.deepcopy(model)
    second, again = TorchTrainer(other, mse, *table, eps=0.1), kernel_of(third, table, eps=0.1)
    second.set_moments(first.moments(), 20)
    again.set_moments(second.moments(), 20)
    for trainer in (first, second, again):
        trainer.run(order[20 * BATCH :], BATCH, schedule.lr[20:], schedule.mom[20:])
    assert apart(model, third) == 0
    assert apart(model, other) < 1e-5
    with pytest.raises(ParameterError, match="moments"):
        again.set_moments({}, 3)


def test_what_does_not_fit_is_refused(table: Any) -> None:
    trainer, schedule = kernel_of(EmbeddingNN(SIZES, [6]), table), constant(4, 0.01)
    with pytest.raises(ParameterError, match="order"):
        trainer.run(orders(3), BATCH, schedule.lr, schedule.mom)
    with pytest.raises(ParameterError, match="batch_size"):
        trainer.run(orders(4), 1, schedule.lr, schedule.mom)
    assert trainer.n_steps == 0


def test_rates_at_which_decay_takes_everything_are_borne() -> None:
    """A sweep of rates ends far beyond what is of use, and must not end in an error."""
    from penchant.solvers.gradient.net_arrays import start_net

    rng = np.random.default_rng(0)
    net = start_net(rng, 8, 9, (4,), (0.0, 5.0))
    users, items = rng.integers(0, 8, 40).astype(np.int32), rng.integers(0, 9, 40).astype(np.int32)
    trainer = NetTrainer(net, users, items, rng.integers(1, 6, 40).astype(np.float32), wd=1.0)
    losses = trainer.run(np.arange(40), 8, np.linspace(0.5, 3, 5), np.full(5, 0.9))
    assert np.isfinite(losses).all()
