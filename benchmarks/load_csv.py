"""How long a large CSV takes, and how much memory, beside pyarrow alone on the same file.

    python -m benchmarks.load_csv [--rows 20000000] [--rounds 5]

Writes CSVs like MovieLens-20M into a temporary folder (userId,movieId,rating,timestamp; once with users in order and
the distinct films of each in none, once with all rows shuffled) and reads them with `penchant.read_ratings` and with
`pyarrow.csv.read_csv`, in turn, each time in a fresh process. Times do not count the start of Python and the imports.
Targets: at most 1.5 times the time of pyarrow, which only parses; a peak of memory (of the whole process, Python and
its packages included) of at most 3 times the loaded table of 16 bytes a rating.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from benchmarks.reporting import environment, markdown, run, write_results

_BYTES = 16  # a rating: two row numbers, the rating, the time, four bytes each
_ORDERS = ("users in order", "shuffled")
_FILMS = 26_759  # a prime

# What each process runs; then its time, and on standard output the peak of its resident memory.
_MEASURE = """
import json, resource, sys, time
{setup}
began, began_cpu = time.perf_counter(), time.process_time()
table = {read}
seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({{"seconds": seconds, "cpu": cpu, "peak": peak, "rows": len(table), "bytes": {size}}}))
"""
_WRITE = """
import sys
from benchmarks.load_csv import write_ratings
write_ratings(sys.argv[1], n_rows=int(sys.argv[2]), shuffled=sys.argv[3] == "shuffled")
"""
_PENCHANT = _MEASURE.format(
    setup="from penchant.data.ratings import read_ratings; import penchant.data.ingest.pipeline",
    read="read_ratings(sys.argv[1])",
    size="sum(a.nbytes for a in (table.user_idx, table.item_idx, table.rating, table.time_offset))",
)
_PYARROW = _MEASURE.format(setup="import pyarrow.csv", read="pyarrow.csv.read_csv(sys.argv[1])", size="table.nbytes")


def main() -> None:
    """Write the files, time both readers, print tables, keep the numbers."""
    started = environment()
    asked = _arguments()
    results = {name: _compare(name, asked.rows, asked.rounds) for name in _ORDERS}
    write_results("load_csv", {"rows": asked.rows, **results}, started)


def _compare(order: str, n_rows: int, n_rounds: int) -> dict[str, object]:
    """Both readers on one file, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ratings.csv"
        # In a process of its own: a child's peak of memory is never below what its parent held when it was started.
        subprocess.run([sys.executable, "-c", _WRITE, str(path), str(n_rows), order], check=True)
        size = path.stat().st_size
        _measure(_PYARROW, path)  # the file is in the page cache from here on
        rounds = [(_measure(_PENCHANT, path), _measure(_PYARROW, path)) for _ in range(n_rounds)]
    ours, theirs = zip(*rounds, strict=True)
    loaded = _BYTES * n_rows
    slower = statistics.median(mine["seconds"] / other["seconds"] for mine, other in rounds)
    peak = max(result["peak"] for result in ours) / loaded
    print(f"{n_rows:,} rows, {order}, {size / 1e6:,.0f} MB of CSV\n")
    rows = [_row("penchant.read_ratings", ours), _row("pyarrow.csv.read_csv", theirs)]
    print(markdown(["reader", "median s", "fastest s", "cpu s", "table MB", "peak MB"], rows))
    print(f"\ntime: {slower:.2f} times pyarrow's (target 1.5)")
    print(f"peak: {peak:.2f} times the {loaded / 1e6:,.0f} MB of the loaded table (target 3)\n")
    return {
        "csv_bytes": size,
        "time_ratio_median": round(slower, 3),
        "peak_to_loaded_table": round(peak, 3),
        "penchant": ours,
        "pyarrow": theirs,
    }


def write_ratings(path: str, *, n_rows: int, shuffled: bool = False, seed: int = 0) -> None:
    """A CSV of `n_rows` distinct pairs, some 144 films a user; films of a user in a random order."""
    rng = np.random.default_rng(seed)
    n_users = max(1, n_rows // 144)
    counts = 1 + rng.multinomial(n_rows - n_users, rng.dirichlet(np.ones(n_users)))
    user = np.repeat(np.arange(n_users), counts)
    place = np.arange(n_rows) - np.repeat(np.cumsum(counts) - counts, counts)
    # Steps of one length through a prime number of films come back to the first only after all others.
    first, step = rng.integers(0, _FILMS, n_users), rng.integers(1, _FILMS, n_users)
    film = (first[user] + step[user] * place) % _FILMS
    table = pa.table(
        {
            "userId": (user + 1).astype(np.int32),
            "movieId": (film + 1).astype(np.int32),
            "rating": rng.integers(1, 11, n_rows).astype(np.float32) / 2,
            "timestamp": rng.integers(789_652_004, 1_427_784_002, n_rows),
        }
    )
    if shuffled:
        table = table.take(pa.array(rng.permutation(n_rows)))
    pacsv.write_csv(table, path)


def _measure(code: str, path: Path) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def _row(name: str, results: tuple[dict[str, float], ...]) -> list[str]:
    seconds = [result["seconds"] for result in results]
    return [
        name,
        f"{statistics.median(seconds):.2f}",
        f"{min(seconds):.2f}",
        f"{statistics.median(result['cpu'] for result in results):.2f}",
        f"{results[0]['bytes'] / 1e6:,.0f}",
        f"{max(result['peak'] for result in results) / 1e6:,.0f}",
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load_csv", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000_000, help="rows of the file (default 20,000,000)")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each reader (default 5)")
    return parser.parse_args()


if __name__ == "__main__":
    run(main)
