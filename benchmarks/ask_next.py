"""Which items to ask a new person about first: `ask_next` beside the most popular and beside chance.

    python -m benchmarks.ask_next [--trial]

On ml-100k, for each of three seeds: 200 users with at least 40 ratings are taken out of the training altogether; of
each, half of the ratings can be asked for and the other half are predicted. A way of asking names items one after
another, five at a time; the person answers where the item is among the ratings that can be asked for, and the next
items are chosen knowing the answers. Told is the mean squared error on the other half after so many questions (asked,
whether answered or not).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

import numpy as np

import penchant as pt
from benchmarks.fold_in import without
from benchmarks.reporting import environment, is_trial, markdown, run, write_results
from penchant.arrays.types import Int64Array
from penchant.recommender.people.person import Profile

_SEEDS = (0, 1, 2)
_PEOPLE, _LEAST_RATINGS, _AT_ONCE = 200, 40, 5
_AFTER = (0, 5, 10, 20, 40)

Chooser = Callable[[Profile, set[object]], list[object]]


def main() -> None:
    """Ask, print a table, keep the numbers."""
    started = environment()
    trial = is_trial("ask_next", __doc__)
    ratings = pt.load_dataset("ml-100k")
    seeds, people = (_SEEDS[:1], 20) if trial else (_SEEDS, _PEOPLE)
    solver = pt.Bayes(n_draws=8, n_burn=4) if trial else pt.Bayes()
    runs = [errors(ratings, solver, seed, people) for seed in seeds]
    ways = list(runs[0])
    told = {way: [fmean(one[way][at] for one in runs) for at in range(len(_AFTER))] for way in ways}
    rows = [[way, *(f"{value:.4f}" for value in told[way])] for way in ways]
    print(markdown(["MSE after so many questions", *map(str, _AFTER)], rows))
    for at, after in enumerate(_AFTER[1:], 1):
        apart = ", ".join(f"{one['ask_next'][at] - one['most popular'][at]:+.4f}" for one in runs)
        print(f"ask_next less most popular after {after} questions, seed by seed: {apart}")
    if not trial:
        results = {
            "solver": repr(solver),
            "seeds": list(seeds),
            "people": people,
            "after": list(_AFTER),
            "mse": told,
            "runs": runs,
        }
        write_results("ask_next", results, started)


def errors(ratings: pt.Ratings, solver: pt.Bayes, seed: int, n_people: int) -> dict[str, list[float]]:
    """Mean squared errors after each number of questions, by the way of asking."""
    rng = np.random.default_rng(seed)
    many = np.flatnonzero(ratings.user_counts() >= _LEAST_RATINGS)
    people = np.sort(rng.permutation(many)[:n_people])
    rec = pt.fit(without(ratings, "user", people), solver)
    popular = rec.items.ids[np.argsort(-_counts(rec), kind="stable")].tolist()
    ways: dict[str, Chooser] = {
        "ask_next": lambda profile, asked: _next(rec, profile, asked),
        "most popular": lambda _, asked: [item for item in popular if item not in asked][:_AT_ONCE],
        "at random": lambda _, asked: rng.permutation([item for item in popular if item not in asked])[
            :_AT_ONCE
        ].tolist(),
    }
    squares: dict[str, list[list[float]]] = {way: [[] for _ in _AFTER] for way in ways}
    for person in people:
        own = _ratings_of(ratings, int(person))
        half = set(rng.permutation(list(own))[: len(own) // 2].tolist())
        answers = {item: own[item] for item in half}
        rest = {item: stars for item, stars in own.items() if item not in half}
        for way, choose in ways.items():
            for at, error in enumerate(interview(rec, choose, answers, rest)):
                squares[way][at].extend(error)
    return {way: [fmean(errors) for errors in found] for way, found in squares.items()}


def interview(
    rec: pt.Recommender, choose: Chooser, answers: dict[object, float], rest: dict[object, float]
) -> list[list[float]]:
    """Squared errors on the other ratings after each number of questions."""
    profile, asked, found = rec.fold_in({}), set[object](), []
    items, stars = list(rest), np.array(list(rest.values()))
    for after in _AFTER:
        while len(asked) < after:
            for item in choose(profile, asked):
                asked.add(item)
                if item in answers:
                    profile = profile.with_rating(item, answers[item])
        predicted = np.asarray(rec.predict(items, ratings=profile), np.float64)
        found.append(((predicted - stars) ** 2).tolist())
    return found


def _next(rec: pt.Recommender, profile: Profile, asked: set[object]) -> list[object]:
    free: Sequence[object] = [item for item in rec.items if item not in asked]
    return list(rec.ask_next(profile, n=_AT_ONCE, candidates=free).item_id)


def _counts(rec: pt.Recommender) -> Int64Array:
    return rec.item_biases().set_index("item_id").n_ratings[list(rec.items)].to_numpy()


def _ratings_of(ratings: pt.Ratings, person: int) -> dict[object, float]:
    mine = ratings.user_idx == person
    return dict(zip(ratings.items.ids[ratings.item_idx[mine]].tolist(), ratings.rating[mine].tolist(), strict=True))


if __name__ == "__main__":
    run(main)
