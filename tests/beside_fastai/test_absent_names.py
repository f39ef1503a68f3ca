"""Beside fastai: what penchant says fastai has, and it has not, is there in fastai."""

from __future__ import annotations

import pytest
from fastai import collab
from fastai.tabular import all as everything
from tests.collab.invented import frame

from penchant.collab.absent import LEARNER, LOADERS, MODULE


@pytest.fixture(scope="module")
def learn():
    dls = collab.CollabDataLoaders.from_df(frame(), item_name="title", bs=32)
    return collab.collab_learner(dls, n_factors=2)


@pytest.mark.parametrize("name", LEARNER)
def test_their_learner_has_it(learn, name):
    assert hasattr(learn, name)


@pytest.mark.parametrize("name", sorted({*LOADERS} - {"vocab"}))  # which loaders of images and text have
def test_their_data_loaders_have_it(learn, name):
    assert hasattr(learn.dls, name)


@pytest.mark.parametrize("name", MODULE)
def test_their_star_import_brings_it(name):
    assert hasattr(everything, name) or hasattr(collab, name)
