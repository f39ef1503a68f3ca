"""The validation part inside the training data: what is taken out, and how lists that should find it are judged."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import ndcg_score
from tests.choice_tables import choice_table

from penchant.solvers.choice.held_out_choices import hold_out


def test_what_is_held_out_is_not_left_to_learn_from() -> None:
    data = choice_table(150, 60, 9)
    held = hold_out(data, np.random.default_rng(0))
    rest = set(zip(held.rest.user_idx, held.rest.item_idx, strict=True))
    out = set(zip(np.repeat(held.users, np.diff(held.indptr)), held.items, strict=True))
    assert not rest & out
    assert rest | out <= set(zip(data.user_idx, data.item_idx, strict=True))
    assert {item for _, item in out} <= set(held.rest.item_idx)
    assert len(rest) == pytest.approx(0.9 * data.n_choices, rel=0.05)
    assert (np.diff(held.indptr) > 0).all()


def test_ndcg_of_each_number_of_columns_is_that_of_scikit_learn() -> None:
    data = choice_table(150, 60, 9)
    held = hold_out(data, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    biases, p, q = (rng.standard_normal(shape).astype(np.float32) for shape in ((60,), (len(held.users), 5), (60, 5)))
    wanted = []
    for rank in (2, 5):
        scores = biases + p[:, :rank] @ q[:, :rank].T
        scores[held.rest.matrix().toarray()[held.users] > 0] = -1e6
        truth = np.zeros_like(scores)
        truth[np.repeat(np.arange(len(held.users)), np.diff(held.indptr)), held.items] = 1
        wanted.append(ndcg_score(truth, scores, k=100))
    np.testing.assert_allclose(held.of_ranks(biases, p, q, [2, 5]), wanted, rtol=1e-6)
