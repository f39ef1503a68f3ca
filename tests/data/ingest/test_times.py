"""The way in, step by step: times, duplicates, and what the report says of all."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import penchant.data.ingest.duplicates
from penchant.arrays.grow import Growing, compress
from penchant.data.ingest import Report
from penchant.data.ingest.duplicates import repeated_pairs
from penchant.data.ingest.times import steps_of
from penchant.data.ratings import Ratings
from penchant.errors import DataError

from_frame = Ratings.from_frame


def table(**changes: object) -> dict[str, object]:
    return {"user": [1, 2, 3], "item": ["a", "b", "c"], "rating": [1, 2, 3], **changes}


# -- times --


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ([10, 30, 20], [10, 30, 20]),
        ([-10, 0, 2**31], [-10, 0, 2**31]),
        ([10.0, 30.9, -0.5], [10, 30, -1]),
        (["10", "30", "20"], [10, 30, 20]),
        (np.array([10, 30, 20], dtype=np.uint64), [10, 30, 20]),
        (pd.to_datetime(["1970-01-02", "1970-01-01", "1969-12-31"]), [86_400, 0, -86_400]),
        (pd.to_datetime(["1970-01-01", "1970-01-02", "1970-01-03"]).tz_localize("Asia/Tokyo"), [-32400, 54000, 140400]),
        (pa.array([dt.date(1970, 1, 2), dt.date(1970, 1, 1), dt.date(1971, 1, 1)]), [86_400, 0, 31_536_000]),
        (np.array(["1970-01-01T00:01", "1970-01-01", "1970-01-02"], dtype="M8[ms]"), [60, 0, 86_400]),
        ([dt.datetime(1970, 1, 1, 1), dt.date(1970, 1, 2), dt.datetime(1970, 1, 1, tzinfo=dt.UTC)], [3600, 86_400, 0]),
        (["1970-01-01", "1970-01-01 00:01", "1970-01-02T00:00:01"], [0, 60, 86_401]),
        (["1970-01-01T00:00:00Z", "1970-01-01T00:00:00+01:00", "1970-01-02T00:00:00Z"], [0, -3600, 86_400]),
        (["1970-01-01", "1970-01-01T00:00:00+01:00", "1970-01-02T00:00:01.5"], [0, -3600, 86_401]),
        (pd.Categorical(["1970-01-01", "1970-01-02", "1970-01-01"]), [0, 86_400, 0]),
        ([1, 2.0, np.int8(3)], [1, 2, 3]),
    ],
)
def test_times(values: object, seconds: list[int]) -> None:
    ratings = from_frame(table(time=values))
    assert ratings.timestamp is not None
    assert ratings.timestamp.tolist() == seconds


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, None, 3], "row 1: timestamp is missing"),
        ([1, float("nan"), 3], "row 1: timestamp is missing"),
        ([1, float("inf"), 3], "row 1: timestamp inf is not a finite number"),
        (["1", "", "3"], "row 1: timestamp is missing"),
        (["2020-01-01", "soon", "2020-01-02"], "row 1: timestamp 'soon' is neither a number nor an ISO date"),
        (["2020-01-01", "5", "2020-01-02"], "row 1: timestamp '5' is neither a number nor an ISO date"),
        ([dt.date(2020, 1, 1), 5, dt.date(2020, 1, 1)], "row 1: timestamp 5 is neither a number nor an ISO date"),
        (np.array([1, 2**63, 3], dtype=np.uint64), "row 1: timestamp 9223372036854775808 is too large"),
        ([dt.time(1), dt.time(2), dt.time(3)], "row 0: timestamp .* is neither a number nor an ISO date"),
        (pa.array([dt.time(1)] * 3), "timestamps of type time64.* are neither numbers nor dates"),
        (pd.to_datetime(["2020-01-01", None, "2020-01-01"]), "row 1: timestamp is missing"),
    ],
)
def test_times_that_are_no_good(values: object, message: str) -> None:
    with pytest.raises(DataError, match=rf"^{message}.*timestamp=False"):
        from_frame(table(time=values))
    assert len(from_frame(table(time=values), timestamp=False)) == 3


def test_what_the_report_says_of_times() -> None:
    assert from_frame(table(time=[1, 2, 3])).report.timestamp == "in the unit of the source"
    assert from_frame(table(time=[1.5, 2, 3])).report.timestamp == "fractions of a unit are cut off"
    assert from_frame(table()).report.timestamp is None
    moments = pd.to_datetime(["2020-01-01 00:00:00.5", "2020-01-02 00:00:00.5", "2020-01-03 00:00:00.0"])
    told = from_frame(table(time=moments)).report.timestamp
    assert told == "fractions of a second are cut off; seconds since 1970, from dates"


@pytest.mark.parametrize("span", [2**32 - 1, 2**32, 2**50, 2**63 - 1])
@pytest.mark.parametrize("low", [0, -5, 1_600_000_000_000])
def test_times_that_do_not_fit_32_bits(span: int, low: int) -> None:
    high = min(low + span, 2**63 - 1)
    values = np.array([low, low + (high - low) // 3, high], dtype=np.int64)
    ratings = from_frame(table(time=values))
    steps, origin, unit = steps_of(values.copy())
    assert unit in {1000**power for power in range(5)}
    assert (unit == 1) == (high - low < 2**32)
    assert ratings.timestamp is not None
    assert ratings.timestamp.tolist() == [value // unit for value in values.tolist()]
    assert ratings.time_offset is not None
    assert ratings.time_offset.dtype == np.uint32
    assert ratings.time_offset.tolist() == steps.tolist()
    assert ratings.time_origin == origin
    assert (f"divided by {unit:,}" in str(ratings.report)) == (unit > 1)


# -- duplicates --

REPEATED = {
    "user": [1, 1, 2, 1, 2],
    "item": ["a", "b", "a", "a", "a"],
    "rating": [1.0, 2.0, 3.0, 5.0, 4.0],
    "time": [30, 10, 10, 20, 10],
}


@pytest.mark.parametrize(
    ("policy", "times", "kept", "ratings"),
    [
        ("last", False, [1, 3, 4], [2, 5, 4]),
        ("first", False, [0, 1, 2], [1, 2, 3]),
        ("mean", False, [1, 3, 4], [2, 3, 3.5]),
        ("last", True, [0, 1, 4], [1, 2, 4]),
        ("first", True, [1, 2, 3], [2, 3, 5]),
        ("mean", True, [0, 1, 4], [3, 2, 3.5]),
    ],
)
def test_duplicates(policy: str, times: bool, kept: list[int], ratings: list[float]) -> None:
    found = from_frame(REPEATED, duplicates=policy, timestamp=None if times else False)
    assert found.users.ids[found.user_idx].tolist() == [REPEATED["user"][row] for row in kept]
    assert found.items.ids[found.item_idx].tolist() == [REPEATED["item"][row] for row in kept]
    assert found.rating.tolist() == ratings
    assert found.rating_scale == (1, 5)
    assert found.report.n_duplicates == 2
    assert found.report.duplicates == policy
    if times:
        assert found.timestamp is not None
        assert found.timestamp.tolist() == [REPEATED["time"][row] for row in kept]


def test_duplicates_as_an_error() -> None:
    with pytest.raises(DataError, match=r"^row 3: user 1 has rated item 'a' before, in row 0 \(2 such pairs in all\)"):
        from_frame(REPEATED, duplicates="error")
    dropped = {name: [values[0], *values] for name, values in REPEATED.items()}
    dropped["rating"][0] = None  # type: ignore[call-overload]
    with pytest.raises(DataError, match=r"^row 4: user 1 has rated item 'a' before, in row 1"):
        from_frame(dropped, duplicates="error", invalid="drop")
    assert from_frame(table(), duplicates="error").report.n_duplicates == 0


@pytest.mark.parametrize("workers", [1, 3, 50])
@pytest.mark.parametrize("n", [1, 500])
def test_repeated_pairs_in_threads(monkeypatch: pytest.MonkeyPatch, workers: int, n: int) -> None:
    monkeypatch.setattr(penchant.data.ingest.duplicates, "_ENOUGH", 0)
    monkeypatch.setattr(penchant.data.ingest.duplicates, "BLOCK", 7)
    monkeypatch.setattr(penchant.data.ingest.duplicates, "worker_count", lambda: workers)
    rng = np.random.default_rng(0)
    user, item = rng.integers(0, 12, n, dtype=np.int32), rng.integers(0, 30, n, dtype=np.int32)
    counts = np.bincount(user * 30 + item)
    assert repeated_pairs(user, item, 30).tolist() == np.flatnonzero(counts > 1).tolist()
    order = np.unique(user * 30 + item)
    assert repeated_pairs((order // 30).astype(np.int32), (order % 30).astype(np.int32), 30).tolist() == []


def test_times_decide_before_they_are_rounded() -> None:
    late, early = 1_600_000_000_500, 1_600_000_000_100
    found = Ratings.from_arrays([1, 1, 2], ["a", "a", "b"], [5, 1, 3], [late, early, 0])
    assert found.rating.tolist() == [5, 3]
    assert found.report.timestamp is not None
    assert "divided by 1,000" in found.report.timestamp


# -- the report --


def test_the_report_in_words_and_as_json() -> None:
    data = {**REPEATED, "rating": [1.0, 2.0, 3.0, 5.0, None]}
    report = from_frame(data, invalid="drop").report
    told = str(report).splitlines()
    assert told[0] == "dict of columns: 5 rows, 3 ratings of 2 items by 2 users"
    assert told[1].startswith("user = column 'user' (recognised); item = column 'item' (recognised); rating =")
    assert "1 row with an already rated pair: the last one counts" in told
    assert "1 row dropped (1 rating missing), the first: 4" in told
    assert "timestamps: in the unit of the source" in told
    plain = json.loads(json.dumps(report.to_dict()))
    assert plain["columns"]["user"] == {"name": "user", "from": "recognised"}
    assert plain["dropped_for"] == {"rating missing": 1}
    assert plain["n_rows"] == 5
    assert "their mean counts" in str(from_frame(REPEATED, duplicates="mean").report)
    assert str(Report()) == "nothing read: 0 rows, 0 ratings of 0 items by 0 users"


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"user": [1, 1, 1]}, "there is one user only"),
        ({"item": ["a", "a", "a"]}, "there is one item only"),
        ({"rating": [3, 3, 3]}, "all ratings are 3"),
    ],
)
def test_allowed_but_odd(changes: dict[str, object], note: str) -> None:
    assert any(told.startswith(note) for told in from_frame(table(**changes)).report.notes)
    assert not any(told.startswith(note) for told in from_frame(table()).report.notes)


# -- small tools --


def test_growing_arrays() -> None:
    growing = Growing(np.int32, capacity=0)
    expected: list[int] = []
    for size in (1, 0, 5, 1000):
        growing.extend(np.arange(size))
        expected.extend(range(size))
    assert growing.view().tolist() == expected
    growing.widen(np.int64)
    growing.extend(np.array([2**40]))
    assert growing.finish().tolist() == [*expected, 2**40]


def test_compress_in_place() -> None:
    rng = np.random.default_rng(0)
    array = rng.integers(100, size=200_000)
    good = rng.random(200_000) < 0.7
    expected = array[good]
    kept = compress(array, good)
    assert (kept == expected).all()
    assert kept.base is None
    view = rng.integers(100, size=200_000)[1:]
    expected = view[good[1:]]
    kept = compress(view, good[1:])
    assert (kept == expected).all()
    assert kept.base is None
