"""SeenRatings against a plain dictionary of dictionaries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.arrays.seen_ratings import SeenRatings
from penchant.errors import ParameterError

RATINGS = st.dictionaries(
    st.tuples(st.integers(0, 6), st.integers(0, 9)), st.sampled_from([1.0, 2.5, 5.0]), max_size=40
)


@given(RATINGS, st.randoms())
def test_holds_what_was_given_in_any_order(table, shuffler):
    pairs = list(table.items())
    shuffler.shuffle(pairs)
    user_idx = np.array([user for (user, _), _ in pairs], dtype=np.int32)
    item_idx = np.array([item for (_, item), _ in pairs], dtype=np.int32)
    rating = np.array([value for _, value in pairs], dtype=np.float32)
    seen = SeenRatings.from_pairs(user_idx, item_idx, rating, n_users=7)
    assert len(seen) == len(table)
    assert seen.n_users == 7
    for row in range(7):
        wanted = {item: value for (user, item), value in sorted(table.items()) if user == row}
        assert seen.items_of(row).tolist() == list(wanted)
        assert seen.ratings_of(row).tolist() == list(wanted.values())
        assert seen.user_counts()[row] == len(wanted)
    assert seen.item_counts(10).tolist() == [sum(item == i for _, item in table) for i in range(10)]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 5)), max_size=30))
def test_of_a_pair_that_occurs_twice_the_last_counts(rows):
    user_idx, item_idx, rating = np.array(rows, dtype=np.int32).reshape(-1, 3).T
    seen = SeenRatings.from_pairs(user_idx, item_idx, rating.astype(np.float32), n_users=4)
    wanted = {(user, item): value for user, item, value in rows}
    held = {
        (user, item): value
        for user in range(4)
        for item, value in zip(seen.items_of(user).tolist(), seen.ratings_of(user).tolist(), strict=True)
    }
    assert held == wanted
    assert len(seen) == len(wanted)


def test_types_and_frozen():
    user_idx = np.array([1, 0], dtype=np.int64)
    seen = SeenRatings.from_pairs(user_idx, np.array([0, 3]), np.array([2.0, 4.0]), 2)
    assert (seen.indptr.dtype, seen.item_idx.dtype, seen.rating.dtype) == (np.int64, np.int32, np.float32)
    assert user_idx.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        seen.items_of(0)[0] = 1
    assert repr(seen) == "SeenRatings(2 ratings of 2 users)"


def test_the_constructor_leaves_the_arrays_of_its_caller_writeable():
    rating = np.array([2.0], dtype=np.float32)
    SeenRatings(np.array([0, 1]), np.array([0], dtype=np.int32), rating)
    rating[0] = 3.0


@pytest.mark.parametrize("row", [-1, 2])
def test_no_such_row(row):
    seen = SeenRatings.from_pairs(np.array([1]), np.array([0]), np.array([2.0]), 2)
    with pytest.raises(ParameterError, match=f"no user row {row}"):
        seen.items_of(row)
    with pytest.raises(ParameterError, match=f"no user row {row}"):
        seen.ratings_of(row)


@pytest.mark.parametrize(
    ("user_idx", "item_idx", "rating", "message"),
    [
        ([0], [0, 1], [1.0, 2.0], "do not pair up"),
        ([2], [0], [1.0], "0 to 1"),
        ([-1], [0], [1.0], "0 to 1"),
        ([1], [-1], [1.0], "at least 0"),
    ],
)
def test_bad_pairs(user_idx, item_idx, rating, message):
    with pytest.raises(ParameterError, match=message):
        SeenRatings.from_pairs(np.array(user_idx), np.array(item_idx), np.array(rating), 2)


@pytest.mark.parametrize(
    ("indptr", "n", "message"),
    [([], 0, "rise"), ([1, 1], 1, "rise"), ([0, 1], 2, "rise"), ([0, 2, 1], 1, "rise")],
)
def test_bad_indptr(indptr, n, message):
    with pytest.raises(ParameterError, match=message):
        SeenRatings(np.array(indptr, dtype=np.int64), np.zeros(n, np.int32), np.zeros(n, np.float32))


def test_bad_types():
    with pytest.raises(ParameterError, match="item_idx is int64"):
        SeenRatings(np.array([0, 1]), np.zeros(1, np.int64), np.zeros(1, np.float32))
    with pytest.raises(ParameterError, match="1 items for 2 ratings"):
        SeenRatings(np.array([0, 1]), np.zeros(1, np.int32), np.zeros(2, np.float32))


@given(RATINGS, st.lists(st.tuples(st.integers(0, 9), st.integers(0, 12))))
def test_pairs_are_counted(table, asked):
    user_idx, item_idx = np.array(list(table), dtype=np.int32).reshape(-1, 2).T
    seen = SeenRatings.from_pairs(user_idx, item_idx, np.ones(len(table)), n_users=7)
    users, items = np.array(asked, dtype=np.int32).reshape(-1, 2).T
    assert seen.count_pairs(users, items) == sum(pair in table for pair in asked)


def test_more_users():
    seen = SeenRatings.from_pairs(np.array([1, 0]), np.array([0, 3]), np.array([2.0, 4.0]), 2)
    more = seen.with_users(4)
    assert more.user_counts().tolist() == [1, 1, 0, 0]
    assert more.items_of(0).tolist() == [3]
    assert seen.with_users(2).n_users == 2
    with pytest.raises(ParameterError, match="2 user rows can't become 1"):
        seen.with_users(1)


# -- more ratings, fewer users --

triples = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6), st.sampled_from([1.0, 2.0, 5.0])), max_size=20)


def grouped(ratings: dict[tuple[int, int], float]) -> SeenRatings:
    users, items = (np.array([pair[at] for pair in ratings], dtype=np.int32) for at in (0, 1))
    return SeenRatings.from_pairs(users, items, np.array(list(ratings.values()), dtype=np.float32), 5)


def content(seen: SeenRatings) -> dict[tuple[int, int], float]:
    found = zip(seen.user_idx().tolist(), seen.item_idx.tolist(), seen.rating.tolist(), strict=True)
    return {(user, item): rating for user, item, rating in found}


def rises(seen: SeenRatings) -> bool:
    return all((np.diff(seen.items_of(user)) > 0).all() for user in range(seen.n_users))


@given(old=triples, new=triples)
def test_with_ratings_is_an_update_of_a_dictionary(
    old: list[tuple[int, int, float]], new: list[tuple[int, int, float]]
) -> None:
    held, more = ({(user, item): rating for user, item, rating in rows} for rows in (old, new))
    seen = grouped(held)
    pairs = np.array(list(more), dtype=np.int32).reshape(-1, 2)
    found = seen.with_ratings(pairs[:, 0], pairs[:, 1], np.array(list(more.values()), dtype=np.float32))
    assert content(found) == held | more
    assert rises(found)
    assert content(seen) == held
    at = seen.find(pairs[:, 0], pairs[:, 1])
    assert [None if place < 0 else float(seen.rating[place]) for place in at] == [held.get(pair) for pair in more]


@given(old=triples, row=st.integers(0, 4))
def test_without_user_moves_the_others_up(old: list[tuple[int, int, float]], row: int) -> None:
    held = {(user, item): rating for user, item, rating in old}
    found = grouped(held).without_user(row)
    assert content(found) == {(user - (user > row), item): each for (user, item), each in held.items() if user != row}
    assert found.n_users == 4
    assert found.rating.base is None or len(found.rating.base) == len(found)


def test_without_a_user_who_is_not_there() -> None:
    with pytest.raises(ParameterError, match="no user row 5"):
        grouped({}).without_user(5)
