"""How fast a trained model answers: a million pairs at once, one pair a call, and ten recommendations for one user.

    python -m benchmarks.predict_speed

The model is ALS with its defaults on ml-1m (6,040 users, 3,706 films). The pairs are drawn at random, which is harder
for the processor's cache than the order of a file. Target: a million
pairs in under 50 ms.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

import penchant as pt
from benchmarks.reporting import environment, markdown, run, write_results
from benchmarks.timing import alternate

_PAIRS = 1_000_000
_ROUNDS = 15


def main() -> None:
    """Train once, time each way of asking, print a table, keep the numbers."""
    started = environment()
    rec = pt.ALS().fit(pt.load_dataset("ml-1m"))
    rng = np.random.default_rng(0)
    user_idx = rng.integers(0, len(rec.users), _PAIRS, dtype=np.int32)
    item_idx = rng.integers(0, len(rec.items), _PAIRS, dtype=np.int32)
    users, items = np.asarray(rec.users.ids[user_idx], np.int64), np.asarray(rec.items.ids[item_idx], np.int64)
    frame = pd.DataFrame({"user": users, "item": items})
    asked = list(zip(users[:1_000].tolist(), items[:1_000].tolist(), strict=True))
    timings = alternate(
        {
            "1,000,000 pairs: the model alone, row numbers": lambda: rec.model.predict(user_idx, item_idx),
            "1,000,000 pairs: rec.predict(items, users), arrays of int ids": lambda: rec.predict(items, users),
            "1,000,000 pairs: rec.predict(frame), columns of int ids": lambda: rec.predict(frame),
            "1,000 calls of rec.predict(item, user)": lambda: [rec.predict(item, user) for user, item in asked],
            "100 calls of rec.recommend(user, n=10)": lambda: [rec.recommend(user, n=10) for user, _ in asked[:100]],
        },
        rounds=_ROUNDS,
    )
    rows = [[name, f"{1000 * timing.median:.2f}", f"{1000 * min(timing.wall):.2f}"] for name, timing in timings.items()]
    print(markdown(["ml-1m, 10 factors", "median ms", "fastest ms"], rows))
    write_results("predict_speed", {name: timing.to_dict() for name, timing in timings.items()}, started)


if __name__ == "__main__":
    run(main)
