"""`make demo`: from a table of ratings to a saved recommender, on MovieLens-100k where it can be had.

Run it with a folder of your own data sets in PENCHANT_DATA, or let it download the set once; without either it
trains on the built-in sample of invented films and says so.
"""

from __future__ import annotations

import sys

import penchant as pt
from penchant.data.ratings import Ratings
from penchant.errors import SourceError

N_SHOWN = 10
ENOUGH = 10  # a bias learned from one or two ratings says little


def ratings_at_hand() -> Ratings:
    """MovieLens-100k with the titles of the films, else the built-in sample."""
    try:
        return pt.load_dataset("ml-100k")
    except SourceError as error:
        print(f"MovieLens-100k can't be had here: {error}", file=sys.stderr)
        print("Training on the built-in sample instead: 100 invented films.\n", file=sys.stderr)
        return pt.load_dataset("sample")


def main() -> None:
    """Read, train, compare with the baselines, ask, save."""
    ratings = ratings_at_hand()
    print(ratings)
    print(ratings.report)
    print(f"pairs rated twice and merged: {ratings.report.n_duplicates:,}")

    train, test = ratings.split(test_size=0.2, rng=42)
    print(f"\nTraining on {len(train):,} ratings; {len(test):,} are held out.", flush=True)
    rec = pt.fit(train, valid=test, progress=True)

    print("\nError on the held-out ratings, beside the baselines:")
    print(rec.evaluate(test))

    print(f"\nLiked beyond what taste explains (films with at least {ENOUGH} ratings, by learned bias):")
    print(rec.item_biases(N_SHOWN, min_ratings=ENOUGH).to_string(index=False))
    print("\nDisliked beyond what taste explains:")
    print(rec.item_biases(N_SHOWN, worst=True, min_ratings=ENOUGH).to_string(index=False))

    user = ratings.users[ratings.user_idx[0]]
    print(f"\nFor user {user}:")
    best = rec.recommend(user_id=user, n=N_SHOWN)
    print(best.to_string(index=False))
    first = best["item_id"].iloc[0]
    predicted, low, high = rec.predict(first, user_id=user, interval=0.9)
    print(f"The first: {predicted:.1f} stars; 90 % of such ratings lie from {low:.1f} to {high:.1f}")

    path = rec.save("films.penchant")
    print(f"\nSaved {path} ({path.stat().st_size / 1e6:.1f} MB). Ask it more: penchant recommend {path} --user {user}")


if __name__ == "__main__":
    main()
