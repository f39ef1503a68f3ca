"""Where ratings come from on a command line, and the commands that need no model."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from tests.cli.outcome import Shell
from typer.testing import CliRunner

import penchant
from penchant import datasets
from penchant.cli import main
from penchant.cli.app import build_app
from penchant.cli.commands import doctor as doctor_module
from penchant.cli.commands.doctor import examine

QUICK = ("--test-size", 0, "--solver", "als", "--epochs", 1, "--n-factors", 1, "--no-choices", "--json")


def _n_ratings(told: object) -> object:
    assert isinstance(told, dict)
    return told["n_ratings"]


# -- sources --


def test_a_file_is_read_and_it_is_said_how(shell: Shell, table: Path, tmp_path: Path) -> None:
    told = shell("train", table, "-o", tmp_path / "a", *QUICK)

    assert _n_ratings(told.json) == 60
    assert "60 ratings" in told.err
    assert "10 users" in told.err


def test_columns_separator_and_scale_can_be_said(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "stars.txt"
    path.write_text(
        "".join(f"{user}\t{user % 3}\t{1 + user % 5}\t{'éa'[user % 2]}\n" for user in range(9)), encoding="latin-1"
    )
    names = ("--columns", "who, what,stars,note", "--sep", "\\t", "--encoding", "latin-1")

    told = shell(
        *("train", path, "-o", tmp_path / "a", *names, "--user", "who", "--item", "what", "--rating", "stars"),
        *("--scale", 0, 10, "--timestamp", "none", *QUICK),
    )

    assert told.code == 0, told.err
    assert told.json["rating_scale"] == [0, 10]
    assert penchant.load(tmp_path / "a").users.ids.tolist() == list(range(9))


def test_titles_can_be_joined_or_be_the_ids(shell: Shell, table: Path, tmp_path: Path) -> None:
    films = tmp_path / "films.csv"
    films.write_text("item,title\n" + "".join(f"{item},Film {item}\n" for item in range(12)))

    shell("train", table, "-o", tmp_path / "a", "--items", films, *QUICK)
    shell("train", table, "-o", tmp_path / "b", "--items", films, "--item", "title", *QUICK)

    joined, merged = penchant.load(tmp_path / "a"), penchant.load(tmp_path / "b")
    assert joined.item_attributes["title"][joined.items.index(3)] == "Film 3"
    assert "Film 3" in merged.items


def test_a_pattern_takes_many_files(shell: Shell, table: Path, tmp_path: Path) -> None:
    header, *rows = table.read_text().splitlines()
    for part, some in enumerate((rows[:20], rows[20:40])):
        (tmp_path / f"part-{part}.csv").write_text("\n".join([header, *some]) + "\n")

    assert _n_ratings(shell("train", tmp_path / "part-*.csv", "-o", tmp_path / "a", *QUICK).json) == 40


@pytest.mark.parametrize("how", ["csv", "gz", "tsv", "dat", "jsonl", "parquet"])
def test_standard_input_can_be_of_any_kind(shell: Shell, table: Path, tmp_path: Path, how: str) -> None:
    import pyarrow.csv
    import pyarrow.parquet

    text = table.read_text()
    rows = [line.split(",") for line in text.splitlines()[1:]]
    if how == "parquet":
        pyarrow.parquet.write_table(pyarrow.csv.read_csv(table), tmp_path / "p.parquet")
    content = {
        "csv": text.encode(),
        "gz": gzip.compress(text.encode()),
        "tsv": text.replace(",", "\t").encode(),
        "dat": text.replace(",", "::").encode(),
        "jsonl": "".join(f'{{"user": {u}, "item": {i}, "rating": {r}}}\n' for u, i, r in rows).encode(),
        "parquet": (tmp_path / "p.parquet").read_bytes() if how == "parquet" else b"",
    }[how]

    told = shell("train", "-", "-o", tmp_path / "a", *QUICK, stdin=content)

    assert told.code == 0, told.err
    assert _n_ratings(told.json) == 60


def test_standard_input_that_is_empty_or_a_keyboard(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell("train", "-", "-o", tmp_path / "a", stdin=b"").fails(3, "standard input is empty")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    shell("train", "-", "-o", tmp_path / "a").fails(2, "pipe a file in")


def test_a_file_wins_over_a_dataset_of_its_name(
    shell: Shell, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table.rename(tmp_path / "sample")

    told = shell("train", "sample", "-o", "a", *QUICK)

    assert _n_ratings(told.json) == 60
    assert "note: sample is a file here" in told.err


def test_a_folder_with_the_name_of_a_dataset_does_not_hide_it(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sample").mkdir()

    assert _n_ratings(shell("train", "sample", "-o", "a", *QUICK).json) == len(penchant.load_dataset("sample"))


def test_titles_of_a_dataset_can_be_its_ids(shell: Shell, tmp_path: Path) -> None:
    shell("train", "sample", "-o", tmp_path / "a", "--item", "title", *QUICK)

    assert isinstance(penchant.load(tmp_path / "a").items[0], str)


def test_nothing_of_that_name(shell: Shell, tmp_path: Path) -> None:
    output = ("-o", tmp_path / "a")

    shell("train", "ml100k", *output).fails(6, "ml100k", "did you mean 'ml-100k'?")
    shell("train", tmp_path / "none.csv", *output).fails(6, "none.csv", "datasets: sample")
    shell("train", tmp_path / "none-*.csv", *output).fails(6, "none-*.csv")
    shell("train", tmp_path, *output).fails(6)
    shell("train", "", *output).fails(6)


def test_tables_that_can_not_be_used(shell: Shell, tmp_path: Path) -> None:
    output = ("-o", tmp_path / "a")
    wrong = tmp_path / "wrong.csv"

    wrong.touch()
    shell("train", wrong, *output).fails(3, "wrong.csv")
    wrong.write_text("a,b,c\n1,2,3\n")
    shell("train", wrong, *output).fails(3, "--user")
    wrong.write_text("user,item,rating\n1,2,3\n1,3,five\n")
    shell("train", wrong, *output).fails(3, "five", "line 3", "--invalid drop")
    shell("train", wrong, "--rating", "stars", *output).fails(3, "stars")
    shell("train", wrong, "--duplicates", "never", *output).fails(2, "never")
    shell("train", wrong, "--encoding", "klingon", *output).fails(2, "klingon")
    shell("train", wrong, "--scale", 1, *output).fails(2, "--scale")


# -- datasets --


def test_datasets_are_listed(shell: Shell) -> None:
    listed = shell("datasets", "list", "--json").json

    assert [row["name"] for row in listed] == [one.name for one in datasets.list_datasets()]
    words = shell("datasets", "list").out
    assert shell("datasets").out == words
    for row in listed:
        [line] = [line for line in words.splitlines() if line.split()[:1] == [row["name"]]]
        assert f"{row['n_ratings']:,}" in line


def test_the_sample_needs_no_fetching(shell: Shell) -> None:
    assert shell("datasets", "fetch", "sample", "--json").json == {"name": "sample", "folder": None}
    assert "built in" in shell("datasets", "fetch", "sample").out


def test_a_dataset_that_is_here_is_not_fetched_again(shell: Shell, movielens_100k: Path) -> None:
    assert str(movielens_100k) in shell("datasets", "fetch", "ml-100k").out
    assert str(movielens_100k) in shell("datasets").out


def test_an_unknown_dataset(shell: Shell) -> None:
    shell("datasets", "fetch", "ml-100").fails(6, "ml-100")


# -- doctor, version, help --


def test_doctor_tells_what_a_bug_report_needs(shell: Shell) -> None:
    found = shell("doctor", "--json").json

    assert isinstance(found, dict)
    assert found["penchant"]["version"] == penchant.__version__
    assert found["packages"]["numpy"]
    assert "pytest" not in found["packages"]
    assert found["processors"]["usable"] >= 1
    assert "error" not in found["blas"]
    assert isinstance(found["kernels"]["jit"], bool)
    assert found["datasets"]["cache_folder"]
    assert "version" in found["torch"]
    words = shell("doctor").out
    for section in found:
        assert f"{section}\n" in words


def test_doctor_goes_on_where_something_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OSError("libcudart.so not found")

    monkeypatch.setattr(doctor_module, "_torch", broken)
    monkeypatch.setenv("PENCHANT_DATA", "nowhere")

    found = examine()

    assert found["torch"] == {"error": "OSError: libcudart.so not found"}
    assert found["environment"]["PENCHANT_DATA"] == "nowhere"
    assert found["datasets"]["PENCHANT_DATA_found"] is False


def test_doctor_asks_torch_for_its_gpus(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = SimpleNamespace(device_count=lambda: 2, get_device_name="Card {}".format)
    torch = SimpleNamespace(
        cuda=cuda, __version__="9.9", version=SimpleNamespace(cuda="13.0"), get_num_threads=lambda: 4, __spec__=object()
    )
    monkeypatch.setitem(sys.modules, "torch", torch)  # type: ignore[arg-type]

    assert examine()["torch"] == {"version": "9.9", "cuda": "13.0", "threads": 4, "gpus": ["Card 0", "Card 1"]}
    assert "Card 0, Card 1" in shell("doctor").out


def test_doctor_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)

    assert examine()["torch"]["version"] is None


def test_doctor_with_nothing_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    from penchant.kernels import als_sweep as als

    for name, value in list(vars(als).items()):
        if hasattr(value, "py_func"):
            monkeypatch.setattr(als, name, value.py_func)

    assert examine()["kernels"]["jit"] is False


def test_version(shell: Shell) -> None:
    assert shell("--version").out == f"penchant {penchant.__version__}\n"
    assert shell("-V").code == 0


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_lists_the_commands(shell: Shell, arguments: tuple[str, ...]) -> None:
    told = shell(*arguments)

    assert told.code == 0
    for name in ("train", "evaluate", "predict", "recommend", "items", "info", "datasets", "doctor"):
        assert name in told.out


@pytest.mark.parametrize(
    "path", ["train", "evaluate", "predict", "recommend", "items", "info", "datasets list", "datasets fetch", "doctor"]
)
def test_every_command_has_help_and_json(shell: Shell, path: str) -> None:
    told = shell(*path.split(), "--help")

    assert told.code == 0
    assert "--json" in told.out


def test_an_unknown_command(shell: Shell) -> None:
    shell("tarin").fails(2, "tarin", "penchant --help")


def test_the_application_is_one_of_typers() -> None:
    ended = CliRunner().invoke(build_app(solver_options=True), ["--version"])

    assert (ended.exit_code, ended.output) == (0, f"penchant {penchant.__version__}\n")


# -- what may go wrong around a command --


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (typer.Abort(), 130, "interrupted"),
        (OSError(28, "No space left on device", "a.penchant"), 6, "a.penchant: No space left on device"),
        (OSError(28, "No space left on device"), 6, "output: No space left on device"),
        (MemoryError(), 1, "memory"),
        (penchant.errors.UnsupportedError("not here"), 7, "not here"),
    ],
)
def test_what_goes_wrong_is_told_in_a_line(
    shell: Shell, films: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, words: str
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr("penchant.recommender.recommender.load", fails)
    shell("info", films).fails(code, words)


def test_a_bug_is_not_hidden(films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("penchant.recommender.recommender.load", fails)
    with pytest.raises(ZeroDivisionError):
        main(["info", str(films)])


def test_streams_that_are_no_files_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())

    assert main(["--version"]) == 0
    assert sys.stdout.getvalue().startswith("penchant ")  # type: ignore[attr-defined]


def test_closed_streams_are_no_reason_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)

    assert main(["--version"]) == 0
    sys.stdout.close()
    sys.stderr.close()
