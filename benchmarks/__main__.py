"""Run benchmarks, each in a fresh process: `python -m benchmarks [NAME ...]`, all of them without a name."""

from __future__ import annotations

import argparse
import subprocess
import sys
from importlib.util import find_spec

_BENCHMARKS = {
    "startup": "import, help and info in fresh processes",
    "load_csv": "20 million rows of CSV: time and memory beside pyarrow alone",
    "als_speed": "epochs of ALS; beside cmfrec's",
    "bayes_speed": "draws of Bayes beside myFM's, with the error of both",
    "bayes_scale": "a draw of Bayes on 20 million ratings beside one on ml-1m: time and memory",
    "collab_speed": "trainings of penchant.collab beside fastai's: import, seconds an epoch, losses",
    "fastai_losses": "fastai's own losses over five seeds, which collab_speed judges ours by; 40 minutes",
    "predict_speed": "a million pairs; ten recommendations",
    "recommend_all": "ten items for each of 138 thousand users, beside implicit's",
    "load_model": "a model of ml-1m from its file",
    "accuracy": "errors of Bayes and ALS beside the baselines on the official folds, the lecture's split and ml-1m",
    "intervals": "how many held-out ratings lie in predicted intervals",
    "fold_in": "users and items folded in beside trained ones: error and time",
    "update": "errors of an updated recommender beside trainings anew, while ratings come in",
    "cold_start": "users and items without ratings, from their features",
    "choices_lab": "solvers of choices on validation parts of many tables, beside EASE and implicit; hours",
    "ranking": "lists by both, by stars and by choice beside most rated, EASE and implicit; five seeds; hours",
    "ask_next": "what to ask a new person first, beside the most popular and chance",
}


def main() -> int:
    """Run what was asked for; 1 if any of it failed."""
    listed = "\n".join(f"  {name:<14} {what}" for name, what in _BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=f"Run benchmarks, all of them unless some are named:\n\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which (default: all)")
    names = parser.parse_args().names
    unknown = [name for name in names if name not in _BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(_BENCHMARKS)}")
    failed = [name for name in names or _BENCHMARKS if not run(name)]
    if failed:
        print(f"\nnot whole: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def run(name: str) -> bool:
    """Run one benchmark in a process of its own, so that none warms or crowds the memory of the next."""
    print(f"\n# {name}: {_BENCHMARKS[name]}\n", flush=True)
    if find_spec(f"benchmarks.{name}") is None:
        print(f"benchmarks/{name}.py is missing", file=sys.stderr)
        return False
    return subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
