"""Every name and call that the lecture and the book's chapter use works after `from penchant.collab import *`.

The lists below are the proof. They name what an interface offers (names, arguments and attributes), on examples of our
own. Each line is evaluated in one namespace; what stands beside it must be true of the result, which is called `_`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from tests.collab.invented import N_FILMS, N_USERS, frame

import penchant

# Names that notebooks get by a star import of fastai.collab and fastai.tabular.all.
NAMES = (
    *("CollabDataLoaders", "Embedding", "EmbeddingDotBias", "EmbeddingNN", "L", "Learner", "MSELossFlat", "Module"),
    *("URLs", "collab_learner", "get_emb_sz", "nn", "np", "one_hot", "pd", "plt", "sigmoid_range", "tensor", "torch"),
    *("untar_data", "F", "Path", "Tensor", "partial", "set_seed", "rmse", "mae", "load_learner", "tabular_config"),
    *("EarlyStoppingCallback", "SaveModelCallback"),
)

LECTURE = (
    ("len(URLs.ML_100k) and callable(untar_data)", "_"),
    ("pd.read_csv(text, delimiter='|', header=None, names=['a', 'b'], usecols=(0, 1), encoding='latin-1')", "len(_)"),
    ("one.merge(other)", "list(_.columns) == ['film', 'stars', 'title']"),
    ("CollabDataLoaders.from_df(df, bs=16, item_name='title')", "_.train.n == 960 and _.valid.n == 240"),
    ("dls.show_batch()", "_ is None"),
    ("dls.one_batch()", "_[0].shape == (16, 2) and _[1].shape == (16, 1)"),
    ("dls.one_batch()[0][:3]", "_.shape == (3, 2)"),
    ("dls.classes['title']", "_[0] == '#na#' and len(_) == N_FILMS + 1"),
    ("dls.classes['title'][[3, 1]]", "list(_) == ['film 02', 'film 00']"),
    ("collab_learner(dls, n_factors=3, y_range=(0, 5))", "isinstance(_, Learner)"),
    ("collab_learner(dls, use_nn=True, y_range=(0, 5), layers=[6, 4])", "isinstance(_.model, EmbeddingNN)"),
    ("learn.fit(2)", "len(learn.recorder.values) == 2"),
    ("net.fit(1)", "len(net.recorder.values) == 1"),
    ("learn.show_results()", "_ is None"),
    ("net.show_results()", "_ is None"),
    ("repr(learn.model)", "_.startswith('EmbeddingDotBias(') and '(i_bias): Embedding(41, 1)' in _"),
    ("learn.model.i_bias.weight.detach().to('cpu').squeeze()", "_.shape == (N_FILMS + 1,) and not _.requires_grad"),
    ("learn.model.i_bias.weight.detach().to('cpu').squeeze().argsort()[:4].tolist()", "len(_) == 4"),
    ("learn.model.i_bias.weight.detach().to('cpu').squeeze().argsort(descending=True)[:4].tolist()", "len(_) == 4"),
    ("list(dls.classes['title'][[2, 0]])", "_ == ['film 01', '#na#']"),
    ("torch.tensor([[who, 7] for who in (1, 2, 5)])", "_.shape == (3, 2)"),
    ("learn.model(pairs.to(dls.device))", "_.shape == (3,) and _.requires_grad"),
    ("net.model(pairs.to(dls.device)).reshape(-1)", "_.shape == (3,)"),
)

CHAPTER = (
    ("df.head()", "len(_) == 5"),
    ("np.array([0.5, -0.2])", "_.shape == (2,)"),
    ("CollabDataLoaders.from_df(df, item_name='title', bs=16)", "list(_.classes) == ['user', 'title']"),
    ("len(dls.classes['user'])", "_ == N_USERS + 1"),
    ("torch.randn(N_USERS + 1, 2)", "_.shape == (N_USERS + 1, 2)"),
    ("one_hot(2, 6).float()", "_.tolist() == [0, 0, 1, 0, 0, 0]"),
    ("torch.arange(12.0).reshape(6, 2).t() @ one_hot(2, 6).float()", "_.tolist() == [4, 5]"),
    ("Embedding(5, 2)", "_(torch.tensor([1, 1])).shape == (2, 2)"),
    ("ByHand()", "isinstance(_, Module) and isinstance(_, nn.Module)"),
    ("Learner(dls, ByHand(), loss_func=MSELossFlat())", "isinstance(_, Learner)"),
    ("by_hand.fit_one_cycle(1, 5e-3)", "len(by_hand.recorder.values) == 1"),
    ("by_hand.fit_one_cycle(1, 5e-3, wd=0.1)", "by_hand.opt['wd'] == 0.1"),
    ("sigmoid_range(torch.zeros(2), 0, 5.5)", "_.tolist() == [2.75, 2.75]"),
    ("L(ByHand().parameters())", "len(_) == 3 and isinstance(_[0], nn.Parameter)"),
    ("L(nn.Linear(1, 3, bias=False).parameters())", "len(_) == 1"),
    ("nn.Parameter(torch.zeros(4, 2).normal_(0, 0.01))", "_.requires_grad"),
    ("np.linspace(0, 1, 5)", "len(_) == 5"),
    ("plt.subplots(figsize=(2, 2))", "_[1].plot([1, 2], label='a') and _[1].legend() and _[1].set_ylim([0, 3])"),
    ("by_hand.model.bias.squeeze().argsort(descending=True)[:2]", "[dls.classes['title'][i] for i in _]"),
    ("df.groupby('title')['rating'].count().sort_values(ascending=False).index.values[:9]", "len(_) == 9"),
    ("tensor([learn.dls.classes['title'].o2i[name] for name in ('film 03', 'film 07')])", "_.tolist() == [4, 8]"),
    ("learn.model.i_weight.weight[tensor([4, 8, 1, 2])].cpu().detach()", "_.shape == (4, 3)"),
    ("learn.model.i_weight.weight.cpu().detach().pca(2)", "_.shape == (N_FILMS + 1, 2)"),
    ("learn.model.i_weight.weight.cpu().detach().pca(3).t()", "_.shape == (3, N_FILMS + 1)"),
    ("plt.figure(figsize=(2, 2))", "plt.scatter([1], [2]) and plt.text(1, 2, 'a', fontsize=11)"),
    ("plt.show()", "True"),
    ("collab_learner(dls, n_factors=4, y_range=(0, 5.5))", "_.model.u_weight.weight.shape == (N_USERS + 1, 4)"),
    ("learn.fit_one_cycle(1, 5e-3, wd=0.1)", "len(learn.recorder.values) == 1"),
    ("learn.model.i_bias.weight.squeeze()", "_.shape == (N_FILMS + 1,)"),
    ("nn.CosineSimilarity(dim=1)(learn.model.i_weight.weight, learn.model.i_weight.weight[5][None])", "_[5] > 0.999"),
    ("get_emb_sz(dls)", "[rows for rows, _ in _] == [N_USERS + 1, N_FILMS + 1]"),
    ("nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1))(torch.zeros(2, 4))", "_.shape == (2, 1)"),
    ("torch.cat((torch.zeros(2, 1), torch.zeros(2, 3)), dim=1)", "_.shape == (2, 4)"),
    ("collab_learner(dls, use_nn=True, y_range=(0, 5.5), layers=[6, 4])", "_.loss_func"),
)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What a star import brings, and examples of our own."""
    pytest.importorskip("matplotlib").use("Agg")
    found: dict[str, Any] = {}
    exec("from penchant.collab import *", found)
    text = tmp_path_factory.mktemp("tables") / "films.txt"
    text.write_text("1|Alien|x\n2|Brazil|y\n", encoding="latin-1")
    found |= {"df": frame(), "text": text, "N_USERS": N_USERS, "N_FILMS": N_FILMS}
    found["one"] = pd.DataFrame({"film": [1, 2, 1], "stars": [3, 4, 5]})
    found["other"] = pd.DataFrame({"film": [1, 2], "title": ["Alien", "Brazil"]})
    found["pairs"] = torch.tensor([[1, 7], [2, 7], [5, 7]])
    by_hand = """if True:
        class ByHand(Module):
            def __init__(self, n_factors=2):
                self.people, self.films = Embedding(N_USERS + 1, n_factors), Embedding(N_FILMS + 1, n_factors)
                self.bias = nn.Parameter(torch.zeros(N_FILMS + 1, 1))
            def forward(self, x):
                match = (self.people(x[:, 0]) * self.films(x[:, 1])).sum(dim=1, keepdim=True)
                return sigmoid_range(match + self.bias[x[:, 1]], 0, 5.5)
        set_seed(1)
        dls = CollabDataLoaders.from_df(df, bs=16, item_name="title", seed=1)
        learn = collab_learner(dls, n_factors=3, y_range=(0, 5))
        net = collab_learner(dls, use_nn=True, y_range=(0, 5), layers=[6, 4])
        by_hand = Learner(dls, ByHand(), loss_func=MSELossFlat())
    """
    exec(by_hand, found)
    yield found
    found["plt"].close("all")


def test_the_names_are_there(names: dict[str, Any]) -> None:
    assert [name for name in NAMES if name not in names] == []
    assert names["np"] is np
    assert names["Path"] is Path


@pytest.mark.parametrize(("call", "holds"), [*LECTURE, *CHAPTER], ids=lambda text: text[:60])
def test_the_call_works(names: dict[str, Any], call: str, holds: str) -> None:
    result = eval(call, names)
    assert eval(holds, names | {"_": result}), f"{call} gives {result!r}, of which {holds} is not true"


def test_the_lectures_losses_come_again(movielens_100k: Path) -> None:
    """With its settings: after 13 epochs the lecture has 0.823 on held-out ratings; splits differ."""
    names: dict[str, Any] = {}
    exec("from penchant.collab import *", names)
    table = penchant.load_dataset("ml-100k").to_frame()
    dls = names["CollabDataLoaders"].from_df(table, item_name="title", bs=64, seed=1)
    names["set_seed"](1)
    learn = names["collab_learner"](dls, n_factors=10, y_range=(0, 5))
    with learn.no_logging():
        learn.fit(13)
    assert learn.recorder.values[-1][1] == pytest.approx(0.823, abs=0.04)
    assert dls.classes["title"].o2i["Titanic (1997)"] == 1501  # as there
    assert learn.model.bias(["Titanic (1997)"])[0] > 0.5
