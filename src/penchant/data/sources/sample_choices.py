"""Generated choices: who plays what how often, with the chance of every choice known.

    n_ui ~ Poisson(p_u . q_i),      c_ui = 1 where n_ui > 0,      P(c_ui = 1) = 1 - exp(-p_u . q_i)

All factors are 0 or more (Gopalan, Hofman, Blei 2015, "Scalable Recommendation with Hierarchical Poisson
Factorization"): a column is a kind of taste, p_u says how much user u plays for it, and q_i which share of that goes to
item i. A Poisson variable with a sum as its rate is a sum of Poisson variables, so plays are drawn column by column and
play by play: time and memory go with the number of plays, not with users times items, and a table of 30,000 users,
41,000 items and 810,000 choices takes seconds.

What is built in, because real tables have it: a few items get most of the plays and most items few, some people play
much and many little, genre and year say something about the factors of an item, and age something about those of a
person. Some users, and many items, may have no choice at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from penchant.arrays.types import Float32Array, Float64Array, Int32Array, Int64Array
from penchant.checks import generator, is_real, is_whole, require, row_numbers
from penchant.data.attributes import Attributes
from penchant.data.choices import Choices
from penchant.data.ingest import Report
from penchant.data.sources.sample import FIRST_DAY, in_time, invent_films, invent_people
from penchant.data.vocab import Vocab

__all__ = ["ChoiceTruth", "generate_choices"]

_ACTIVITY_SD = 0.8  # of the log of how much a user plays
_TASTE_SD = 3.0  # of the log of how much a user plays for one kind of taste rather than another
_APPEAL_SD = 2.0  # of the log of how much an item appeals to one kind of taste rather than another
_MOST = 0.5  # share of all pairs that may be chosen
_TRIED = 128  # users whose expected choices are counted to find the size of the factors


@dataclass(frozen=True, eq=False)
class ChoiceTruth:
    """A generated table of choices and what it was generated from (notation: docs/notation.md).

    Attributes:
        user_factors, item_factors: P and Q, float64, shapes (n_users, n_factors), (n_items, n_factors), all 0 or more;
            each column of Q adds up to 1, so p_uk is how often u is expected to play for taste k.
        user_idx, item_idx: who chose what, shape (n,), oldest first.
        weight: how often, float32, shape (n,), whole numbers from 1.
        timestamp: when, in seconds.
        user_attributes: age, sex, occupation. item_attributes: title, year, genres.
    """

    user_factors: Float64Array
    item_factors: Float64Array
    user_idx: Int32Array
    item_idx: Int32Array
    weight: Float32Array
    timestamp: Int64Array
    user_attributes: Attributes
    item_attributes: Attributes

    def chance(self, users: ArrayLike) -> Float64Array:
        """How likely some users were to choose each item at least once, shape (len(users), n_items).

        Args:
            users: row numbers, or a mask. All users of a large table at once need much memory: 8 bytes a pair.

        Raises:
            ParameterError: a number is of no user.
        """
        rows = row_numbers(users, len(self.user_factors))
        chance: Float64Array = -np.expm1(-(self.user_factors[rows] @ self.item_factors.T))
        return chance

    def choices(self, *, weighted: bool = True) -> Choices:
        """The table that a solver gets to see. User ids are 1 to n_users, item ids 1 to n_items.

        Args:
            weighted: keep how often each was chosen (default True), or give each weight 1.
        """
        n_users, n_items = len(self.user_factors), len(self.item_factors)
        return Choices(
            user_idx=self.user_idx.copy(),
            item_idx=self.item_idx.copy(),
            weight=self.weight.copy() if weighted else np.ones(len(self.weight), dtype=np.float32),
            users=Vocab(np.arange(1, n_users + 1), kind="user"),
            items=Vocab(np.arange(1, n_items + 1), kind="item"),
            time_offset=(self.timestamp - FIRST_DAY).astype(np.uint32),
            time_origin=FIRST_DAY,
            user_attributes=self.user_attributes,
            item_attributes=self.item_attributes,
            report=Report(
                source="generated choices (no real people or films)",
                n_rows=len(self.weight),
                n_choices=len(self.weight),
                n_users=n_users,
                n_items=n_items,
                duplicates="sum",
                timestamp="seconds",
            ),
        )


def generate_choices(
    n_users: int = 300,
    n_items: int = 200,
    n_choices: int = 6_000,
    *,
    n_factors: int = 8,
    long_tail: float = 1.0,
    rng: int | np.random.Generator = 0,
) -> ChoiceTruth:
    """Invent people, films, and who watches which film how often.

    Args:
        n_users: how many people, at least 1 (default 300).
        n_items: how many films, at least 1 (default 200).
        n_choices: how many pairs of a person and a film are chosen, about; at most half of all pairs (default 6_000).
        n_factors: kinds of taste, at least 1 (default 8).
        long_tail: standard deviation of the log of popularity, at least 0 (default 1.0). With 0 a film is
            popular only because it appeals to tastes that many have.
        rng: seed or generator (default 0). The same seed gives the same table on the same machine.

    Raises:
        ParameterError: an argument out of its range.

    >>> generate_choices(rng=0).choices()
    Choices(... choices, 300 users, 200 items, weights 1 to ..., density ...%)
    """
    _check(n_users, n_items, n_choices, n_factors, long_tail)
    rng = generator(rng)
    films, traits = invent_films(n_items, rng)
    people = invent_people(n_users, rng)
    item_factors = _item_factors(traits, n_factors, long_tail, rng)
    user_factors = _user_factors(people, n_factors, rng)
    user_factors *= _size(user_factors, item_factors, n_choices)
    pairs, plays = _play(user_factors, item_factors, rng)
    user_idx, item_idx, timestamp = in_time(pairs // n_items, pairs % n_items, rng)
    places = np.searchsorted(pairs, user_idx.astype(np.int64) * n_items + item_idx)
    return ChoiceTruth(
        user_factors=user_factors,
        item_factors=item_factors,
        user_idx=user_idx,
        item_idx=item_idx,
        weight=plays[places].astype(np.float32),
        timestamp=timestamp,
        user_attributes=people,
        item_attributes=films,
    )


def _check(n_users: int, n_items: int, n_choices: int, n_factors: int, long_tail: float) -> None:
    for name, value in (("n_users", n_users), ("n_items", n_items), ("n_choices", n_choices), ("n_factors", n_factors)):
        require(is_whole(value, 1), name, value, "a whole number of at least 1")
    most = int(_MOST * n_users * n_items)
    require(n_choices <= most, "n_choices", n_choices, f"at most {most:,}, half of all pairs of a user and an item")
    require(
        is_real(long_tail) and 0 <= long_tail < np.inf, "long_tail", long_tail, "a standard deviation of at least 0"
    )


def _item_factors(traits: Float64Array, n_factors: int, long_tail: float, rng: np.random.Generator) -> Float64Array:
    """Q: how popular an item is, times how much its genres, its year and chance make it appeal to each taste."""
    popularity = rng.normal(0, long_tail, len(traits))
    appeal = traits @ rng.normal(size=(traits.shape[1], n_factors)) + rng.normal(size=(len(traits), n_factors))
    appeal *= _APPEAL_SD / max(float(appeal.std()), 1e-9)
    factors = np.exp(popularity[:, None] + appeal)
    shares: Float64Array = factors / factors.sum(axis=0)
    return shares


def _user_factors(people: Attributes, n_factors: int, rng: np.random.Generator) -> Float64Array:
    """P, but for its size: how much a user plays, shared out among the tastes; the old like the first of them more."""
    liking = rng.normal(0, _TASTE_SD, (people.n_rows, n_factors))
    liking[:, 0] += (people["age"].astype(np.float64) - 38) / 14
    shares = np.exp(liking)
    activity = rng.lognormal(0, _ACTIVITY_SD, people.n_rows)
    factors: Float64Array = shares * (activity / shares.sum(axis=1))[:, None]
    return factors


def _size(user_factors: Float64Array, item_factors: Float64Array, n_choices: int) -> float:
    """By what to multiply P so that about `n_choices` pairs are expected to be chosen: Newton's steps on its log.

    Users are tried at even distances in the order of how much they play, so that a hundred stand for all.
    """
    order = np.argsort(user_factors.sum(axis=1), kind="stable")
    n_tried = min(_TRIED, len(order))
    tried = user_factors[order[((np.arange(n_tried) + 0.5) / n_tried * len(order)).astype(np.int64)]]
    wanted = n_choices * n_tried / len(user_factors)
    rates = tried @ item_factors.T
    size = wanted / rates.sum()  # as it is where no pair is played twice
    for _ in range(30):
        scaled = size * rates
        silent = np.exp(-scaled)
        expected = float((1 - silent).sum())
        # The log of what is expected is concave in the log of the size: no step goes too far.
        step = np.log(wanted / expected) * expected / float((scaled * silent).sum())
        size *= np.exp(step)
        if abs(step) < 1e-4:
            break
    return float(size)


def _play(
    user_factors: Float64Array, item_factors: Float64Array, rng: np.random.Generator
) -> tuple[Int64Array, Int64Array]:
    """The pairs that are played, as user * n_items + item, ascending, and how often."""
    n_items, n_factors = item_factors.shape
    plays = rng.poisson(user_factors)  # of each user for each taste
    users = np.arange(len(user_factors), dtype=np.int64)
    drawn = []
    for taste in range(n_factors):
        ends = np.cumsum(item_factors[:, taste])
        thrown = rng.random(int(plays[:, taste].sum())) * ends[-1]
        items = np.minimum(np.searchsorted(ends, thrown, side="right"), n_items - 1)
        drawn.append(np.repeat(users, plays[:, taste]) * n_items + items)
    pairs, counts = np.unique(np.concatenate(drawn), return_counts=True)
    return pairs, counts
