"""Vocab: ids come back as they went in, and an unknown one is named, with its likely meaning."""

from __future__ import annotations

import uuid

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.data.vocab import Vocab
from penchant.errors import DataError, UnknownIdError


@pytest.mark.parametrize(
    "ids",
    [
        [3, 1, 2],
        [-(2**63), 2**63 - 1],
        [2**63, 1],
        ["b", "a", ""],
        [1.5, 2.0],
        [uuid.UUID(int=2), uuid.UUID(int=1)],
        [("a", 1), ("a", 2), ()],
        [1, "1", 2.5, None],
        [b"a", b"b"],
        [True, False],
    ],
)
def test_ids_come_back(ids: list[object]) -> None:
    vocab = Vocab(ids)
    assert list(vocab) == ids
    assert [vocab[row] for row in range(len(ids))] == ids
    assert [vocab[row - len(ids)] for row in range(len(ids))] == ids
    assert [type(value) for value in vocab] == [type(value) for value in ids]
    assert vocab.indices(ids).tolist() == list(range(len(ids)))
    assert [vocab.index(value) for value in ids] == list(range(len(ids)))
    assert all(value in vocab for value in ids)
    assert vocab == Vocab(ids)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint32, np.int64, np.uint64])
def test_arrays_of_integers(dtype: type[np.generic]) -> None:
    values = np.array([7, 3, 100], dtype=dtype)
    vocab = Vocab(values)
    assert vocab.is_integer
    assert vocab.ids.dtype == np.int64
    assert vocab.indices(values[::-1]).tolist() == [2, 1, 0]
    assert Vocab([-5, 3, 7]).find(values).tolist() == [2, 1, -1]


def test_unsigned_integers_beyond_64_signed_bits() -> None:
    values = np.array([2**64 - 1, 5], dtype=np.uint64)
    assert list(Vocab(values)) == [2**64 - 1, 5]
    assert Vocab([5, -1]).find(values).tolist() == [-1, 0]
    assert Vocab([5, 10**18]).find(values).tolist() == [-1, 0]


@pytest.mark.parametrize("ids", [range(0, 1000, 3), [n * 10**12 for n in range(300)], []])
def test_find_is_the_same_for_lists_and_arrays(ids: list[int]) -> None:
    vocab = Vocab(ids)
    rng = np.random.default_rng(0)
    asked = np.concatenate([rng.integers(-10, 1010, 500), np.array(list(ids)[:50], dtype=np.int64)])
    known = {value: row for row, value in enumerate(ids)}
    expected = [known.get(int(value), -1) for value in asked]
    assert vocab.find(asked).tolist() == expected
    assert vocab.find(asked.tolist()).tolist() == expected
    assert vocab.find(list(asked)).tolist() == expected
    assert vocab.find(pd.Series(asked)).tolist() == expected  # type: ignore[arg-type]
    assert vocab.find(np.array([], dtype=np.int64)).tolist() == []


_LONG = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(_LONG, min_size=1, max_size=300, unique=True), st.lists(_LONG, max_size=30))
def test_ids_that_are_far_apart(ids: list[int], others: list[int]) -> None:
    vocab = Vocab([0, 2**62, *(value for value in ids if value not in (0, 2**62))])
    known = {value: row for row, value in enumerate(vocab)}
    asked = [*ids, *others, *(value - 1 for value in ids if value > -(2**63))]
    expected = [known.get(value, -1) for value in asked]
    for _ in range(2):  # what is looked in is made at first and kept
        assert vocab.find(np.array(asked, dtype=np.int64)).tolist() == expected
        assert vocab.find(np.array(asked, dtype=np.int64)[::-1]).tolist() == expected[::-1]


def test_what_far_ids_are_looked_up_in_is_made_once() -> None:
    vocab = Vocab(np.random.default_rng(0).choice(2**50, 5_000, replace=False))
    assert vocab.find(vocab.ids).tolist() == list(range(5_000))
    kept = vocab._sparse
    assert kept is not None
    vocab.find(vocab.ids)
    assert vocab._sparse is kept


@pytest.mark.parametrize(
    ("ids", "asked"),
    [
        ([1, 2], [True, 1.0, "1", None, [1], (1,), 2**70, np.float64(2)]),
        ([True, False], [1, 0, "True"]),
        ([1.5, 2.0], [2, True, "2.0"]),
        ([(1, "a")], [(True, "a"), (1.0, "a"), (1,), ([1], "a")]),
        (["1"], [1, b"1", ["1"]]),
    ],
)
def test_an_id_of_another_type_is_another_id(ids: list[object], asked: list[object]) -> None:
    vocab = Vocab(ids)
    assert vocab.find(asked).tolist() == [-1] * len(asked)
    assert not any(value in vocab for value in asked)


def test_numpy_scalars_are_their_values() -> None:
    assert Vocab([1, 2]).index(np.int16(2)) == 1
    assert Vocab(["a", "b"]).index(np.str_("b")) == 1
    assert Vocab([1.5]).index(np.float64(1.5)) == 0
    assert Vocab(["a", "b"]).find(np.array(["b", "c"])).tolist() == [1, -1]
    assert Vocab([np.str_("a"), np.int64(5)])[1] == 5


@pytest.mark.parametrize("ids", [[1, 2, 1], ["a", "a"], [1, True], [1, 1.0, 2], [(1,), (True,)]])
def test_repeated_ids(ids: list[object]) -> None:
    with pytest.raises(DataError, match=f"distinct user ids: 1 of {len(ids)} are repeated"):
        Vocab(ids, kind="user")


@pytest.mark.parametrize(
    ("ids", "asked", "message"),
    [
        ([41, 42], "42", "no user '42': ids here are of type int, so ask for 42"),
        ([41, 42], " 42 ", "no user ' 42 '; did you mean 42?"),
        ([41, 42], "x", "no user 'x'"),
        (["41", "42"], 42, "no user 42: ids here are of type str, so ask for '42'"),
        ([41, 47, 80], 42, "no user 42; did you mean 41, 47, 80?"),
        ([41], float("nan"), "no user nan"),
        ([41], None, "no user None"),
        ([], 5, "no user 5"),
        ([], "5", "no user '5'"),
        (["Titanic (1997)", "Heat (1995)"], "titanic", "no user 'titanic'; did you mean 'Titanic (1997)'?"),
        (
            ["Titanic (1997)", "Heat (1995)"],
            "Titanik (1997)",
            "no user 'Titanik (1997)'; did you mean 'Titanic (1997)'?",
        ),
        (["ann", "bob"], "", "no user ''"),
        (["ann", "bob"], [], "no user []"),
        ([uuid.UUID(int=1)], str(uuid.UUID(int=1)), f"ids here are of type UUID, so ask for {uuid.UUID(int=1)!r}"),
    ],
)
def test_unknown_ids(ids: list[object], asked: object, message: str) -> None:
    with pytest.raises(UnknownIdError) as caught:
        Vocab(ids, kind="user").index(asked)
    assert message in str(caught.value)
    assert isinstance(caught.value, KeyError)


def test_suggestions_among_many() -> None:
    vocab = Vocab([*(f"film {n}" for n in range(30_000)), "Zebra crossing"])
    with pytest.raises(UnknownIdError, match="did you mean 'Zebra crossing'"):
        vocab.index("zebra crosing")


def test_unknown_ids_among_many_known_ones() -> None:
    with pytest.raises(UnknownIdError, match=r"no item 9 at position 1; did you mean"):
        Vocab([1, 2, 3]).indices([1, 9, 8])


def test_equality_and_repr() -> None:
    assert Vocab([1, 2]) != Vocab([2, 1])
    assert Vocab([1, 2]) != Vocab([1, 2, 3])
    assert Vocab([1, 2]) != Vocab(["1", "2"])
    assert Vocab([1]) != [1]
    assert repr(Vocab([1, 2, 3, 4], kind="user")) == "Vocab(4 user ids: 1, 2, 3, ...)"
    with pytest.raises(TypeError, match="unhashable"):
        hash(Vocab([1]))


def test_a_vocabulary_is_frozen_and_the_callers_array_is_not() -> None:
    for ids in (np.array([1, 2]), np.array(["a", "b"], dtype=object)):
        vocab = Vocab(ids)
        with pytest.raises(ValueError, match="read-only"):
            vocab.ids[0] = vocab.ids[1]
        assert ids.flags.writeable
        ids[0] = ids[1]
        assert vocab[0] != vocab[1]
    with pytest.raises(IndexError):
        Vocab([1])[1]
