"""Names of fastai that are not here say what to use instead, and what they name is there."""

from __future__ import annotations

import copy
import pickle
import re

import pytest
from tests.collab.invented import learner, loaders

import penchant.collab as facade
from penchant.collab import CollabDataLoaders, Learner, URLs
from penchant.collab.absent import LEARNER, LOADERS, MODULE, AbsentError
from penchant.errors import UnsupportedError


@pytest.fixture(scope="module")
def learn() -> Learner:
    return learner(loaders())


@pytest.mark.parametrize("name", LEARNER)
def test_a_learner_says_what_to_use(learn: Learner, name: str) -> None:
    assert not hasattr(learn, name)
    with pytest.raises(AbsentError, match=rf"a learner has no '{name}' here.*{re.escape(LEARNER[name])}") as raised:
        getattr(learn, name)
    assert isinstance(raised.value, UnsupportedError)


@pytest.mark.parametrize("name", LOADERS)
def test_data_loaders_say_what_to_use(learn: Learner, name: str) -> None:
    assert not hasattr(learn.dls, name)
    with pytest.raises(AbsentError, match=rf"data loaders have no '{name}' here.*{re.escape(LOADERS[name])}"):
        getattr(learn.dls, name)


@pytest.mark.parametrize("name", MODULE)
def test_an_import_says_what_to_use(name: str) -> None:
    with pytest.raises(UnsupportedError, match=re.escape(MODULE[name])):
        exec(f"from penchant.collab import {name}")
    assert name not in facade.__all__


def test_every_dataset_is_named() -> None:
    with pytest.raises(AbsentError, match=r"no URLs\.ML_100K: use URLs\.ML_100k$"):
        URLs.ML_100K  # noqa: B018 - asking is the test
    with pytest.raises(AbsentError, match=r"MovieLens only, URLs\.ML_100k, .*URLs\.ML_LATEST_SMALL"):
        URLs.MNIST  # noqa: B018
    assert not hasattr(URLs, "MNIST")
    assert not hasattr(URLs, "__wrapped__")


def test_other_names_are_missing_as_everywhere(learn: Learner) -> None:
    for one in (learn, learn.dls):
        with pytest.raises(AttributeError, match="no attribute 'nothing'") as raised:
            one.nothing  # noqa: B018
        assert not isinstance(raised.value, UnsupportedError)
    with pytest.raises(ImportError, match="nothing"):
        exec("from penchant.collab import nothing")


def test_what_asks_for_anything_still_works(learn: Learner) -> None:
    """Copying and pickling ask an object that has no attributes yet."""
    assert copy.copy(learn.dls).bs == learn.dls.bs
    assert pickle.loads(pickle.dumps(learn.dls)).bs == learn.dls.bs
    assert isinstance(copy.deepcopy(learn.dls), CollabDataLoaders)


# What the messages name, apart from fastai's own and from names of columns.
_NAMED = re.compile(r"\b(learn|dls|URLs)((?:\.\w+)+)")


@pytest.mark.parametrize("text", {*LEARNER.values(), *LOADERS.values(), *MODULE.values()})
def test_what_is_to_be_used_is_there(learn: Learner, text: str) -> None:
    for owner, path in _NAMED.findall(text):
        thing: object = {"learn": learn, "dls": learn.dls, "URLs": URLs}[owner]
        for part in path.removeprefix(".").split("."):
            thing = getattr(thing, part)
    for name in re.findall(r"\b[a-z_]*(?:Flat|EmbeddingNN|collab_learner|load_learner|rmse|mae)\b", text):
        assert not name or hasattr(facade, name) or name == "Flat"
