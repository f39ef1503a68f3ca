"""How far a rating may lie from its prediction: the formula, growth, and what it refuses to be rebuilt from."""

from __future__ import annotations

import numpy as np
import pytest

from penchant.errors import FormatError
from penchant.models.dot_bias.spread import Spread

NAMES = ["user_noise", "item_noise", "user_variance", "item_variance"]


def make() -> Spread:
    rng = np.random.default_rng(0)
    return Spread(*(rng.uniform(0.5, 2, n).astype(np.float32) for n in (4, 3, 4, 3)))


def test_variance_is_the_formula() -> None:
    spread = make()
    users, items = (each.astype(np.int32) for each in np.divmod(np.arange(12), 3))
    found = spread.variance(users, items, noise_precision=1.6)
    for at, (u, i) in enumerate(zip(users, items, strict=True)):
        noise = float(spread.user_noise[u]) * float(spread.item_noise[i]) / 1.6
        assert found[at] == pytest.approx(noise + float(spread.user_variance[u]) + float(spread.item_variance[i]))
    assert found.dtype == np.float64


def test_new_rows_have_the_mean_noise_and_the_variance_given() -> None:
    spread = make()
    grown = spread.with_rows(6, 3, 0.7, 0.9)
    assert np.array_equal(grown.user_noise[:4], spread.user_noise)
    assert np.allclose(grown.user_noise[4:], spread.user_noise.mean())
    assert np.array_equal(grown.user_variance, np.append(spread.user_variance, np.full(2, 0.7, np.float32)))
    assert np.array_equal(grown.item_noise, spread.item_noise)
    assert np.array_equal(grown.item_variance, spread.item_variance)
    for name in NAMES:
        assert getattr(grown, name).dtype == np.float32
    old = np.array([0, 3], np.int32), np.array([2, 0], np.int32)
    assert np.array_equal(spread.variance(*old, 2.0), grown.variance(*old, 2.0))


def test_the_first_row_of_all_has_a_noise_of_one() -> None:
    nothing = np.array([], np.float32)
    spread = Spread(nothing, make().item_noise, nothing, make().item_variance)
    assert spread.with_rows(2, 3, 0.5, 0.5).user_noise.tolist() == [1, 1]


def test_arrays_and_back() -> None:
    spread = make()
    again = Spread.from_arrays({**spread.arrays(), "other": np.zeros(1)}, 4, 3)
    assert list(spread.arrays()) == NAMES
    assert all(np.array_equal(getattr(spread, name), getattr(again, name)) for name in NAMES)
    assert Spread.from_arrays({"other": np.zeros(1)}, 4, 3) is None


@pytest.mark.parametrize("name", NAMES)
def test_arrays_that_do_not_fit_are_refused_by_name(name: str) -> None:
    right = make().arrays()
    broken = {
        "missing": {key: array for key, array in right.items() if key != name},
        "too short": {**right, name: right[name][1:]},
        "a table": {**right, name: right[name][:, None]},
        "other type": {**right, name: right[name].astype(np.float64)},
        "not a number": {**right, name: np.full_like(right[name], np.nan)},
        "infinite": {**right, name: np.full_like(right[name], np.inf)},
        "negative": {**right, name: -right[name]},
    }
    for arrays in broken.values():
        with pytest.raises(FormatError, match=name):
            Spread.from_arrays(arrays, 4, 3)


@pytest.mark.parametrize("name", NAMES)
def test_zero_is_a_variance_and_no_noise(name: str) -> None:
    """All that is to be known of a row may be known; a rating without noise would weigh infinitely."""
    arrays = {**make().arrays(), name: np.zeros_like(make().arrays()[name])}
    if name.endswith("noise"):
        with pytest.raises(FormatError, match=f"{name}.*not above zero"):
            Spread.from_arrays(arrays, 4, 3)
    else:
        assert Spread.from_arrays(arrays, 4, 3) is not None


@pytest.mark.parametrize("name", ["user_variance", "item_variance"])
def test_hardly_negative_is_negative(name: str) -> None:
    arrays = {**make().arrays(), name: np.full_like(make().arrays()[name], -1e-20)}
    with pytest.raises(FormatError, match=name):
        Spread.from_arrays(arrays, 4, 3)
