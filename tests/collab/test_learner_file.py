"""Learners in files: what comes back predicts the same, and what is no such file is refused."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.collab.invented import by_hand, frame, learner, loaders, neural, state_of
from torch import Tensor, nn

import penchant as pt
from penchant.collab.files.architecture import built, described
from penchant.collab.files.learner_file import load_learner
from penchant.collab.learner import Learner
from penchant.collab.losses import L1LossFlat, mae, rmse
from penchant.collab.modules import EmbeddingDotBias, EmbeddingNN
from penchant.errors import FormatError, ParameterError, SourceError, UnknownIdError, UnsupportedError
from penchant.storage.container import read, write

MAKERS = {
    "dot": partial(learner, metrics=[rmse, mae]),
    "open": partial(learner, y_range=None),
    "absolute": partial(learner, loss_func=L1LossFlat()),
    "neural": neural,
    "neural, other": partial(
        neural,
        config={"ps": [0.1, 0.2], "embed_p": 0.3, "use_bn": False, "bn_cont": False, "act_cls": nn.GELU()},
    ),
    "neural, linear": partial(learner, use_nn=True, layers=[]),
    "neural, last normalised": partial(neural, config={"bn_final": True, "lin_first": False, "act_cls": nn.ELU(0.5)}),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_learner_comes_back(name: str, tmp_path: Path) -> None:
    learn: Learner = MAKERS[name](loaders(tmp_path))
    learn.fit(2)
    path = learn.export("a.penchant")
    assert path == tmp_path / "a.penchant"
    again = load_learner(path)
    assert repr(again.model) == repr(learn.model)
    assert type(again.loss_func) is type(learn.loss_func)
    assert [metric.name for metric in again.metrics] == [metric.name for metric in learn.metrics]
    assert all(torch.equal(value, state_of(again)[key]) for key, value in state_of(learn).items())
    assert again.recorder.history == learn.recorder.history
    table = frame().head(50)
    ours, theirs = (each.get_preds(dl=each.dls.test_dl(table)) for each in (learn, again))
    assert torch.equal(ours[0], theirs[0])  # type: ignore[arg-type]
    assert torch.equal(ours[1], theirs[1])  # type: ignore[arg-type]
    assert again.get_preds(dl=again.dls.test_dl(table.drop(columns="rating")))[1] is None
    assert float(again.predict(table.iloc[0])[2]) == float(learn.predict(table.iloc[0])[2])
    assert again.validate(dl=again.dls.test_dl(table)) == pytest.approx(learn.validate(dl=learn.dls.test_dl(table)))
    with pytest.raises(UnknownIdError, match="film 9x"):
        again.predict({"user": 1, "title": "film 9x"})
    with pytest.raises(ParameterError, match="with_loss needs ratings"):
        again.get_preds(dl=again.dls.test_dl(table.drop(columns="rating")), with_loss=True)
    with pytest.raises(ParameterError, match="whole batches only"):
        again.fit(1)
    with pytest.raises(UnsupportedError, match="training ratings"):
        again.recommender()


def test_names_are_known_to_a_model_that_came_back(tmp_path: Path) -> None:
    learn = learner(loaders(tmp_path))
    again = load_learner(learn.export())
    assert (tmp_path / "export.penchant").is_file()
    titles = ["film 03", "film 05"]
    assert isinstance(again.model, EmbeddingDotBias)
    assert isinstance(learn.model, EmbeddingDotBias)
    assert torch.equal(again.model.bias(titles), learn.model.bias(titles))


def test_the_same_learner_gives_the_same_bytes(tmp_path: Path) -> None:
    learn = learner(loaders(tmp_path))
    assert learn.export("a").read_bytes() == learn.export("b").read_bytes()


def test_what_a_file_without_code_can_not_hold(tmp_path: Path) -> None:
    def loss(predictions: Tensor, targets: Tensor) -> Tensor:
        return (predictions.reshape(-1) - targets.reshape(-1)).abs().mean()

    dls = loaders(tmp_path)
    with pytest.raises(UnsupportedError, match=r"ByHand is written by hand.*learn.save"):
        by_hand(dls).export()
    with pytest.raises(UnsupportedError, match="the loss function is written by hand"):
        learner(dls, loss_func=loss).export()
    with pytest.raises(UnsupportedError, match="activation Softmax"):
        neural(dls, config={"act_cls": nn.Softmax(1)}).export()
    changed = neural(dls)
    assert isinstance(changed.model, EmbeddingNN)
    changed.model.layers.append(nn.Hardtanh(0, 5))
    with pytest.raises(UnsupportedError, match="changed after it was made"):
        changed.export()


# -- files of others --


def rewritten(path: Path, **changes: object) -> Path:
    """The file with changes in a section, under a checksum of its own: whoever wrote it wrote it so."""
    header, arrays = read(path)
    texts = {name: text for name, text in header.metadata.items() if name in ("learner", "model")}
    for name, change in changes.items():
        if name == "arrays":
            arrays |= change  # type: ignore[arg-type]
            arrays = {key: array for key, array in arrays.items() if array is not None}
        else:
            texts[name] = json.dumps(json.loads(texts[name]) | change)  # type: ignore[operator]
    other = path.with_name("other.penchant")
    write(other, arrays, texts)
    return other


@pytest.fixture
def dot_file(tmp_path: Path) -> Path:
    learn = learner(loaders(tmp_path))
    learn.fit(1)
    return learn.export()


@pytest.fixture
def nn_file(tmp_path: Path) -> Path:
    return neural(loaders(tmp_path)).export()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"model": {"kind": "Anything"}}, "kind 'Anything'"),
        ({"model": {"n_factors": 5}}, "u_weight.weight are missing, or not"),
        ({"model": {"n_factors": 10**8}}, "thousand million"),
        ({"model": {"n_factors": -1}}, "n_factors"),
        ({"model": {"n_factors": None}}, "n_factors"),
        ({"model": {"y_range": [5, 0]}}, "y_range"),
        ({"model": {"y_range": "05"}}, "y_range"),
        ({"learner": {"columns": ["user", "title"]}}, "list of texts"),
        ({"learner": {"columns": [1, 2, 3]}}, "list of texts"),
        ({"learner": {"ids": None}}, "types of the ids"),
        ({"learner": {"ids": {"users": 3}}}, "type of the ids of users"),
        ({"learner": {"loss": "eval"}}, "loss is 'eval'"),
        ({"learner": {"history": [{"train_loss": "low"}]}}, "table of epochs"),
        ({"arrays": {"state.u_bias.weight": np.zeros((31, 2), np.float32)}}, "u_bias.weight are missing, or not"),
        ({"arrays": {"state.u_bias.weight": np.zeros((31, 1))}}, "u_bias.weight are missing, or not"),
        ({"arrays": {"state.u_bias.weight": None}}, "u_bias.weight are missing"),
        ({"arrays": {"state.more": np.zeros(1)}}, "other layers, such as more"),
        ({"arrays": {"users.ids": np.arange(5)}}, "missing, or not"),
    ],
)
def test_files_of_dot_products_that_do_not_fit(dot_file: Path, changes: dict[str, object], told: str) -> None:
    with pytest.raises(FormatError, match=told):
        load_learner(rewritten(dot_file, **changes))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"widths": [3]}, "do not fit together"),
        ({"layers": [10**7, 10**7], "ps": [0, 0]}, "thousand million"),
        ({"layers": [8.5]}, "layers"),
        ({"ps": [2, 0]}, "dropout is 2"),
        ({"embed_p": "x"}, "dropout is 'x'"),
        ({"use_bn": "yes"}, "do not fit together"),
        ({"act_cls": {"name": "Module"}}, "activation"),
        ({"act_cls": {"name": "ReLU", "beta": 3}}, "activation"),
        ({"act_cls": {"name": "ReLU", "inplace": "os"}}, "activation"),
        ({"act_cls": "ReLU"}, "activation"),
    ],
)
def test_files_of_neural_models_that_do_not_fit(nn_file: Path, change: dict[str, object], told: str) -> None:
    with pytest.raises(FormatError, match=told):
        load_learner(rewritten(nn_file, model=change))


def test_other_files(dot_file: Path, tmp_path: Path) -> None:
    rec = pt.ALS(n_factors=2, n_epochs=1).fit(pt.load_dataset("sample"))
    with pytest.raises(FormatError, match="a recommender, not a learner"):
        load_learner(rec.save(tmp_path / "rec.penchant"))
    with pytest.raises(FormatError):
        pt.load(dot_file)
    damaged = bytearray(dot_file.read_bytes())
    damaged[-100] ^= 1
    dot_file.write_bytes(damaged)
    with pytest.raises(FormatError, match="checksum"):
        load_learner(dot_file)
    with pytest.raises(SourceError, match="there is no file"):
        load_learner(tmp_path / "nowhere")
    with pytest.raises(ParameterError, match="fname is 3"):
        load_learner(3)  # type: ignore[arg-type]
    (tmp_path / "pickle.penchant").write_bytes(b"\x80\x04.")
    with pytest.raises(FormatError, match="pickle"):
        load_learner(tmp_path / "pickle.penchant")


def test_a_described_model_takes_no_memory_before_its_weights_are_there() -> None:
    model = built(described(EmbeddingDotBias(3, 4, 5)), [4, 5])
    assert all(p.device.type == "meta" for p in model.parameters())
