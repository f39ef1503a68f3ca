"""The torch layers of the neural model are fastai's: printed form, state dictionary, start, answers, training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from penchant.errors import UnsupportedError  # noqa: E402
from penchant.solvers.gradient.net_layers import Embedding, EmbeddingNN, LinBnDrop, SigmoidRange, sigmoid_range  # noqa: E402
from penchant.solvers.gradient.net_trainer import NetTrainer  # noqa: E402
from penchant.solvers.gradient.schedules import one_cycle  # noqa: E402
from penchant.solvers.gradient.torch_net import model_of, net_of  # noqa: E402
from penchant.solvers.gradient.torch_trainer import TorchTrainer, predict  # noqa: E402
from penchant.solvers.gradient.trainer import Trainer  # noqa: E402

REFERENCE = json.loads((Path(__file__).parents[2] / "files" / "fastai_net.json").read_text())
VARIANTS = list(REFERENCE["variants"])
SIZES = [tuple(size) for size in REFERENCE["sizes"]]
X = torch.tensor(REFERENCE["x"])


def state_of(kept: dict[str, Any]) -> dict[str, Any]:
    return {name: torch.tensor(values).reshape(shape) for name, (shape, values) in kept.items()}


def build(name: str) -> EmbeddingNN:
    model = EmbeddingNN(SIZES, **REFERENCE["variants"][name]["config"])
    model.load_state_dict(state_of(REFERENCE["variants"][name]["state"]))
    return model


def mse(predicted: Any, y: Any) -> Any:
    return torch.nn.functional.mse_loss(predicted.reshape(-1), y.reshape(-1))


@pytest.mark.parametrize("name", VARIANTS)
def test_printed_form_is_fastais(name: str) -> None:
    assert repr(EmbeddingNN(SIZES, **REFERENCE["variants"][name]["config"])) == REFERENCE["variants"][name]["repr"]


@pytest.mark.parametrize("name", VARIANTS)
def test_state_dictionary_has_fastais_names_and_shapes(name: str) -> None:
    ours = EmbeddingNN(SIZES, **REFERENCE["variants"][name]["config"]).state_dict()
    kept = state_of(REFERENCE["variants"][name]["state"])
    assert list(ours) == list(kept)
    assert [value.shape for value in ours.values()] == [value.shape for value in kept.values()]


@pytest.mark.parametrize("name", VARIANTS)
def test_fastais_weights_give_fastais_answers(name: str) -> None:
    answers = predict(build(name), X, 3)
    assert answers.shape == (len(X), 1)
    assert np.allclose(answers.numpy().ravel(), REFERENCE["variants"][name]["answers"], rtol=1e-5, atol=1e-6)


def test_start_is_that_of_fastai() -> None:
    """With the seed of the reference: what was not changed there is equal."""
    torch.manual_seed(1)
    ours = EmbeddingNN(SIZES, [6, 5]).state_dict()
    kept = state_of(REFERENCE["variants"]["plain"]["state"])
    for name, value in ours.items():
        scale = 50 if name.startswith("embeds") else 1
        assert "running" in name or torch.allclose(value * scale, kept[name], rtol=1e-6)


def test_embedding_starts_small_and_cut_off() -> None:
    weight = Embedding(2_000, 50, std=0.1).weight.detach().numpy()
    assert np.abs(weight).max() <= 0.2
    assert weight.std() == pytest.approx(
        np.fmod(np.random.default_rng(0).standard_normal(10**5), 2).std() / 10, rel=0.03
    )


def test_sigmoid_range_stays_within() -> None:
    values = sigmoid_range(torch.linspace(-30, 30, 101), -1.0, 5.5)
    assert values.min() >= -1
    assert values.max() <= 5.5
    assert torch.equal(SigmoidRange(-1.0, 5.5)(torch.zeros(1)), torch.tensor([2.25]))


def test_lin_bn_drop_puts_the_linear_layer_where_it_is_asked_to() -> None:
    last = LinBnDrop(3, 4, p=0.5, act=torch.nn.ReLU())
    first = LinBnDrop(3, 4, p=0.5, act=torch.nn.ReLU(), lin_first=True)
    assert [type(module).__name__ for module in last] == ["BatchNorm1d", "Dropout", "Linear", "ReLU"]
    assert [type(module).__name__ for module in first] == ["Linear", "ReLU", "BatchNorm1d", "Dropout"]


def trainers() -> list[tuple[EmbeddingNN, Trainer]]:
    kept = REFERENCE["training"]
    x, y = torch.tensor(kept["x"]), torch.tensor(kept["y"])[:, None]
    found: list[tuple[EmbeddingNN, Trainer]] = []
    for kind in ("torch", "kernel"):
        model = EmbeddingNN(SIZES, layers=[6, 5], y_range=(0, 5.5))
        model.load_state_dict(state_of(kept["before"]))
        if kind == "torch":
            found.append((model, TorchTrainer(model, mse, x, y, wd=0.1)))
        else:
            net = net_of(model)
            assert net is not None
            columns = x.numpy().astype(np.int32)
            found.append((model, NetTrainer(net, columns[:, 0], columns[:, 1], y.numpy().ravel(), wd=0.1)))
    return found


@pytest.mark.parametrize("place", [0, 1], ids=["torch", "kernel"])
def test_training_is_fastais(place: int) -> None:
    """fit_one_cycle(2, 5e-3, wd=0.1) of fastai's Learner on the same batches."""
    kept = REFERENCE["training"]
    model, trainer = trainers()[place]
    schedule = one_cycle(40, 5e-3)
    assert np.allclose(schedule.lr, kept["lr"], rtol=1e-9)
    assert np.allclose(schedule.mom, kept["mom"], rtol=1e-9)
    losses = trainer.run(np.tile(np.arange(320), 2), 16, schedule.lr, schedule.mom)
    assert np.allclose(losses, kept["losses"], rtol=2e-4)
    after = state_of(kept["after"])
    for name, value in model.state_dict().items():
        assert torch.allclose(value, after[name], rtol=1e-3, atol=2e-4), name


@pytest.mark.parametrize("name", VARIANTS)
def test_kept_model_answers_as_the_module(name: str) -> None:
    module, (users, items) = build(name), X.numpy().astype(np.int32).T
    answers = model_of(module).predict(users, items)
    assert np.allclose(answers, predict(module, X, 8).numpy().ravel(), rtol=1e-5, atol=1e-6)


def test_kept_model_leaves_out_rows_of_nobody() -> None:
    module, (users, items) = build("plain"), X.numpy().astype(np.int32).T
    whole, cut = model_of(module), model_of(module, skip=1)
    assert (cut.n_users, cut.n_items) == (SIZES[0][0] - 1, SIZES[1][0] - 1)
    known = (users > 0) & (items > 0)
    assert np.allclose(cut.predict(users[known] - 1, items[known] - 1), whole.predict(users[known], items[known]))


def test_what_can_not_be_kept_says_so() -> None:
    with pytest.raises(UnsupportedError, match="SiLU"):
        model_of(EmbeddingNN(SIZES, [6], act_cls=torch.nn.SiLU()))
    with pytest.raises(UnsupportedError, match="3 embeddings"):
        model_of(EmbeddingNN([*SIZES, (4, 2)], [6]))
    module = EmbeddingNN(SIZES, [6])
    module.layers[0][2] = torch.nn.BatchNorm1d(6, track_running_stats=False)
    with pytest.raises(UnsupportedError, match="running statistics"):
        model_of(module)


def test_only_what_the_kernel_knows_is_given_to_it() -> None:
    assert net_of(EmbeddingNN(SIZES, [6, 5])) is not None
    assert net_of(EmbeddingNN(SIZES, [], y_range=(0, 5.5))) is not None
    for name in ("dropout", "one dropout for all", "no norm", "linear last", "no activation"):
        assert net_of(build(name)) is None, name
    assert net_of(EmbeddingNN([*SIZES, (4, 2)], [6])) is None
    assert net_of(EmbeddingNN(SIZES, [6]).double()) is None
    assert net_of(torch.nn.Linear(2, 1)) is None

    class Mine(EmbeddingNN):
        pass

    assert net_of(Mine(SIZES, [6])) is None
    frozen, hooked, special, slow = (EmbeddingNN(SIZES, [6]) for _ in range(4))
    frozen.embeds[0].weight.requires_grad_(False)
    hooked.layers[0].register_forward_hook(lambda *_: None)
    special.embeds[1].max_norm = 1.0
    slow.layers[0][2].momentum = 0.01
    assert [net_of(each) for each in (frozen, hooked, special, slow)] == [None] * 4
