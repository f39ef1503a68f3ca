"""The validation part inside the training data: what is taken out, and how lists that should find it are judged."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import ndcg_score
from tests.choice_tables import choice_table

from penchant.solvers.choice.choice_data import ChoiceData
from penchant.solvers.choice.held_out_choices import gains_of_rows, gains_of_rows_readable, hold_out


@pytest.mark.parametrize(("share", "wanted"), [(0.1, 0.1), (None, 0.25)])
def test_what_is_held_out_is_not_left_to_learn_from(share: float | None, wanted: float) -> None:
    data = choice_table(150, 60, 9)
    held = hold_out(data, np.random.default_rng(0), share)
    rest = set(zip(held.rest.user_idx, held.rest.item_idx, strict=True))
    out = set(zip(np.repeat(held.users, np.diff(held.indptr)), held.items, strict=True))
    assert not rest & out
    assert rest | out <= set(zip(data.user_idx, data.item_idx, strict=True))
    assert {item for _, item in out} <= set(held.rest.item_idx)
    assert len(rest) == pytest.approx((1 - wanted) * data.n_choices, rel=0.05)
    assert (np.diff(held.indptr) > 0).all()


def test_fewer_are_judged_where_there_are_many_items() -> None:
    rng = np.random.default_rng(0)
    pairs = np.unique(rng.integers(0, 3000 * 8000, 30_000))
    data = ChoiceData((pairs // 8000).astype(np.int32), (pairs % 8000).astype(np.int32), 3000, 8000)
    held = hold_out(data, rng)
    assert len(held.users) == 500
    assert len(held.items) == held.indptr[-1]


def test_gains_are_those_of_scikit_learn() -> None:
    data = choice_table(150, 60, 9)
    held = hold_out(data, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    biases, p, q = (rng.standard_normal(shape).astype(np.float32) for shape in ((60,), (len(held.users), 5), (60, 5)))
    scores = biases + p @ q.T
    scores[held.rest.matrix().toarray()[held.users] > 0] = -1e6
    truth = np.zeros_like(scores)
    truth[np.repeat(np.arange(len(held.users)), np.diff(held.indptr)), held.items] = 1
    found = held.gains(biases, p, q)
    assert found.shape == (len(held.users),)
    assert found.mean() == pytest.approx(ndcg_score(truth, scores, k=100), rel=1e-6)


@pytest.mark.parametrize("depth", [3, 100])
def test_kernel_of_gains_is_its_twin(depth: int) -> None:
    rng = np.random.default_rng(depth)
    n, m = 9, 50
    scores = rng.integers(0, 6, (n, m)).astype(np.float32)  # many are equal
    users = rng.permutation(n).astype(np.int32)
    kinds = rng.choice(3, (n, m), p=[0.6, 0.2, 0.2])  # by user: unknown, known, looked for
    kinds[3, kinds[3] == 2] = 0
    known_indptr = np.append(0, np.cumsum((kinds == 1).sum(axis=1)))
    indptr = np.append(0, np.cumsum((kinds[users] == 2).sum(axis=1)))
    known, items = (np.nonzero(each)[1].astype(np.int32) for each in (kinds == 1, kinds[users] == 2))
    found = []
    for kernel in (gains_of_rows, gains_of_rows_readable):
        given, gains = scores.copy(), np.full(n, np.nan)
        kernel(given, users, known_indptr, known, indptr, items, depth, gains)
        found.append((given, gains))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_allclose(found[0][1], found[1][1])
    assert found[0][1][users == 3] == 0
