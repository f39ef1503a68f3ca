"""What is believed of a row before its ratings: by hand, after growth, and what it refuses to be rebuilt from."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from penchant.arrays.feature_rows import FeatureRow
from penchant.errors import FormatError
from penchant.models.dot_bias.row_prior import RowPrior

NOBODY = np.array([], dtype=np.int32)


def make(seed: int = 0) -> RowPrior:
    """Of three numbers: two factors and a bias; five rows on the other side, four features."""
    rng = np.random.default_rng(seed)
    return RowPrior(
        rng.standard_normal(3),
        np.diag([1.0, 2.0, 3.0]),
        0.0,
        rng.standard_normal((5, 3)).astype(np.float32),
        rng.standard_normal((4, 3)).astype(np.float32),
        rng.uniform(0.1, 0.2, 4).astype(np.float32),
    )


def feature(columns: list[int], values: list[float]) -> FeatureRow:
    return FeatureRow(np.array(columns, np.int32), np.array(values, np.float32))


def test_the_expected_row_is_the_mean_its_features_and_its_choices() -> None:
    prior = make()
    others = np.array([4, 0, 2, 1], dtype=np.int32)
    found = prior.expected(others, feature([0, 3], [1.0, -2.5]))
    by_hand = prior.mean + prior.feature_weights[0] - 2.5 * prior.feature_weights[3]
    by_hand = by_hand + (prior.implicit_weights[[4, 0, 2, 1]].sum(axis=0)) / 2
    assert np.allclose(found, by_hand, atol=1e-6)
    assert found.dtype == np.float64


def test_each_part_may_be_missing() -> None:
    prior = make()
    others = np.array([1], dtype=np.int32)
    some = feature([2], [1.0])
    assert np.array_equal(prior.expected(NOBODY), prior.mean)
    assert np.array_equal(prior.expected(NOBODY, feature([], [])), prior.mean)
    assert np.allclose(prior.expected(NOBODY, some), prior.mean + prior.feature_weights[2])
    assert np.allclose(prior.expected(others), prior.mean + prior.implicit_weights[1])
    plain = RowPrior(prior.mean, prior.precision)
    assert np.array_equal(plain.expected(others, some), prior.mean)
    assert plain.n_features == 0
    assert prior.n_features == 4


def test_many_choices_weigh_as_the_square_root_of_how_many() -> None:
    prior = make()
    once = prior.expected(np.array([3], np.int32)) - prior.mean
    often = prior.expected(np.full(16, 3, np.int32)) - prior.mean
    assert np.allclose(often, 4 * once, atol=1e-5)


def test_the_mean_is_not_changed_by_a_look() -> None:
    prior = make()
    before = prior.mean.copy()
    prior.expected(np.array([1, 2], np.int32), feature([0], [1.0]))
    assert np.array_equal(prior.mean, before)


def test_more_rows_on_the_other_side_say_nothing() -> None:
    prior = make()
    grown = prior.with_others(8)
    assert grown.implicit_weights.shape == (8, 3)
    assert grown.implicit_weights.dtype == np.float32
    assert np.array_equal(grown.implicit_weights[:5], prior.implicit_weights)
    assert (grown.implicit_weights[5:] == 0).all()
    assert np.array_equal(grown.expected(np.array([7], np.int32)), prior.mean)
    for field in dataclasses.fields(prior):
        if field.name != "implicit_weights":
            assert getattr(grown, field.name) is getattr(prior, field.name)
    assert prior.with_others(5) is prior
    plain = RowPrior(prior.mean, prior.precision)
    assert plain.with_others(99) is plain


def test_a_few_choices_are_a_few_of_many() -> None:
    """The mean goes from that of anybody to that of somebody with these choices; the precision is that of anybody."""
    plain = make()
    prior = dataclasses.replace(plain, cold_mean=np.array([3.0, -1.0, 0.5]), cold_precision=np.eye(3) / 2)
    assert np.array_equal(prior.expected(NOBODY), prior.cold_mean)
    for n in (1, 4, 5):
        others = np.arange(n, dtype=np.int32)
        between = (n * plain.expected(others) + 8 * prior.cold_mean) / (n + 8)
        assert np.allclose(prior.expected(others), between)
        assert np.array_equal(prior.precision_of(n), prior.cold_precision)
        assert np.array_equal(plain.precision_of(n), plain.precision)
    features = feature([2], [1.0])
    assert np.allclose(prior.expected(NOBODY, features), prior.cold_mean + prior.feature_weights[2])
    assert np.array_equal(dataclasses.replace(plain, count_power=0.5).precision_of(4), 2 * plain.precision)


@pytest.mark.parametrize("missing", [(), ("implicit_weights",), ("feature_weights", "feature_errors")])
def test_arrays_and_back(missing: tuple[str, ...]) -> None:
    prior = dataclasses.replace(make(), **dict.fromkeys(missing))
    arrays = prior.arrays("user")
    assert all(name.startswith("user_") for name in arrays)
    assert len(arrays) == 5 - len(missing)
    again = RowPrior.from_arrays(arrays, {"user_prior_count_power": 0.0}, "user", 2, 5)
    for field in dataclasses.fields(prior):
        one, two = getattr(prior, field.name), getattr(again, field.name)
        assert (one is None and two is None) or np.array_equal(one, two)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("item_implicit_weights", np.zeros((4, 3), np.float32)),
        ("item_implicit_weights", np.zeros((5, 2), np.float32)),
        ("item_implicit_weights", np.zeros((5, 3))),
        ("item_implicit_weights", np.zeros(15, np.float32)),
        ("item_implicit_weights", np.full((5, 3), np.nan, np.float32)),
        ("item_feature_weights", np.zeros((4, 2), np.float32)),
        ("item_feature_weights", np.zeros(12, np.float32)),
        ("item_feature_weights", np.zeros((4, 3), np.int32)),
        ("item_feature_weights", np.full((4, 3), np.inf, np.float32)),
        ("item_feature_errors", np.zeros(3, np.float32)),
        ("item_feature_errors", np.zeros((4, 1), np.float32)),
        ("item_feature_errors", None),
        ("item_prior_mean", np.zeros(4)),
        ("item_prior_precision", -np.eye(3)),
    ],
)
def test_arrays_that_do_not_fit_are_refused_by_name(name: str, array: np.ndarray | None) -> None:
    arrays = {**make().arrays("item"), name: array}
    if array is None:
        del arrays[name]
    with pytest.raises(FormatError, match=name):
        RowPrior.from_arrays(arrays, {"item_prior_count_power": 0.0}, "item", 2, 5)


def test_more_weights_than_errors_are_refused() -> None:
    arrays = make().arrays("item")
    arrays["item_feature_weights"] = np.zeros((6, 3), np.float32)
    with pytest.raises(FormatError, match="item_feature_errors"):
        RowPrior.from_arrays(arrays, {"item_prior_count_power": 0.0}, "item", 2, 5)
