"""One small table of ratings, written in many ways."""

from __future__ import annotations

from penchant.data.ratings import Ratings

USERS = [7, 3, 7, 5]
ITEMS = ["Heat", "Alien", "Alien", "Ça ira"]
RATINGS = [4.0, 3.5, 5.0, 1.0]
TIMES = [1_000_000_030, 1_000_000_010, 1_000_000_000, 1_000_000_020]
TABLE = {"user": USERS, "item": ITEMS, "rating": RATINGS, "timestamp": TIMES}


def assert_the_table(ratings: Ratings) -> None:
    assert ratings.users.ids[ratings.user_idx].tolist() == USERS
    assert ratings.items.ids[ratings.item_idx].tolist() == ITEMS
    assert ratings.rating.tolist() == RATINGS
    assert ratings.timestamp is not None
    assert ratings.timestamp.tolist() == TIMES


def lines(sep: str = ",", *, header: bool = True, newline: str = "\n") -> str:
    rows = [list(TABLE)] if header else []
    rows += [[str(value) for value in row] for row in zip(USERS, ITEMS, RATINGS, TIMES, strict=True)]
    return "".join(sep.join(row) + newline for row in rows)
