"""Ids typed in a shell are text; vocabularies have types."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Hashable
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.cli.output import as_text
from penchant.cli.typed_ids import item_id, match_ids, user_id
from penchant.data.attributes import Attributes
from penchant.data.vocab import Vocab

any_id = (
    st.integers(-(2**70), 2**70)
    | st.text()
    | st.uuids()
    | st.dates()
    | st.floats(allow_nan=False)
    | st.booleans()
    | st.tuples(st.integers(), st.text())
)


def _recommender(users: list[Hashable], items: list[Hashable], titles: list[str] | None = None) -> SimpleNamespace:
    """As much of a recommender as ids need."""
    columns = {} if titles is None else {"title": np.array(titles, dtype=object)}
    return SimpleNamespace(
        users=Vocab(users, kind="user"), items=Vocab(items), item_attributes=Attributes(columns, n_rows=len(items))
    )


@given(st.lists(any_id, min_size=1, unique_by=(as_text, lambda one: one)))
def test_every_id_is_found_by_the_text_that_is_shown_for_it(ids: list[Hashable]) -> None:
    recommender = _recommender(ids, [1])

    for one in ids:
        found = user_id(as_text(one), recommender)  # type: ignore[arg-type]
        assert found == one
        assert type(found) is type(one)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, unique=True), st.text())
def test_what_is_no_whole_number_stays_text_among_integers(ids: list[int], text: str) -> None:
    found = user_id(text, _recommender(list(ids), [1]))  # type: ignore[arg-type]

    assert found == text or found == int(text)


@pytest.mark.parametrize(
    ("typed", "ids", "found"),
    [
        ("42", [41, 42], 42),
        ("-7", [-7, 1], -7),
        ("1_0", [10], "1_0"),
        ("42", ["42", "43"], "42"),
        ("42", [42, "42", None], "42"),
        ("0000000000000000000000000000000A", [uuid.UUID(int=10)], uuid.UUID(int=10)),
        ("2001-02-03", [dt.date(2001, 2, 3)], dt.date(2001, 2, 3)),
        ("None", [None, "x"], None),
        ("nobody", ["ann", "bob"], "nobody"),
        ("9" * 30, [1], "9" * 30),
    ],
)
def test_typed_ids(typed: str, ids: list[Hashable], found: Hashable) -> None:
    assert user_id(typed, _recommender(ids, [1])) == found  # type: ignore[arg-type]


@pytest.mark.parametrize(("typed", "found"), [("7", 7), ("12", 12), ("1984", "1984"), ("99", 99), ("Alien", "Alien")])
def test_an_item_is_an_id_first_and_a_title_second(typed: str, found: Hashable) -> None:
    recommender = _recommender([1], [7, 12, 30], ["12", "1984", "Alien"])

    assert item_id(typed, recommender) == found  # type: ignore[arg-type]


def test_ids_of_a_file_that_differ_in_type_only() -> None:
    assert match_ids([1, "2", "x"], Vocab([1, 2])) == [1, 2, "x"]
    assert match_ids([1, 2.5, "x"], Vocab(["1", "2.5"])) == ["1", "2.5", "x"]
    assert match_ids([1, True, 1.0, 1], Vocab([1, 2])) == [1, "True", "1.0", 1]
    assert match_ids([["a"], {}], Vocab(["a"])) == ["['a']", "{}"]
