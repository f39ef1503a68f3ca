"""Beside fastai: the same splits, classes, batches, models, losses and small functions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from fastai import collab as theirs
from fastai import metrics, torch_core
from fastai.tabular.model import emb_sz_rule, get_emb_sz, tabular_config

import penchant.collab as ours


def table(n=700):
    """Films and users of which many are rare."""
    rng = np.random.default_rng(3)
    film = [f"Film {number:.0f}" for number in 40 * rng.pareto(1.0, n)]
    user, stars = (50 * rng.pareto(1.0, n)).astype(int), rng.integers(1, 11, n)
    return pd.DataFrame({"user": user, "title": film, "stars": stars // 2, "half": stars / 2, "movie": user // 3 * 10})


def both(frame, **kwargs):
    """Their loaders and ours, from the same state of torch's generator."""
    made = []
    for side in (theirs, ours):
        torch.manual_seed(11)
        made.append(side.CollabDataLoaders.from_df(frame, **kwargs))
    return made


KWARGS = [
    {},
    {"seed": 1},
    {"seed": 2, "item_name": "movie", "rating_name": "half", "valid_pct": 0.35, "bs": 32, "val_bs": 100},
    {"seed": 3, "shuffle": False, "bs": 9},
    {"seed": 4, "valid_pct": 0},
]


@pytest.mark.parametrize("dtype", ["str", object, "category"])
@pytest.mark.parametrize("kwargs", KWARGS)
def test_the_same_rows_classes_and_batches(kwargs, dtype):
    frame = table().astype({"title": dtype})
    a, b = both(frame, **kwargs)
    assert list(a.classes) == list(b.classes)
    for name in a.classes:
        assert list(a.classes[name]) == list(b.classes[name])
    for name, loader in (("train_ds", b.train), ("valid_ds", b.valid)):
        items = getattr(a, name).items
        assert loader.x.tolist() == items[list(a.classes)].astype(int).to_numpy().tolist()
        assert loader.y[:, 0].tolist() == items[b.rating_name].tolist()
    assert [(len(x), x.n, x.bs) for x in (a.train, a.valid)] == [(len(x), x.n, x.bs) for x in (b.train, b.valid)]
    assert a.path == b.path
    for x, y in zip(a.valid, b.valid, strict=True):
        assert torch.equal(x[0], y[0])
        assert torch.equal(x[1].float(), y[1])
    assert [len(x[0]) for x in a.train] == [len(x[0]) for x in b.train]
    assert get_emb_sz(a) == ours.get_emb_sz(b)


def test_the_same_table_is_shown():
    a, b = both(table(), seed=1)
    frame = a.valid.decode(a.valid.one_batch()).decode().items.head(10)
    pd.testing.assert_frame_equal(frame, b.valid.batch_frame(), check_dtype=False, check_index_type=False)


def test_the_same_loader_of_new_pairs():
    a, b = both(table(), seed=1)
    asked = pd.DataFrame({"user": [int(a.classes["user"][2]), -5], "title": ["nope", a.classes["title"][3]]})
    assert [[x.tolist() for x in batch] for batch in a.test_dl(asked)] == [
        [x.tolist() for x in batch] for batch in b.test_dl(asked)
    ]


def test_the_same_model_from_the_same_seed():
    a, b = both(table(), seed=1)
    x = b.valid.x[:20]
    made = []
    for side, dls in ((theirs, a), (ours, b)):
        torch.manual_seed(4)
        made.append(side.EmbeddingDotBias.from_classes(6, dls.classes, y_range=(0, 5.5)))
    one, other = made
    assert repr(one) == repr(other)
    for (name, value), (name2, value2) in zip(one.state_dict().items(), other.state_dict().items(), strict=True):
        assert name == name2
        assert torch.equal(value, value2)
    assert torch.equal(one(x), other(x))
    titles = list(b.classes["title"])[1:6]
    assert torch.equal(one.bias(titles), other.bias(titles))
    assert torch.equal(one.weight(titles), other.weight(titles))
    users = list(b.classes["user"])[1:3]
    assert torch.equal(one.weight(users, is_item=False), other.weight(users, is_item=False))


def test_the_same_losses_and_metrics():
    torch.manual_seed(0)
    for inp, targ in [
        (torch.randn(9), torch.randint(1, 6, (9, 1))),
        (torch.randn(9, 1), torch.randint(1, 6, (9, 1), dtype=torch.int8)),
        (torch.randn(9, 1), torch.rand(9)),
    ]:
        for name in ("MSELossFlat", "L1LossFlat"):
            a, b = getattr(theirs, name), getattr(ours, name)
            assert repr(a()) == repr(b())
            for reduction in ("mean", "sum", "none"):
                # Bare tensors: fastai's own kind of tensor is equal to nothing else.
                left, right = a(reduction=reduction)(inp, targ), b(reduction=reduction)(inp, targ)
                np.testing.assert_array_equal(left.numpy(), right.numpy())
        for name in ("mse", "mae", "rmse"):
            a, b = getattr(metrics, name), getattr(ours, name)
            np.testing.assert_allclose(float(a(inp, targ)), float(b(inp, targ)), rtol=1e-6)
    assert type(metrics.rmse).__name__ == type(ours.rmse).__name__


def test_the_same_small_things(fastais_pca):
    torch.manual_seed(0)
    core = torch_core
    assert fastais_pca is not ours.pca
    rows = torch.randn(40, 7)
    assert torch.equal(fastais_pca(rows, 3), ours.pca(rows, 3))  # signs included
    for x in (3, [0, 2], torch.tensor([1])):
        assert torch.equal(core.one_hot(x, 5), ours.one_hot(x, 5))
    for given in ([1, 2], [1.5], np.array([1.5]), np.array([2]), pd.Series([1, 2]), 3, torch.ones(2).double()):
        left, right = core.tensor(given), ours.tensor(given)
        assert (left.dtype, left.tolist()) == (right.dtype, right.tolist())
    assert [emb_sz_rule(n) for n in range(1, 3000, 7)] == [ours.emb_sz_rule(n) for n in range(1, 3000, 7)]
    assert tabular_config(ps=0.1) == ours.tabular_config(ps=0.1)
    for given in ((), (None,), ("a",), (1, 2), ([1, 2],), (range(3),), ({"a": 1},)):
        assert list(theirs.L(*given)) == list(ours.L(*given))
    drawn = []
    for side in (core, ours):
        side.set_seed(5)
        drawn.append((np.random.rand(), torch.rand(1).item()))  # noqa: NPY002
    assert drawn[0] == drawn[1]
