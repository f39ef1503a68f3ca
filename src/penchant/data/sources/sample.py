"""Synthetic sample dataset: invented people rate invented films, by the very model that penchant learns.

    r_ui = round(clip(mu + b_u + b_i + p_u . q_i + noise))

So the truth is known: a test can ask how near a solver comes to it. Nothing is stored, the table is generated from a
seed; titles are put together from invented place names, and no real rating is in it.

What is built in, because real tables have it: a few films get most of the ratings, liked films get more of them,
people give between a handful and most of the films a rating, genre and year say something about the factors of a film,
and age something about the factors of a person.

So is the truth of who chooses what: user u draws n_u films one after the other, without replacement, each in proportion
to exp(popularity_i + taste p_u . q_i). In the built-in sample taste is 0: people choose what is popular, and popular is
what is liked on the whole. With `taste=1` they choose what they like themselves, as people do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from penchant.arrays.types import Float32Array, Float64Array, Int32Array, Int64Array
from penchant.checks import generator, is_real, is_whole, require
from penchant.data.attributes import Attributes
from penchant.data.ingest import Report
from penchant.data.ratings import Ratings
from penchant.data.sources.chances import chance_of_being_drawn
from penchant.data.vocab import Vocab

__all__ = ["FIRST_DAY", "SampleTruth", "generate", "in_time", "invent_films", "invent_people"]

_MEAN, _USER_BIAS_SD, _ITEM_BIAS_SD, _FACTOR_SD = 3.4, 0.4, 0.5, 0.6  # near what MovieLens has, in stars
FIRST_DAY = 978_307_200  # 2001-01-01 in seconds since 1970
_DAY = 86_400
_FIRST_YEAR, _LAST_YEAR = 1950, 2000
_OCCUPATIONS = ("baker", "carpenter", "gardener", "librarian", "nurse", "pilot", "student", "teacher", "weaver")

_PLACES = (
    *("Ottermere", "Brasken", "Tansyhollow", "Quillhaven", "Emmeril", "Merrowick", "Dunmarrow", "Fennigar"),
    *("Osterwyn", "Hallowmoss", "Vellinor", "Pellamy", "Corrigrad", "Wexenby", "Thistlemoor", "Larkendale"),
    *("Umberlund", "Zephrane", "Ilvermoor", "Yarrowgate"),
)
_TITLES = {  # genre -> how its titles are made; five patterns and twenty places give a hundred titles
    "Action": ("Nine Minutes to {}", "The {} Convoy", "No Bridge at {}", "Siege of {}", "The Last Train out of {}"),
    "Comedy": ("My Uncle Bought {}", "Two Weddings in {}", "The {} Pie Contest", "Nobody Leaves {}", "The Mayor of {}"),
    "Drama": ("The Clockmaker of {}", "A Winter in {}", "Letters from {}", "The {} Orchard", "What {} Remembers"),
    "Fantasy": ("The Lanterns of {}", "A Dragon for {}", "The {} Spell", "The Well at {}", "The Crown of {}"),
    "Horror": ("Whatever Sleeps in {}", "The {} Cellar", "Do Not Answer {}", "The Night {} Woke", "Below {}"),
    "Mystery": ("The {} Alibi", "Who Rang from {}?", "A Body at {}", "The Third Key to {}", "The {} Ledger"),
    "Romance": ("One Summer in {}", "Dancing at {}", "The {} Proposal", "Meet Me in {}", "A Ferry to {}"),
    "Sci-Fi": ("Signal from {}", "Orbit over {}", "The {} Machine", "Colony {}", "Seven Moons of {}"),
}


@dataclass(frozen=True, eq=False)
class SampleTruth:
    """A generated table of ratings and everything that it was generated from (notation: docs/notation.md).

    Biases and factors are centred: each averages to zero over all users or all items, so `global_mean` is the mean of
    the whole expected table and `item_biases` ranks the films, with nothing hidden in the other parts.

    Attributes:
        global_mean: mu, in stars.
        user_biases, item_biases: b, float64, shapes (n_users,), (n_items,), in stars.
        user_factors, item_factors: P and Q, float64, shapes (n_users, n_factors), (n_items, n_factors).
        noise: standard deviation, in stars, of a rating before it is clipped and rounded.
        rating_scale: (1, 5), or (0.5, 5) with half stars.
        user_idx, item_idx, rating, timestamp: the ratings, shape (n,), oldest first; timestamps in seconds.
        user_attributes: age, sex, occupation. item_attributes: title, year, genres.
        popularity: what draws everybody to a film, shape (n_items,), the log of a weight.
        taste: how much p_u . q_i, in stars, counts beside it.
        n_chosen: how many films each user rates, shape (n_users,).
    """

    global_mean: float
    user_biases: Float64Array
    item_biases: Float64Array
    user_factors: Float64Array
    item_factors: Float64Array
    noise: float
    rating_scale: tuple[float, float]
    user_idx: Int32Array
    item_idx: Int32Array
    rating: Float32Array
    timestamp: Int64Array
    user_attributes: Attributes
    item_attributes: Attributes
    popularity: Float64Array
    taste: float
    n_chosen: Int64Array

    @cached_property
    def chance_of_choice(self) -> Float64Array:
        """How likely each user was to choose, and so to rate, each film, shape (n_users, n_items); rows add up to n_u.

        Exact, but for the precision of a sum over some hundreds of nodes: see `penchant.data.sources.chances`. Meant
        for tables of the size of the sample; it takes much longer for more films.
        """
        if self.taste == 0:  # users who rate equally many films have the same chances
            counts, row_of = np.unique(self.n_chosen, return_inverse=True)
            return np.stack([chance_of_being_drawn(self.popularity, int(n)) for n in counts])[row_of]
        drawn_to = self.popularity + self.taste * _products(self.user_factors, self.item_factors)
        return np.stack([chance_of_being_drawn(row, int(n)) for row, n in zip(drawn_to, self.n_chosen, strict=True)])

    @property
    def expected(self) -> Float64Array:
        """The model's mu + b_u + b_i + p_u . q_i of every pair, shape (n_users, n_items), before noise and rounding."""
        biases = self.global_mean + self.user_biases[:, None] + self.item_biases[None, :]
        expected: Float64Array = biases + _products(self.user_factors, self.item_factors)
        return expected

    @property
    def best_rmse(self) -> float:
        """RMSE of the truth itself, clipped to the scale, on the ratings: no honest model is much better than this."""
        predicted = np.clip(self.expected, *self.rating_scale)[self.user_idx, self.item_idx]
        return float(np.sqrt(np.mean((predicted - self.rating) ** 2)))

    def ratings(self) -> Ratings:
        """The table that a solver gets to see. User ids are 1 to n_users, item ids 1 to n_items."""
        return Ratings(
            user_idx=self.user_idx.copy(),
            item_idx=self.item_idx.copy(),
            rating=self.rating.copy(),
            users=Vocab(np.arange(1, len(self.user_biases) + 1), kind="user"),
            items=Vocab(np.arange(1, len(self.item_biases) + 1), kind="item"),
            rating_scale=self.rating_scale,
            time_offset=(self.timestamp - FIRST_DAY).astype(np.uint32),
            time_origin=FIRST_DAY,
            user_attributes=self.user_attributes,
            item_attributes=self.item_attributes,
            report=Report(
                source="the built-in sample (generated, no real people or films)",
                n_rows=len(self.rating),
                n_ratings=len(self.rating),
                n_users=len(self.user_biases),
                n_items=len(self.item_biases),
                rating_scale=self.rating_scale,
                scale_from="given",
                timestamp="seconds",
            ),
        )


def generate(
    n_users: int = 200,
    n_items: int = 100,
    *,
    n_factors: int = 4,
    density: float = 0.32,
    noise: float = 0.6,
    half_stars: bool = False,
    taste: float = 0,
    rng: int | np.random.Generator = 0,
) -> SampleTruth:
    """Invent people, films, and what the people think of the films.

    Args:
        n_users: how many people, at least 1.
        n_items: how many films, at least 1.
        n_factors: columns of P and Q, at least 0; with 0 the truth is biases only.
        density: share of all pairs that are rated, about; more than 0, at most 1. Everybody rates at least one film.
        noise: standard deviation of what no model can know, in stars, at least 0.
        half_stars: ratings 0.5, 1, ..., 5 instead of 1, 2, ..., 5.
        taste: how much people choose what they like themselves, at least 0: a film that suits somebody's taste one star
            better than another is exp(taste) times as likely to be drawn. With 0 (default) popularity alone decides.
        rng: seed or generator. The same seed gives the same table, as long as NumPy keeps its generators' streams.

    Raises:
        ParameterError: an argument out of its range.

    >>> truth = generate(rng=0)
    >>> truth.ratings()
    Ratings(6,... ratings, 200 users, 100 items, scale 1 to 5, density 3...%)
    """
    _check(n_users, n_items, n_factors, density, noise)
    require(is_real(taste) and 0 <= taste < np.inf, "taste", taste, "a number of at least 0")
    rng = generator(rng)
    films, traits = invent_films(n_items, rng)
    people = invent_people(n_users, rng)
    user_factors, item_factors = _draw_factors(people, traits, n_factors, rng)
    item_biases = _centred(rng.normal(0, _ITEM_BIAS_SD, n_items))
    user_biases = _centred(rng.normal(0, _USER_BIAS_SD, n_users))
    popularity, n_chosen = _draw_choosing(n_users, density, item_biases, rng)
    drawn_to = popularity if taste == 0 else popularity + taste * _products(user_factors, item_factors)
    user_idx, item_idx, timestamp = in_time(*_choose_pairs(drawn_to, n_chosen, rng), rng)
    felt = _MEAN + user_biases[user_idx] + item_biases[item_idx] + rng.normal(0, noise, len(user_idx))
    felt += np.einsum("nk,nk->n", user_factors[user_idx], item_factors[item_idx])
    scale, steps = ((0.5, 5.0), 2) if half_stars else ((1.0, 5.0), 1)
    return SampleTruth(
        global_mean=_MEAN,
        user_biases=user_biases,
        item_biases=item_biases,
        user_factors=user_factors,
        item_factors=item_factors,
        noise=noise,
        rating_scale=scale,
        user_idx=user_idx,
        item_idx=item_idx,
        rating=np.clip(np.rint(felt * steps) / steps, *scale).astype(np.float32),
        timestamp=timestamp,
        user_attributes=people,
        item_attributes=films,
        popularity=popularity,
        taste=float(taste),
        n_chosen=n_chosen,
    )


def _check(n_users: int, n_items: int, n_factors: int, density: float, noise: float) -> None:
    for name, value, least in (("n_users", n_users, 1), ("n_items", n_items, 1), ("n_factors", n_factors, 0)):
        require(is_whole(value, least), name, value, f"a whole number of at least {least}")
    shares = is_real(density) and 0 < density <= 1
    require(shares, "density", density, "a share of all pairs, more than 0 and at most 1")
    deviates = is_real(noise) and 0 <= noise < np.inf
    require(deviates, "noise", noise, "a standard deviation in stars, at least 0")


def invent_films(n_items: int, rng: np.random.Generator) -> tuple[Attributes, Float64Array]:
    """Titles, years and genres, and the traits that factors are drawn from: a column a genre, and one for the year."""
    names = list(_TITLES)
    main = rng.integers(len(names), size=n_items)
    second = np.where(rng.random(n_items) < 0.4, rng.integers(len(names), size=n_items), main)
    # Newer films are more: the share of a year grows linearly.
    years = _FIRST_YEAR + np.floor((_LAST_YEAR - _FIRST_YEAR) * np.sqrt(rng.random(n_items))).astype(np.int64)
    made = dict.fromkeys(names, 0)
    titles, genres = np.empty(n_items, dtype=np.object_), np.empty(n_items, dtype=np.object_)
    for row in range(n_items):
        genre = names[main[row]]
        titles[row] = f"{_title(genre, made[genre])} ({years[row]})"
        genres[row] = tuple(sorted({genre, names[second[row]]}))
        made[genre] += 1
    traits = np.zeros((n_items, len(names) + 1))
    traits[np.arange(n_items), main] = 1
    traits[np.arange(n_items), second] += 1
    traits[:, -1] = (years - years.mean()) / 10
    return Attributes({"title": titles, "year": years.astype(np.float64), "genres": genres}, n_rows=n_items), traits


def _title(genre: str, made: int) -> str:
    """The title of a genre's film number `made`: each pattern with each place, then the same as Part 2, and so on."""
    patterns = _TITLES[genre]
    part, number = divmod(made, len(patterns) * len(_PLACES))
    turn, pattern = divmod(number, len(patterns))
    # 3 shares no factor with the number of places, so one pattern visits every place before any twice.
    place = (3 * turn + 4 * pattern + 2 * list(_TITLES).index(genre)) % len(_PLACES)
    title = patterns[pattern].format(_PLACES[place])
    return title if part == 0 else f"{title}, Part {part + 1}"


def invent_people(n_users: int, rng: np.random.Generator) -> Attributes:
    """Ages, sexes and occupations."""
    ages = np.clip(np.rint(rng.normal(38, 14, n_users)), 12, 80).astype(np.int64)
    sexes = np.where(rng.random(n_users) < 0.5, "F", "M").astype(np.object_)
    occupations = np.array(_OCCUPATIONS, dtype=np.object_)[rng.integers(len(_OCCUPATIONS), size=n_users)]
    occupations[ages < 18] = "student"
    occupations[ages > 66] = "retired"
    return Attributes({"age": ages, "sex": sexes, "occupation": occupations}, n_rows=n_users)


def _draw_factors(
    people: Attributes, traits: Float64Array, n_factors: int, rng: np.random.Generator
) -> tuple[Float64Array, Float64Array]:
    """P and Q: partly age, genre and year, partly chance; P Q^T has the standard deviation _FACTOR_SD."""
    loadings = rng.normal(size=(traits.shape[1], n_factors))
    item_factors = _centred(traits @ loadings + 0.7 * rng.normal(size=(len(traits), n_factors)))
    user_factors = rng.normal(size=(people.n_rows, n_factors))
    if n_factors:
        user_factors[:, 0] += (people["age"].astype(np.float64) - 38) / 14
    user_factors = _centred(user_factors)
    spread = np.sqrt(np.mean(_products(user_factors, item_factors) ** 2)) if n_factors else 0.0
    if spread == 0:  # one user or one film: centred, it has no taste
        return user_factors, item_factors
    return user_factors * np.sqrt(_FACTOR_SD / spread), item_factors * np.sqrt(_FACTOR_SD / spread)


def _draw_choosing(
    n_users: int, density: float, item_biases: Float64Array, rng: np.random.Generator
) -> tuple[Float64Array, Int64Array]:
    """How popular each film is, and how many each user rates; liked films are popular, some people rate much."""
    n_items = len(item_biases)
    popularity = rng.normal(0, 0.9, n_items) + 0.6 * item_biases
    activity = rng.lognormal(0, 0.5, n_users)
    wanted = np.rint(density * n_items * activity / activity.mean()).astype(np.int64)
    # Nobody rates more than four films in five, if the density allows it: there must be something to recommend.
    return popularity, np.clip(wanted, 1, max(1, round(max(density, 0.8) * n_items)))


def _choose_pairs(
    drawn_to: Float64Array, n_chosen: Int64Array, rng: np.random.Generator
) -> tuple[Int64Array, Int64Array]:
    """Who rates what: each user draws films without replacement, with chances in proportion to exp(drawn_to).

    They are the films with the largest drawn_to + Gumbel noise (Vieira 2014, "Gumbel-max trick and weighted reservoir
    sampling"). `drawn_to` is one row for all users, or one a user.
    """
    n_users, n_items = len(n_chosen), drawn_to.shape[-1]
    ranked = np.argsort(-(drawn_to + rng.gumbel(size=(n_users, n_items))), axis=1, kind="stable")
    user_idx = np.repeat(np.arange(n_users), n_chosen)
    place = np.arange(len(user_idx)) - np.repeat(np.cumsum(n_chosen) - n_chosen, n_chosen)
    return user_idx, ranked[user_idx, place]


def in_time(
    user_idx: NDArray[np.int64], item_idx: NDArray[np.int64], rng: np.random.Generator
) -> tuple[Int32Array, Int32Array, Int64Array]:
    """When: a user arrives on some day of a year, rates film after film, and now and then comes back days later."""
    order = np.lexsort((rng.random(len(user_idx)), user_idx))
    user_idx, item_idx = user_idx[order], item_idx[order]
    arrival = rng.random(int(user_idx.max(initial=-1)) + 1) * 365 * _DAY
    pause = rng.exponential(40, len(user_idx)) + (rng.random(len(user_idx)) < 0.05) * rng.exponential(
        5 * _DAY, len(user_idx)
    )
    passed = np.cumsum(pause)
    first = np.flatnonzero(np.diff(user_idx, prepend=-1))
    passed -= np.repeat(passed[first], np.diff(np.append(first, len(user_idx))))
    timestamp = FIRST_DAY + np.rint(arrival[user_idx] + passed).astype(np.int64)
    order = np.argsort(timestamp, kind="stable")
    return user_idx[order].astype(np.int32), item_idx[order].astype(np.int32), timestamp[order]


def _products(user_factors: Float64Array, item_factors: Float64Array) -> Float64Array:
    """P Q^T, the same to the last bit on every machine, which BLAS does not promise."""
    products: Float64Array = np.einsum("uk,ik->ui", user_factors, item_factors)
    return products


def _centred(values: Float64Array) -> Float64Array:
    """Shifted so that the mean (of each column) is zero."""
    centred: Float64Array = values - values.mean(axis=0)
    return centred
