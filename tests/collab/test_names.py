"""The small names of the facade: what a star import brings, classes, L, tensor, pca, losses, metrics, modules."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="penchant.collab needs torch")
from sklearn.decomposition import PCA  # noqa: E402
from torch import nn  # noqa: E402

import penchant.collab as facade  # noqa: E402
from penchant.collab import (  # noqa: E402
    Classes,
    CollabDataLoaders,
    EmbeddingDotBias,
    L,
    L1LossFlat,
    Module,
    MSELossFlat,
    URLs,
    emb_sz_rule,
    get_emb_sz,
    mae,
    mse,
    one_hot,
    rmse,
    set_seed,
    tabular_config,
    tensor,
    untar_data,
)
from penchant.errors import ParameterError, UnknownIdError  # noqa: E402

REFERENCE = json.loads((Path(__file__).parents[1] / "files" / "fastai-reference.json").read_text("utf-8"))


def test_a_star_import_brings_these_names_and_no_others():
    names = {}
    exec("from penchant.collab import *", names)
    assert sorted(set(names) - {"__builtins__"}) == sorted(facade.__all__)
    assert names["pd"].DataFrame is pd.DataFrame
    assert names["np"] is np
    assert names["plt"].figure.__module__ == "matplotlib.pyplot"


def test_importing_draws_in_no_plotting():
    code = "import sys; from penchant.collab import *; sys.exit('matplotlib' in sys.modules or 'numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_without_torch_it_says_what_to_install():
    code = "import sys; sys.modules['torch'] = None; import penchant.collab"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "pip install 'penchant[torch]'" in done.stderr


# -- classes --


@given(st.lists(st.one_of(st.text(min_size=1, max_size=5), st.integers(-9, 9)), unique_by=str, min_size=1))
def test_classes_there_and_back(values):
    classes = Classes(values, "title")
    assert classes.items == ["#na#", *values]
    assert [classes.o2i[value] for value in values] == list(range(1, len(values) + 1))
    assert list(classes[[classes.o2i[value] for value in values]]) == values
    assert classes.codes(values).tolist() == list(range(1, len(values) + 1))
    assert len(classes) == len(list(classes)) == len(classes.o2i)


def test_classes_take_numbers_lists_slices_arrays_and_tensors():
    classes = Classes(list("abcd"), "title")
    assert classes[2] == "b"
    assert classes[-1] == "d"
    assert classes[1:3] == ["a", "b"]
    for rows in ([3, 1], np.array([3, 1]), torch.tensor([3, 1]), (3, 1)):
        picked = classes[rows]
        assert type(picked) is L
        assert list(picked) == ["c", "a"]
        assert type(picked[0]) is str
    assert classes[torch.tensor(2)] == "b"
    assert classes[np.array([True, False, True, False, False])] == ["#na#", "b"]
    assert repr(classes) == "['#na#', 'a', 'b', 'c', 'd']"
    assert classes == Classes(list("abcd"), "other")
    assert "a" in classes
    assert "z" not in classes
    assert dict(classes.o2i) == {"#na#": 0, "a": 1, "b": 2, "c": 3, "d": 4}


def test_classes_refuse_what_is_no_row():
    classes = Classes(list("abcd"), "title")
    with pytest.raises(IndexError, match="0 to 4"):
        classes[5]
    with pytest.raises(ParameterError, match="o2i"):
        classes[["a"]]
    with pytest.raises(KeyError):
        classes.o2i["e"]


# -- lists and tensors --


def test_an_l_is_a_list_that_takes_many_indices():
    assert L(1, 2, 3) == L([1, 2, 3]) == L(range(1, 4)) == [1, 2, 3]
    assert L() == []
    assert L("text") == ["text"]
    assert L(1, 2, 3)[[0, 2]] == L(1, 2, 3)[[True, False, True]] == L(1, 2, 3)[torch.tensor([0, 2])] == [1, 3]
    assert L(1, 2, 3)[1:] == [2, 3]
    assert L(1, 2, 3)[torch.tensor(1)] == 2
    assert L(1, 2).map(lambda x, y: x + y, 10) == [11, 12]
    assert L([{"a": [1, 2]}]).itemgot("a", 1) == [2]
    assert L(1j).attrgot("imag") == [1.0]


def test_tensor_takes_what_notebooks_give_it():
    assert tensor(1, 2).tolist() == [1, 2]
    assert tensor(3.5).item() == 3.5
    assert tensor([[1, 2]]).shape == (1, 2)
    assert tensor(pd.Series([1.0, 2.0])).tolist() == [1, 2]
    assert tensor(np.arange(3)).tolist() == [0, 1, 2]
    assert tensor([torch.tensor([1]), torch.tensor([2])]).shape == (2, 1)
    given = torch.tensor([1])
    assert tensor(given) is given
    array = np.zeros(2)
    tensor(array)[0] = 1
    assert array[0] == 0  # a copy


def test_pca_is_that_of_scikit_learn_and_of_fastai():
    rows, theirs = REFERENCE["pca"]
    ours = torch.tensor(rows).pca(2)
    np.testing.assert_allclose(ours.abs(), theirs, atol=1e-5)
    np.testing.assert_allclose(ours.abs(), np.abs(PCA(2).fit_transform(np.array(rows))), atol=1e-5)
    with pytest.raises(ParameterError, match="1 to 4"):
        torch.zeros(9, 4).pca(5)
    with pytest.raises(ParameterError, match="shape"):
        torch.zeros(4).pca(1)


def test_one_hot():
    factors = torch.arange(6.0).reshape(3, 2)
    assert (factors.t() @ one_hot(1, 3).float()).tolist() == factors[1].tolist()
    assert one_hot([0, 2], 3).tolist() == [1, 0, 1]
    with pytest.raises(ParameterError, match="0 to 2"):
        one_hot(3, 3)


def test_set_seed_seeds_all_three():
    def drawn():
        set_seed(3, reproducible=True)
        return random.random(), float(np.random.rand()), torch.rand(1).item()  # noqa: NPY002

    before = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    assert drawn() == drawn()
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = before


# -- losses and metrics --


@pytest.mark.parametrize("shape", [(6,), (6, 1)])
def test_losses_flatten_both_sides(shape):
    prediction, target = torch.arange(6.0).reshape(shape), torch.ones(6, 1, dtype=torch.int8)
    plain = torch.arange(6.0) - 1
    assert MSELossFlat()(prediction, target).item() == pytest.approx((plain**2).mean().item())
    assert L1LossFlat()(prediction, target).item() == pytest.approx(plain.abs().mean().item())
    assert MSELossFlat(reduction="none")(prediction, target).shape == (6,)
    assert MSELossFlat("sum")(prediction, target).item() == pytest.approx((plain**2).sum().item())
    assert mse(prediction, target).item() == pytest.approx((plain**2).mean().item())
    assert rmse(prediction, target).item() == pytest.approx((plain**2).mean().sqrt().item())
    assert mae(prediction, target).item() == pytest.approx(plain.abs().mean().item())
    assert [repr(MSELossFlat()), repr(rmse)] == [REFERENCE["repr"][1], "rmse"]


def test_losses_refuse_what_does_not_pair_up():
    with pytest.raises(ParameterError, match="3 predictions for 2 ratings"):
        MSELossFlat()(torch.zeros(3), torch.zeros(2))
    with pytest.raises(ParameterError, match="reduction"):
        MSELossFlat("median")


# -- modules --


def dot(y_range=(0, 5.5), n_factors=3):
    frame = pd.DataFrame({"user": [1, 2, 3] * 20, "title": list("abcdef") * 10, "rating": [1, 2, 3, 4, 5] * 12})
    return EmbeddingDotBias.from_classes(n_factors, CollabDataLoaders.from_df(frame, bs=8).classes, y_range=y_range)


def test_a_module_needs_no_super():
    class Mine(Module):
        def __init__(self, size):
            self.table = nn.Parameter(torch.ones(size))
            self.inner = nn.Linear(size, 1)

    assert [name for name, _ in Mine(3).named_parameters()] == ["table", "inner.weight", "inner.bias"]
    assert repr(L(Mine(2).parameters())[0]).startswith("Parameter containing")


def test_the_dot_product_prints_and_is_kept_as_in_fastai():
    model = EmbeddingDotBias(3, 9, 12)
    theirs = REFERENCE["repr"][0]
    assert str(model).splitlines()[0] == theirs.splitlines()[0]
    assert [line.split("(")[1] for line in str(model).splitlines()[1:-1]] == [
        line.split("(")[1] for line in theirs.splitlines()[1:-1]
    ]
    assert list(model.state_dict()) == list(REFERENCE["state"])


@pytest.mark.parametrize("n", [1, 5])
def test_the_dot_product_is_what_it_says(n):
    model = dot(None)
    x = torch.randint(0, 4, (n, 2))
    model.requires_grad_(False)
    p, q, b, c = (layer.weight for layer in (model.u_weight, model.i_weight, model.u_bias, model.i_bias))
    by_hand = [(p[u] @ q[i] + b[u, 0] + c[i, 0]).item() for u, i in x.tolist()]
    assert model(x).shape == (n,)
    np.testing.assert_allclose(model(x), by_hand, rtol=1e-5, atol=1e-7)
    model.y_range = (1, 5)
    np.testing.assert_allclose(model(x), 1 + 4 / (1 + np.exp(-np.array(by_hand))), rtol=1e-5)


def test_bias_and_weight_leave_the_model_alone():
    model = dot()
    model.train()
    assert model.bias(["b", "a"]).tolist() == model.i_bias.weight[[2, 1], 0].tolist()
    assert model.weight([3, 1], is_item=False).tolist() == model.u_weight.weight[[3, 1]].tolist()
    assert model.bias(["b"]).shape == (1,)
    assert model.i_bias.training
    assert not model.bias(["a"]).requires_grad
    with pytest.raises(KeyError, match="'g'"):
        model.bias(["g"])
    with pytest.raises(UnknownIdError):
        model.weight([9], is_item=False)
    with pytest.raises(ParameterError, match=r"\['a'\]"):
        model.bias("a")
    with pytest.raises(ParameterError, match="from_classes"):
        EmbeddingDotBias(2, 3, 3).bias(["a"])
    with pytest.raises(ParameterError, match="user, item"):
        EmbeddingDotBias.from_classes(2, model.classes, user="who")


def test_sizes_of_embeddings():
    assert {str(n): emb_sz_rule(n) for n in map(int, REFERENCE["rule"])} == REFERENCE["rule"]
    dls = CollabDataLoaders.from_df(pd.DataFrame({"u": [1, 2] * 9, "i": [1, 2, 3] * 6, "r": [1] * 18}), bs=4)
    assert get_emb_sz(dls, {"i": 7}) == [(3, emb_sz_rule(3)), (4, 7)]
    with pytest.raises(ParameterError, match="'u' and 'i'"):
        get_emb_sz(dls, {"x": 7})
    with pytest.raises(ParameterError, match="whole number"):
        get_emb_sz(dls, {"i": 0})
    assert tabular_config(ps=0.1) == {"ps": 0.1}


def test_untar_data_is_the_folder_with_the_files(movielens_100k):
    path = untar_data(URLs.ML_100k)
    assert (path / "u.data").is_file()
    assert (path / "u.item").is_file()


def test_untar_data_knows_its_datasets():
    with pytest.raises(ParameterError, match=r"URLs\.ML_100k"):
        untar_data("https://example.org/ratings.tgz")
