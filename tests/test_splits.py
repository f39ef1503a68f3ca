"""Every way to hold out ratings, on random tables and on MovieLens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from penchant import splits
from penchant.data.attributes import Attributes
from penchant.data.choices import Choices
from penchant.data.ratings import Ratings, Split
from penchant.data.sources import movielens_splits
from penchant.data.vocab import Vocab
from penchant.datasets import load_dataset
from penchant.errors import DataError, ParameterError


def table(
    pairs: list[tuple[int, int]], times: list[int] | None = None, *, n_users: int = 8, n_items: int = 8
) -> Ratings:
    users, items = np.array(pairs, dtype=np.int32).reshape(-1, 2).T
    return Ratings(
        np.ascontiguousarray(users),
        np.ascontiguousarray(items),
        (np.arange(len(pairs)) % 5 + 1).astype(np.float32),
        Vocab([f"u{row}" for row in range(n_users)], kind="user"),
        Vocab(list(range(100, 100 + n_items)), kind="item"),
        (1.0, 5.0),
        None if times is None else np.array(times, dtype=np.uint32),
        1_000,
    )


@st.composite
def tables(draw: st.DrawFn, *, timed: bool | None = None, least: int = 2) -> Ratings:
    pairs = draw(
        st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=least, max_size=40, unique=True),
    )
    with_times = draw(st.booleans()) if timed is None else timed
    times = draw(st.lists(st.integers(0, 12), min_size=len(pairs), max_size=len(pairs))) if with_times else None
    return table(pairs, times)


def rows(ratings: Ratings) -> list[tuple[object, ...]]:
    users, items = ratings.users.ids[ratings.user_idx], ratings.items.ids[ratings.item_idx]
    columns = [users.tolist(), items.tolist(), ratings.rating.tolist()]
    if ratings.timestamp is not None:
        columns.append(ratings.timestamp.tolist())
    return list(zip(*columns, strict=True))


def assert_partition(ratings: Ratings, split: Split) -> None:
    """Each rating is on exactly one side, in the order of the table, and neither side is empty."""
    train, test = split
    assert len(train) > 0
    assert len(test) > 0
    assert Counter(rows(train)) + Counter(rows(test)) == Counter(rows(ratings))
    for part in split:
        kept = set(rows(part))
        assert rows(part) == [row for row in rows(ratings) if row in kept]
        assert part.users is ratings.users
        assert part.items is ratings.items


seeds = st.integers(0, 100)


@given(tables(), st.integers(2, 6), seeds)
def test_folds_cover_every_rating_once(ratings: Ratings, k: int, seed: int) -> None:
    assume(k <= len(ratings))
    folds = splits.k_folds(ratings, k, rng=seed)
    assert len(folds) == k
    for fold in folds:
        assert_partition(ratings, fold)
    assert sum((Counter(rows(fold.test)) for fold in folds), Counter()) == Counter(rows(ratings))
    sizes = [len(fold.test) for fold in folds]
    assert max(sizes) - min(sizes) <= 1


def test_folds_are_random_and_repeatable() -> None:
    ratings = load_dataset("sample")
    one, same, other = (splits.k_folds(ratings, 5, rng=seed)[0].test for seed in (3, 3, 4))
    assert np.array_equal(one.user_idx, same.user_idx)
    assert not np.array_equal(one.user_idx[:50], other.user_idx[:50])


@pytest.mark.parametrize("k", [-1, 0, 1, 7])
def test_folds_out_of_range(k: int) -> None:
    with pytest.raises(ParameterError, match=f"k is {k}: use 2 to 6"):
        splits.k_folds(table([(0, item) for item in range(6)]), k)


@given(tables(), st.integers(1, 5))
def test_last_n_takes_the_latest_of_each_user(ratings: Ratings, n: int) -> None:
    assume((ratings.user_counts() > 1).any())
    split = splits.last_n(ratings, n)
    assert_partition(ratings, split)
    assert split.cold_users == 0
    assert split.test.user_counts().tolist() == [min(n, max(m - 1, 0)) for m in ratings.user_counts().tolist()]
    # Oracle: sort each user's rows by (time, row number) and cut.
    times = ratings.timestamp.tolist() if ratings.timestamp is not None else [0] * len(ratings)
    expected = []
    for user in range(ratings.n_users):
        own = [row for row in range(len(ratings)) if ratings.user_idx[row] == user]
        own.sort(key=lambda row: (times[row], row))
        expected += own[len(own) - min(n, max(len(own) - 1, 0)) :]
    assert rows(split.test) == rows(ratings.take(np.array(sorted(expected), dtype=np.int64)))


def test_last_n_needs_somebody_with_two_ratings() -> None:
    with pytest.raises(ParameterError, match="every user has a single rating"):
        splits.last_n(table([(0, 0), (1, 1)]))
    with pytest.raises(ParameterError, match="n is 0"):
        splits.last_n(table([(0, 0), (0, 1)]), 0)


@given(tables(timed=True), st.floats(0.01, 0.99))
def test_by_time_cannot_leak(ratings: Ratings, test_size: float) -> None:
    times = np.sort(ratings.timestamp)
    assume(times[0] < times[-1])
    split = splits.by_time(ratings, test_size)
    assert_partition(ratings, split)
    assert split.train.timestamp.max() < split.test.timestamp.min()
    # No other cut between two moments comes nearer to the share.
    shares = [float((times >= moment).mean()) for moment in np.unique(times)[1:]]
    assert abs(len(split.test) / len(ratings) - test_size) <= min(abs(s - test_size) for s in shares) + 1e-12


@given(tables(timed=True), st.integers(990, 1020))
def test_by_time_at_a_cutoff(ratings: Ratings, cutoff: int) -> None:
    times = ratings.timestamp
    if (times < cutoff).any() and (times >= cutoff).any():
        train, test = splits.by_time(ratings, cutoff=cutoff)
        assert train.timestamp.max() < cutoff <= test.timestamp.min()
    else:
        with pytest.raises(ParameterError, match=f"cutoff is {cutoff}: all ratings are (before|after) it"):
            splits.by_time(ratings, cutoff=cutoff)


def test_by_time_says_what_is_wrong() -> None:
    with pytest.raises(DataError, match="no timestamps"):
        splits.by_time(table([(0, 0), (1, 1)]))
    with pytest.raises(DataError, match="all 2 ratings have the timestamp 1005"):
        splits.by_time(table([(0, 0), (1, 1)], [5, 5]))
    with pytest.raises(ParameterError, match="test_size is 1"):
        splits.by_time(table([(0, 0), (1, 1)], [5, 6]), 1.0)


@given(tables(), st.floats(0.01, 0.99), seeds)
def test_cold_users_and_items_are_held_out_whole(ratings: Ratings, share: float, seed: int) -> None:
    for hold_out, counts, cold in (
        (splits.cold_users, Ratings.user_counts, lambda split: split.cold_users),
        (splits.cold_items, Ratings.item_counts, lambda split: split.cold_items),
    ):
        if (counts(ratings) > 0).sum() < 2:
            with pytest.raises(ParameterError, match="there is a single"):
                hold_out(ratings, share, rng=seed)
            continue
        split = hold_out(ratings, share, rng=seed)
        assert_partition(ratings, split)
        train, test = counts(split.train), counts(split.test)
        assert not ((train > 0) & (test > 0)).any()
        assert cold(split) == (test > 0).sum()
        assert abs((test > 0).sum() - share * (counts(ratings) > 0).sum()) < 1


@pytest.mark.parametrize("share", [0, 1, -0.5, float("nan")])
def test_cold_share_out_of_range(share: float) -> None:
    with pytest.raises(ParameterError, match=f"share is {share}"):
        splits.cold_users(table([(0, 0), (1, 1)]), share)


# -- given --


@st.composite
def written(draw: st.DrawFn) -> Ratings:
    """A table with ids of its own, read apart from others, with attributes of each kind."""
    ids = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=5, unique=True)
    users, items = draw(ids), draw(ids)
    pairs = draw(
        st.lists(st.tuples(st.integers(0, len(users) - 1), st.integers(0, len(items) - 1)), min_size=1, unique=True)
    )
    facts = Attributes(
        {
            "age": np.array([ord(user) for user in users]),
            "height": np.array([ord(user) / 2 for user in users]),
            "name": objects([user.upper() for user in users]),
            "likes": objects([(user,) * 2 for user in users]),
        },
        n_rows=len(users),
    )
    ratings = table(pairs, n_users=len(users), n_items=len(items))
    return Ratings(
        ratings.user_idx,
        ratings.item_idx,
        ratings.rating,
        Vocab(users, kind="user"),
        Vocab(items, kind="item"),
        (1.0, 5.0),
        user_attributes=facts,
    )


def objects(values: list[object]) -> np.ndarray:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


@given(written(), written())
def test_given_keeps_ratings_ids_and_attributes(train: Ratings, test: Ratings) -> None:
    split = splits.given(train, test)
    assert rows(split.train) == rows(train)
    assert rows(split.test) == rows(test)
    assert list(split.train.users) == sorted({*train.users, *test.users})
    assert list(split.train.items) == sorted({*train.items, *test.items})
    for row, user in enumerate(split.train.users):
        facts = split.train.user_attributes
        assert facts["age"][row] == ord(user)
        assert facts["height"][row] == ord(user) / 2
        assert facts["name"][row] == user.upper()
        assert facts["likes"][row] == (user, user)
    both = {row[:2] for row in rows(train)} & {row[:2] for row in rows(test)}
    noted = "1 pair of user and item is" if len(both) == 1 else f"{len(both)} pairs of user and item are"
    assert (f"{noted} in the training part too" in split.test.report.notes) == bool(both)


def one(user: object, item: object, *, attributes: dict[str, np.ndarray] | None = None) -> Ratings:
    return Ratings(
        np.zeros(1, dtype=np.int32),
        np.zeros(1, dtype=np.int32),
        np.ones(1, dtype=np.float32),
        Vocab([user], kind="user"),
        Vocab([item], kind="item"),
        (1.0, 5.0),
        item_attributes=Attributes(attributes or {}, n_rows=1),
    )


def test_given_fills_what_a_part_does_not_know() -> None:
    train = one(1, 1, attributes={"year": np.array([1990]), "title": objects(["A"]), "genres": objects([("X",)])})
    split = splits.given(train, one(1, 2))
    films = split.test.item_attributes
    assert films["year"][0] == 1990
    assert np.isnan(films["year"][1])
    assert films["title"].tolist() == ["A", None]
    assert films["genres"].tolist() == [("X",), ()]
    assert split.cold_items == 1


def test_folds_are_made_when_they_are_asked_for() -> None:
    folds = splits.k_folds(table([(0, item) for item in range(6)]), 3, rng=1)
    assert len(folds) == 3
    assert folds[-1].test.item_idx.tolist() == folds[2].test.item_idx.tolist() == list(folds)[2].test.item_idx.tolist()
    assert folds[0] is not folds[0]
    assert [len(split.test) for split in folds[1:]] == [2, 2]
    assert repr(folds) == "Folds(3 splits of 6 ratings)"
    with pytest.raises(IndexError):
        folds[3]


@pytest.mark.parametrize(
    "split",
    [
        *(splits.k_folds, splits.last_n, splits.by_time, splits.cold_users, splits.cold_items),
        lambda frame: splits.movielens(frame, "u1"),
        lambda frame: splits.given(frame, frame),
    ],
)
def test_a_table_that_is_no_ratings_yet_is_refused(split: Callable[[object], object]) -> None:
    with pytest.raises(ParameterError, match="is a dict: make Ratings of it first"):
        split({"user": [1], "item": [1], "rating": [1]})
    with pytest.raises(ParameterError, match="test is a dict"):
        splits.given(table([(0, 0)]), {})  # type: ignore[arg-type]


def test_last_n_of_more_than_any_machine_counts() -> None:
    ratings = table([(0, 0), (0, 1), (1, 0), (1, 2)])
    assert rows(splits.last_n(ratings, 10**30).test) == rows(splits.last_n(ratings, 5).test)


def test_given_takes_the_widest_scale() -> None:
    low, high = one(1, 1), one(1, 1)
    object.__setattr__(low, "rating_scale", (0.5, 4.0))
    assert splits.given(low, high).test.rating_scale == (0.5, 5.0)


def test_given_keeps_ids_that_have_no_order() -> None:
    split = splits.given(one("a", (1, "x")), one("a", "x"))
    assert list(split.train.items) == [(1, "x"), "x"]


def test_given_refuses_ids_of_other_types() -> None:
    with pytest.raises(DataError, match="user ids of the training part are like 1 and those of the test part like '1'"):
        splits.given(one(1, 1), one("1", 1))
    with pytest.raises(DataError, match="attribute 'year' is a number in one part"):
        splits.given(one(1, 1, attributes={"year": np.array([1])}), one(1, 1, attributes={"year": objects(["1"])}))


# -- movielens --


@given(st.lists(st.integers(0, 3), min_size=5, max_size=120), st.sampled_from(["ua", "ub"]))
def test_ua_and_ub_follow_the_published_script(users: list[int], name: str) -> None:
    # allbut.pl: count the rows of each user, and print those from `start` to `stop` to the test file.
    start, stop = (1, 10) if name == "ua" else (11, 20)
    seen: Counter[int] = Counter()
    expected = []
    for user in users:
        seen[user] += 1
        expected.append(start <= seen[user] <= stop)
    assert movielens_splits.mask_of(np.array(users, dtype=np.int32), name).tolist() == expected


def test_u1_to_u5_are_the_fifths_of_the_file() -> None:
    masks = [movielens_splits.mask_of(np.zeros(50, dtype=np.int32), f"u{k}") for k in range(1, 6)]
    assert [np.flatnonzero(mask).tolist() for mask in masks] == [list(range(k, k + 10)) for k in range(0, 50, 10)]


def test_movielens_is_only_for_movielens() -> None:
    sample = load_dataset("sample")
    with pytest.raises(ParameterError, match="no MovieLens split 'u6': use one of u1, u2"):
        splits.movielens(sample, "u6")
    with pytest.raises(DataError, match=r"of the 100,000 ratings of MovieLens-100k, not of 6,380: take penchant"):
        splits.movielens(sample, "u1")


@pytest.mark.usefixtures("movielens_100k")
def test_published_splits_are_what_their_readme_says(movielens_100k: Path) -> None:
    ratings = load_dataset("ml-100k", folder=movielens_100k)
    fifths = [splits.movielens(ratings, f"u{k}") for k in range(1, 6)]
    assert_partition(ratings, fifths[0])
    assert [len(fifth.test) for fifth in fifths] == [20_000] * 5
    together = np.concatenate([fifth.test.user_idx.astype(np.int64) * 2_000 + fifth.test.item_idx for fifth in fifths])
    assert len(np.unique(together)) == 100_000  # "disjoint test sets"
    # The published u1.test has the users 1 to 462, 459 of them.
    tested = np.flatnonzero(fifths[0].test.user_counts())
    assert (len(tested), ratings.users[int(tested.max())]) == (459, 462)
    a, b = splits.movielens(ratings, "ua"), splits.movielens(ratings, "ub")
    for split in (a, b):
        assert set(split.test.user_counts().tolist()) == {10}  # "exactly 10 ratings per user in the test set"
    assert not set(rows(a.test)) & set(rows(b.test))


@pytest.mark.usefixtures("movielens_100k")
def test_published_splits_need_the_order_of_the_file(movielens_100k: Path) -> None:
    ratings = load_dataset("ml-100k", folder=movielens_100k)
    shuffled = ratings.take(np.random.default_rng(0).permutation(len(ratings)))
    with pytest.raises(DataError, match=r"order of rows in u\.data, and these are not"):
        splits.movielens(shuffled, "u1")


# -- new users, known users, choices --


@given(tables(), st.floats(0.01, 0.99), st.floats(0.01, 0.99), seeds)
def test_new_users_are_unknown_but_for_a_part(ratings: Ratings, share: float, known: float, seed: int) -> None:
    counts = ratings.user_counts()
    if (counts > 1).sum() < 2:
        with pytest.raises(ParameterError, match="there is a single user with more than one row"):
            splits.new_users(ratings, share, known=known, rng=seed)
        return
    split = splits.new_users(ratings, share, known=known, rng=seed)
    train, fold_in, test = split
    assert Counter(rows(train)) + Counter(rows(fold_in)) + Counter(rows(test)) == Counter(rows(ratings))
    for part in split:
        kept = set(rows(part))
        assert rows(part) == [row for row in rows(ratings) if row in kept]
        assert part.users is ratings.users
        assert part.items is ratings.items
    new = test.user_counts() > 0
    assert not (train.user_counts()[new] > 0).any()
    assert np.array_equal(new, fold_in.user_counts() > 0)
    assert split.n_new_users == new.sum()
    assert abs(new.sum() - share * (counts > 1).sum()) < 1
    for user in np.flatnonzero(new):
        n = int(counts[user])
        assert fold_in.user_counts()[user] == min(max(round(known * n), 1), n - 1)
    assert split.cold_items == Split(train, test).cold_items


def test_new_users_can_be_drawn_again_for_validation() -> None:
    ratings = load_dataset("sample")
    train, _, test = splits.new_users(ratings, 0.1, rng=1)
    inner = splits.new_users(train, 0.1, rng=2)
    assert inner.n_new_users == 18
    assert not ((inner.test.user_counts() > 0) & (test.user_counts() > 0)).any()
    assert repr(inner).startswith("NewUserSplit(train ")
    again = splits.new_users(ratings, 0.1, rng=1)
    assert np.array_equal(again.fold_in.item_idx, splits.new_users(ratings, 0.1, rng=1).fold_in.item_idx)
    assert not np.array_equal(again.test.user_idx, splits.new_users(ratings, 0.1, rng=3).test.user_idx)


@pytest.mark.parametrize(
    ("share", "known", "named"), [(0, 0.8, "share is 0"), (0.1, 1, "known is 1"), (1.5, 0.8, "1.5")]
)
def test_new_users_out_of_range(share: float, known: float, named: str) -> None:
    with pytest.raises(ParameterError, match=named):
        splits.new_users(load_dataset("sample"), share, known=known)


@given(tables(timed=True, least=6), st.integers(1_003, 1_009), st.integers(1, 4))
def test_by_time_of_known_users(ratings: Ratings, cutoff: int, least: int) -> None:
    times = ratings.timestamp
    assume((times < cutoff).any() and (times >= cutoff).any())
    whole = splits.by_time(ratings, cutoff=cutoff)
    known = whole.train.user_counts() >= least
    wanted = whole.test.take(known[whole.test.user_idx])
    if not len(wanted):
        with pytest.raises(ParameterError, match=f"min_train is {least}: no user of the test part"):
            splits.by_time(ratings, cutoff=cutoff, min_train=least)
        return
    train, test = splits.by_time(ratings, cutoff=cutoff, min_train=least)
    assert rows(train) == rows(whole.train)
    assert rows(test) == rows(wanted)
    n_lost = len(whole.test) - len(test)
    assert any(f"{n_lost} rating" in note for note in test.report.notes) == (n_lost > 0)


def _tried(split: Callable[[Any], Any], of: object) -> tuple[list[Any], str]:
    """The parts of a split, or why there is none."""
    try:
        return list(split(of)), ""
    except (ParameterError, DataError) as error:
        return [], str(error)


@given(tables(timed=True, least=6), seeds)
def test_choices_are_split_as_their_ratings_are(ratings: Ratings, seed: int) -> None:
    choices = ratings.choices()
    splitters: list[Callable[[Any], Any]] = [
        lambda of: of.split(0.3, rng=seed),
        lambda of: splits.k_folds(of, 3, rng=seed)[1],
        lambda of: splits.last_n(of, 1),
        lambda of: splits.by_time(of, 0.3),
        lambda of: splits.cold_users(of, 0.3, rng=seed),
        lambda of: splits.cold_items(of, 0.3, rng=seed),
        lambda of: splits.new_users(of, 0.3, rng=seed),
    ]
    for split in splitters:
        expected, refused = _tried(split, ratings)
        found, told = _tried(split, choices)
        assert told == refused.replace("rating", "choice")
        for part, same in zip(found, expected, strict=True):
            assert type(part) is Choices
            assert np.array_equal(part.user_idx, same.user_idx)
            assert np.array_equal(part.item_idx, same.item_idx)


def test_given_joins_choices_and_refuses_a_mixture() -> None:
    train = Choices.from_arrays(["ann", "bob"], [1, 2], [3, 4])
    test = Choices.from_arrays(["cat", "bob"], [1, 2], [5, 6])
    joined = splits.given(train, test)
    assert list(joined.train.users) == ["ann", "bob", "cat"]
    assert joined.test.weight.tolist() == [5, 6]
    assert "1 pair of user and item is in the training part too" in joined.test.report.notes
    with pytest.raises(ParameterError, match=r"train is a table of ratings and test one of choices: .*\.choices\(\)"):
        splits.given(Ratings.from_arrays([1], [1], [1]), Choices.from_arrays([1], [1]))  # type: ignore[type-var]
