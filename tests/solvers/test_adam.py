"""The solver Adam: what it learns, and that it needs no other packages."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import penchant as pt
from penchant.errors import ParameterError
from penchant.fitting.fit import training_data
from penchant.solvers.adam import Adam, dot_bias
from penchant.solvers.gradient.sigmoid_range import widened


@pytest.fixture(scope="module")
def sample():
    return pt.load_dataset("sample")


def test_it_predicts_within_its_range(sample):
    rec = pt.Adam(n_factors=4, batch_size=16, y_range=(2, 4)).fit(sample)
    assert rec.model.y_range == (2, 4)
    predicted = rec.predict(sample.to_frame())
    assert predicted.min() >= 2
    assert predicted.max() <= 4


def test_its_range_is_the_scale_and_an_eighth_more_at_either_end(sample):
    assert pt.Adam(n_factors=2, n_epochs=1).fit(sample).model.y_range == widened(sample.rating_scale) == (0.5, 5.5)


def test_batches_larger_than_the_table_are_the_table(sample):
    few, _ = sample.split_by(np.arange(len(sample)) >= 20)
    rec = pt.Adam(n_factors=2, batch_size=64, n_epochs=30).fit(few)
    assert rec.history["train_loss"].iloc[-1] < rec.history["train_loss"].iloc[0]


def test_the_prior_of_a_new_row_is_the_mean_of_those_that_were_trained(sample):
    train, _ = pt.splits.cold_items(sample, 0.1, rng=0)
    model = pt.Adam(n_factors=3, batch_size=16).fit(train).model
    known = train.item_counts() > 0
    rows = np.column_stack([model.item_factors, model.item_biases])
    np.testing.assert_allclose(model.item_prior.mean, rows[known].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(rows[~known], np.tile(model.item_prior.mean, (sum(~known), 1)), atol=1e-6)


def test_fold_in_of_a_known_user_is_near_the_row_that_was_trained(sample):
    rec = pt.Adam(n_factors=4, batch_size=16, n_epochs=10).fit(sample)
    busiest = int(np.argmax(sample.user_counts()))
    of_user = sample.user_idx == busiest
    row = rec.model.fold_in_user(sample.item_idx[of_user], sample.rating[of_user])
    grown = rec.model.with_row("user", row)
    items = np.arange(sample.n_items, dtype=np.int32)
    trained = rec.model.predict(np.full(len(items), busiest, np.int32), items)
    folded = grown.predict(np.full(len(items), sample.n_users, np.int32), items)
    assert np.corrcoef(trained, folded)[0, 1] > 0.8


def test_all_ratings_alike_are_learned(sample):
    table = pt.Ratings.from_arrays([1, 1, 2], [1, 2, 1], [3.0, 3.0, 3.0])
    assert pt.Adam(n_factors=2, n_epochs=200, lr=0.05).fit(table).predict(2, user_id=2) == pytest.approx(3, abs=0.2)


@pytest.mark.parametrize(
    ("name", "value"),
    [("lr", 0), ("lr", float("nan")), ("wd", -1), ("batch_size", 0), ("schedule", "linear"), ("y_range", (5, 1)),
     ("y_range", 5), ("y_range", ("a", "b"))],
)  # fmt: skip
def test_values_out_of_range_are_refused(name, value):
    with pytest.raises(ParameterError, match=name):
        Adam(**{name: value})


def test_a_decay_that_leaves_nothing_is_refused():
    with pytest.raises(ParameterError, match=r"lr \* wd is 1"):
        Adam(lr=1, wd=1)


def test_tables_become_a_model_of_any_link(sample):
    data = training_data(sample)
    rng = np.random.default_rng(0)
    shapes = ((data.n_users, 2), (data.n_items, 2), (data.n_users,), (data.n_items,))
    tables = [rng.normal(0, 0.1, shape).astype(np.float32) for shape in shapes]
    model = dot_bias(*tables, data, None, global_mean=3.5)
    error = model.predict(data.user_idx, data.item_idx).clip(1, 5) - data.rating
    assert 1 / model.noise_precision == pytest.approx(np.mean(error.astype(float) ** 2), rel=1e-5)


def test_it_trains_without_torch():
    code = (
        "import sys, penchant as pt\n"
        "sys.modules['torch'] = None\n"
        "pt.Adam(n_factors=2, n_epochs=1).fit(pt.load_dataset('sample'))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
