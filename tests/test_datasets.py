"""Named datasets: the readers on small files in the official formats (their content is invented), where files are
looked for, and how they come. MovieLens itself is read where it is at hand."""

from __future__ import annotations

import errno
import hashlib
import io
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from tests.local_site import Site, serving

from penchant.data.ratings import Ratings
from penchant.data.sources.movielens import FORMATS, read, year_of
from penchant.datasets import Dataset, cache_folder, fetch, list_datasets, load_dataset
from penchant.errors import DataError, DownloadError, ParameterError, SourceError

Write: TypeAlias = Callable[[Path], Path]

RECORDS = {dataset.name: dataset for dataset in list_datasets()}

# -- files in the official formats; nothing in them is from MovieLens --

GENRES = "unknown|0\nAction|1\nComedy|2\nFilm-Noir|3\n\n"
U_DATA = "7\t30\t5\t880000000\n9\t10\t1\t880000050\n7\t10\t4\t880000020\n9\t20\t3\t880000010\n"
U_ITEM = (
    "10|Café Brasken (1991)|01-Jan-1992||http://example.org/?Caf%E9|0|0|1|0\n"
    "20|Orbit over Osterwyn (1987) (V)|01-Jan-1995|||0|1|0|1\n"
    "30|unknown|04-Feb-1971|||1|0|0|0\n"
    "40|Never Rated (1999)||||0|0|0|0\n"
)
U_USER = "7|24|M|baker|00000\n8|60|F|other|00000\n9|53|F|writer|T8H1N\n"

RATINGS_DAT = "7::30::5::978300000\n9::10::1::978300050\n7::10::4::978300020\n"
MOVIES_DAT = (
    "10::Café Brasken (1991)::Comedy|Romance\n"
    "20::Never Rated (1999)::Drama\n"
    "30::Signal :: Noise (2000)::(no genres listed)\n"
)
USERS_DAT = "7::M::1::10::00000\n9::F::56::0::00000-1234\n"

RATINGS_CSV = "userId,movieId,rating,timestamp\n7,30,4.5,1200000000\n9,10,0.5,1200000050\n7,10,4.0,1200000020\n"
MOVIES_CSV = (
    "movieId,title,genres\r\n"
    '10,"Clockmaker of Ottermere, The (1991)",Comedy|Drama\r\n'
    "20,Never Rated (1999),Drama\r\n"
    '30,"The ""Brasken"" Files (1993–1998)",(no genres listed)\r\n'
)


def u_data(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("u.data", U_DATA), ("u.item", U_ITEM), ("u.user", U_USER), ("u.genre", GENRES)):
        (folder / name).write_text(text, encoding="latin-1")
    return folder


def dat(folder: Path, encoding: str = "latin-1") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("ratings.dat", RATINGS_DAT), ("movies.dat", MOVIES_DAT), ("users.dat", USERS_DAT)):
        (folder / name).write_text(text, encoding=encoding)
    return folder


def comma(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("ratings.csv", RATINGS_CSV), ("movies.csv", MOVIES_CSV)):
        (folder / name).write_text(text, encoding="utf-8", newline="")
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees the caches of this machine or goes out to the network."""
    monkeypatch.delenv("PENCHANT_DATA", raising=False)
    monkeypatch.setenv("PENCHANT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache"


def triples(ratings: Ratings) -> list[tuple[object, object, float]]:
    users, items = ratings.users.ids[ratings.user_idx], ratings.items.ids[ratings.item_idx]
    return list(zip(users.tolist(), items.tolist(), ratings.rating.tolist(), strict=True))


# -- readers --


def test_u_data(tmp_path: Path) -> None:
    ratings = load_dataset("ml-100k", folder=u_data(tmp_path))
    assert triples(ratings) == [(7, 30, 5), (9, 10, 1), (7, 10, 4), (9, 20, 3)]  # the order of the file
    assert ratings.timestamp is not None
    assert ratings.timestamp.tolist() == [880000000, 880000050, 880000020, 880000010]
    assert ratings.rating_scale == (1, 5)
    films = ratings.item_attributes
    assert list(ratings.items) == [10, 20, 30]
    assert films["title"].tolist() == ["Café Brasken (1991)", "Orbit over Osterwyn (1987) (V)", "unknown"]
    assert films["year"].tolist() == [1991, 1987, 1971]
    assert films["genres"].tolist() == [("Comedy",), ("Action", "Film-Noir"), ()]
    people = ratings.user_attributes
    assert people["age"].tolist() == [24, 53]
    assert people["sex"].tolist() == ["M", "F"]
    assert people["occupation"].tolist() == ["baker", "writer"]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "utf-8-sig"])
def test_dat(tmp_path: Path, encoding: str) -> None:
    dat(tmp_path, encoding)
    (tmp_path / "ratings.dat").write_text(RATINGS_DAT)
    ratings = load_dataset("ml-1m", folder=tmp_path)
    assert triples(ratings) == [(7, 30, 5), (9, 10, 1), (7, 10, 4)]
    assert ratings.timestamp is not None
    assert ratings.timestamp.tolist() == [978300000, 978300050, 978300020]
    films = ratings.item_attributes
    assert films["title"].tolist() == ["Café Brasken (1991)", "Signal :: Noise (2000)"]
    assert films["year"].tolist() == [1991, 2000]
    assert films["genres"].tolist() == [("Comedy", "Romance"), ()]
    people = ratings.user_attributes
    assert people["age"].tolist() == [1, 56]
    assert people["sex"].tolist() == ["M", "F"]
    assert people["occupation"].tolist() == ["K-12 student", "other"]


def test_ratings_as_parquet(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (dat(tmp_path) / "ratings.dat").unlink()
    columns = {"user": [7, 9], "item": [30, 10], "rating": pa.array([5, 1], pa.float32())}
    pq.write_table(pa.table(columns), tmp_path / "ratings.parquet")
    ratings = load_dataset("ml-1m", folder=tmp_path)
    assert triples(ratings) == [(7, 30, 5), (9, 10, 1)]
    assert ratings.timestamp is None
    assert ratings.item_attributes["year"].tolist() == [1991, 2000]


def test_csv(tmp_path: Path) -> None:
    ratings = load_dataset("ml-20m", folder=comma(tmp_path))
    assert triples(ratings) == [(7, 30, 4.5), (9, 10, 0.5), (7, 10, 4.0)]
    assert ratings.timestamp is not None
    assert ratings.timestamp.tolist() == [1200000000, 1200000050, 1200000020]
    assert ratings.rating_scale == (0.5, 5)
    films = ratings.item_attributes
    assert films["title"].tolist() == ["Clockmaker of Ottermere, The (1991)", 'The "Brasken" Files (1993–1998)']
    assert films["year"].tolist() == [1991, 1993]
    assert films["genres"].tolist() == [("Comedy", "Drama"), ()]
    assert list(ratings.user_attributes) == []


@pytest.mark.parametrize(("name", "write"), [("ml-100k", u_data), ("ml-10m", dat), ("ml-32m", comma)])
def test_attributes_are_of_three_kinds(tmp_path: Path, name: str, write: Write) -> None:
    write(tmp_path)
    films = load_dataset(name, folder=tmp_path).item_attributes
    assert films["year"].dtype == np.float64
    assert all(type(title) is str for title in films["title"])
    assert all(type(genres) is tuple for genres in films["genres"])


@pytest.mark.parametrize(
    ("name", "write", "extra"),
    [("ml-100k", u_data, ["u.item", "u.user", "u.genre"]), ("ml-1m", dat, ["movies.dat", "users.dat"])],
)
def test_only_the_ratings_must_be_there(tmp_path: Path, name: str, write: Write, extra: list[str]) -> None:
    write(tmp_path)
    for file in extra:
        (tmp_path / file).unlink()
    ratings = load_dataset(name, folder=tmp_path)
    assert ratings.n_users == 2
    assert ratings.titles() is None
    with pytest.raises(SourceError, match="so there are no titles that could be ids"):
        load_dataset(name, folder=tmp_path, item="title")


def test_a_folder_without_ratings(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no ratings\.dat or ratings\.parquet in"):
        read(tmp_path, FORMATS["dat"], rating_scale=(1, 5))


def test_flags_are_named_without_u_genre(tmp_path: Path) -> None:
    u_data(tmp_path)
    (tmp_path / "u.genre").unlink()
    (tmp_path / "u.item").write_text(
        "10|A|||" + "|0" * 18 + "|1\n20|B|||" + "|1" * 2 + "|0" * 17 + "\n30|C|||" + "|0" * 19
    )
    assert load_dataset("ml-100k", folder=tmp_path).item_attributes["genres"].tolist() == [
        ("Western",),
        ("Action",),
        (),
    ]


def test_titles_as_ids(tmp_path: Path) -> None:
    u_data(tmp_path)
    # 20 and 10 are the same film twice, and 9 rated both: the later rating stays.
    twice = U_ITEM.replace("Orbit over Osterwyn (1987) (V)", "Café Brasken (1991) ")
    (tmp_path / "u.item").write_text(twice, encoding="latin-1")
    ratings = load_dataset("ml-100k", folder=tmp_path, item="title")
    assert sorted(triples(ratings)) == [(7, "Café Brasken (1991)", 4), (7, "unknown", 5), (9, "Café Brasken (1991)", 1)]
    assert ratings.report.n_duplicates == 1
    titles = ratings.titles()
    assert titles is not None
    assert titles.tolist() == list(ratings.items)
    first = ratings.items.index("Café Brasken (1991)")
    assert ratings.item_attributes["genres"][first] == ("Comedy",)
    assert ratings.item_attributes["year"][first] == 1991
    mean = load_dataset("ml-100k", folder=tmp_path, item="title", duplicates="mean")
    assert (9, "Café Brasken (1991)", 2) in triples(mean)


@pytest.mark.parametrize(
    ("write", "name", "file", "text", "says"),
    [
        (u_data, "ml-100k", "u.item", "\n10|A|||\n", r"line 2: '10\|A\|\|\|' is not understood; expected 5 fields"),
        (u_data, "ml-100k", "u.item", "1|A||||0|1|2|0", "expected 5 fields and 4 flags 0 or 1"),
        (u_data, "ml-100k", "u.item", "x|A||||0|1|0|0", "expected a whole number in the place of 'x'"),
        (u_data, "ml-100k", "u.genre", "Action\n", "u.genre, line 1: 'Action' is not understood"),
        (u_data, "ml-100k", "u.user", "7|24|male|baker|0", "u.user, line 1: .*expected id.age.F or M"),
        (u_data, "ml-100k", "u.user", "7|old|M|baker|0", "in the place of 'old'"),
        (dat, "ml-1m", "movies.dat", "1::A\n", "movies.dat, line 1: '1::A' is not understood; expected id::title"),
        (dat, "ml-1m", "users.dat", "7::M::1::21::0\n", "expected an occupation of 0 to 20"),
        (dat, "ml-1m", "users.dat", "7::M::1::0\n", "users.dat, line 1"),
        (comma, "ml-20m", "movies.csv", "id,name\n", "movies.csv, line 1: 'id,name' is not understood"),
        (comma, "ml-20m", "movies.csv", "", "expected the header movieId,title,genres"),
        (comma, "ml-20m", "movies.csv", "movieId,title,genres\n1,A\n", "line 2: '1,A' is not understood"),
        (comma, "ml-20m", "movies.csv", "movieId,title,genres\nA,B,C\n", "in the place of 'A'"),
    ],
)
def test_a_line_that_cannot_be_understood_is_named(
    tmp_path: Path, write: Write, name: str, file: str, text: str, says: str
) -> None:
    write(tmp_path)
    (tmp_path / file).write_text(text)
    with pytest.raises(DataError, match=says):
        load_dataset(name, folder=tmp_path)


@pytest.mark.parametrize(
    ("title", "release", "year"),
    [
        ("Colony Brasken (1987)", "", 1987),
        ("Colony Brasken (1987)", "01-Jan-1995", 1987),
        ("Colony Brasken (1987) (TV)", "", 1987),
        ("2001 Nights (1962)", "", 1962),
        ("The (1900) Game (1962)", "", 1962),
        ("A Series (1983-)", "", 1983),
        ("A Series (1983–1985)", "", 1983),
        ("Untitled", "14-Oct-1994", 1994),
        ("Number (12345)", "", np.nan),
        ("unknown", "", np.nan),
    ],
)
def test_the_year_of_a_film(title: str, release: str, year: float) -> None:
    assert year_of(title, release) == pytest.approx(year, nan_ok=True)


# -- where --


def test_the_order_of_places(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = RECORDS["ml-100k"]
    assert record.location() is None
    u_data(cache / "ml-100k")
    assert record.location() == cache / "ml-100k"
    monkeypatch.setenv("PENCHANT_DATA", str(tmp_path / "data"))
    assert record.location() == cache / "ml-100k"  # there is no such folder: the next place counts
    (tmp_path / "data" / "ml-100k").mkdir(parents=True)
    (tmp_path / "data" / "ml-100k" / "u.item").write_text(U_ITEM, encoding="utf-8")
    assert record.location() == cache / "ml-100k"  # no ratings in it
    u_data(tmp_path / "data" / "ml-100k")
    assert record.location() == tmp_path / "data" / "ml-100k"
    assert record.location(tmp_path / "other") is None  # a folder that is given is the only place
    u_data(tmp_path / "other" / "ml-100k")
    assert record.location(tmp_path / "other") == tmp_path / "other" / "ml-100k"
    assert record.location(str(tmp_path / "other" / "ml-100k")) == tmp_path / "other" / "ml-100k"
    assert fetch("ml-100k") == tmp_path / "data" / "ml-100k"  # here already: nothing is asked of any server


def test_the_publisher_s_name_of_the_folder_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dat(tmp_path / "ml-10M100K")
    monkeypatch.setenv("PENCHANT_DATA", str(tmp_path))
    assert len(load_dataset("ml-10m", download=False)) == 3


def test_the_cache_of_this_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENCHANT_CACHE")
    assert "penchant" in cache_folder().parts


def test_what_is_not_here_and_may_not_be_downloaded(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENCHANT_DATA", str(tmp_path / "data"))
    with pytest.raises(SourceError) as raised:
        load_dataset("ml-1m", download=False)
    message = str(raised.value)
    assert str(tmp_path / "data" / "ml-1m") in message
    assert str(cache / "ml-1m") in message
    assert "https://files.grouplens.org/datasets/movielens/ml-1m.zip" in message
    assert raised.value.exit_code == 6


# -- names --


def test_the_list() -> None:
    assert list(RECORDS) == [
        *("sample", "ml-100k", "ml-1m", "ml-10m", "ml-20m", "ml-25m", "ml-32m", "ml-latest-small"),
    ]
    for record in RECORDS.values():
        assert record.licence
        assert record.n_ratings > 0
        if not record.built_in:
            assert record.url.startswith("https://files.grouplens.org/datasets/movielens/ml-")
            assert record.megabytes > 0
            assert any(name in record.files for name in FORMATS[record.layout].ratings)
            assert set(record.sha256) <= set(record.files)


def test_unknown_names() -> None:
    with pytest.raises(SourceError, match="no dataset 'ML100k'; did you mean 'ml-100k'\\?"):
        load_dataset("ML100k")
    with pytest.raises(SourceError, match="no dataset 'netflix'; there are sample, ml-100k"):
        fetch("netflix")
    with pytest.raises(ParameterError, match="item is 'name': use None"):
        load_dataset("sample", item="name")


def test_the_sample_needs_nothing(tmp_path: Path) -> None:
    ratings = load_dataset("sample", download=False, folder=tmp_path)
    assert ratings.items.is_integer
    by_title = load_dataset("sample", item="title")
    assert by_title.items[0] == ratings.item_attributes["title"][0]
    assert np.array_equal(by_title.rating, ratings.rating)
    assert RECORDS["sample"].location() is None
    with pytest.raises(ParameterError, match="sample is built in"):
        fetch("sample")


# -- download --


def archive(files: dict[str, str], top: str = "ml-100k") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, text in files.items():
            opened.writestr(f"{top}/{name}", text.encode("latin-1"))
    return buffer.getvalue()


WHOLE = {"u.data": U_DATA, "u.item": U_ITEM, "u.user": U_USER, "u.genre": GENRES, "README": "Be kind.", "mku.sh": "rm"}


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        publish(site, archive(WHOLE))
        yield site


def publish(site: Site, content: bytes, md5: str | None = None) -> None:
    site.files["/ml-100k.zip"] = content
    md5 = md5 or hashlib.md5(content, usedforsecurity=False).hexdigest()
    site.files["/ml-100k.zip.md5"] = f"MD5 (ml-100k.zip) = {md5}\n".encode()


def mirrored(site: Site, **changes: object) -> Dataset:
    """The record of ml-100k, with the address of a server on this machine."""
    files = ("u.data", "u.item", "u.user", "u.genre")
    return replace(RECORDS["ml-100k"], url=f"{site.url}/ml-100k.zip", files=files, sha256={}, **changes)  # type: ignore[arg-type]


def contents(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_dataset_comes_once(site: Site, cache: Path) -> None:
    seen: list[int] = []
    place = fetch(mirrored(site), progress=lambda done, total: seen.append(done))
    assert place == cache / "ml-100k"
    assert seen[-1] == len(site.files["/ml-100k.zip"])
    assert contents(cache) == sorted(f"ml-100k/{name}" for name in WHOLE if name != "mku.sh")
    assert len(load_dataset(mirrored(site))) == 4
    assert len(site.asked("/ml-100k.zip")) == 1


def test_a_dataset_comes_when_it_is_loaded(site: Site, tmp_path: Path, cache: Path) -> None:
    site.cuts = [150, 0]  # of the MD5 and of the file: both are asked for again
    ratings = load_dataset(mirrored(site), folder=tmp_path / "mine")
    assert ratings.n_items == 3
    assert (tmp_path / "mine" / "ml-100k" / "README").read_text() == "Be kind."
    assert not cache.exists()


def test_what_is_not_what_was_published_is_refused(site: Site, cache: Path) -> None:
    publish(site, archive(WHOLE), md5="0" * 32)
    with pytest.raises(DownloadError, match=r"not the file that was published.*PENCHANT_DATA"):
        fetch(mirrored(site))
    assert contents(cache) == []


def test_files_are_checked_after_unpacking(site: Site, cache: Path) -> None:
    right = hashlib.sha256(U_DATA.encode()).hexdigest()
    wrong = replace(mirrored(site), sha256={"u.data": "0" * 64})
    with pytest.raises(DownloadError, match=r"u\.data is not the file that was published"):
        fetch(wrong)
    assert contents(cache) == []
    assert fetch(replace(mirrored(site), sha256={"u.data": right})).is_dir()


def test_without_a_published_md5_a_hash_that_we_know_is_needed(site: Site, cache: Path) -> None:
    del site.files["/ml-100k.zip.md5"]
    with pytest.raises(DownloadError, match=r"no http.*\.md5, and no hash of ml-100k is known"):
        fetch(mirrored(site))
    assert not site.asked("/ml-100k.zip")
    known = replace(mirrored(site), sha256={"u.data": hashlib.sha256(U_DATA.encode()).hexdigest()})
    assert len(load_dataset(known)) == 4
    (cache / "ml-100k" / "u.data").unlink()
    site.files["/ml-100k.zip"] = site.files["/ml-100k.zip"].replace(b"880000050", b"980000050")
    with pytest.raises(DownloadError, match=r"can't be unpacked: Bad CRC-32"):
        load_dataset(known)


def test_an_archive_of_another_shape(site: Site, cache: Path) -> None:
    publish(site, archive(WHOLE, top="elsewhere"))
    with pytest.raises(DownloadError, match=r"holds no ml-100k/u\.data"):
        fetch(mirrored(site))
    publish(site, archive(WHOLE | {"u.item": "x" * 70_000_000}))
    with pytest.raises(DownloadError, match=r"more than the 64,000,064 bytes expected"):
        fetch(mirrored(site, n_ratings=1, megabytes=100))
    assert contents(cache) == []


def test_a_folder_of_that_name_keeps_what_is_in_it(site: Site, cache: Path) -> None:
    (cache / "ml-100k").mkdir(parents=True)
    (cache / "ml-100k" / "notes.txt").write_text("mine")
    (cache / "ml-100k" / "u.item").write_text("old")
    fetch(mirrored(site))
    assert (cache / "ml-100k" / "notes.txt").read_text() == "mine"
    assert (cache / "ml-100k" / "u.item").read_text(encoding="latin-1") == U_ITEM


def test_without_a_network_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    with serving() as gone:
        record = mirrored(gone)
    with pytest.raises(DownloadError) as raised:
        load_dataset(record)
    message = str(raised.value)
    assert 0 < sum(pauses) < 10  # nobody waits long to hear that there is no network
    assert "ConnectionError" in message
    assert "Try again when the network allows, or get http" in message
    assert "let the environment variable PENCHANT_DATA name the folder that holds ml-100k" in message


def test_a_cache_that_cannot_be_written(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file where a folder should be")
    with pytest.raises(DownloadError, match=r"can't write to .*file"):
        fetch(mirrored(site), folder=tmp_path / "file")


def test_a_full_disk(site: Site, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", full)
    with pytest.raises(DownloadError, match=r"ml-100k can't be kept in .*: No space left on device"):
        fetch(mirrored(site))
    assert contents(cache) == []


def test_another_process_may_have_brought_it_meanwhile(
    site: Site, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contextlib import contextmanager

    from penchant import datasets

    @contextmanager
    def waited(lock: Path) -> Iterator[None]:
        u_data(cache / "ml-100k")
        yield

    monkeypatch.setattr(datasets, "only_one", waited)
    assert fetch(mirrored(site)) == cache / "ml-100k"
    assert site.requests == []


# -- MovieLens itself --


def test_movielens_100k(movielens_100k: Path) -> None:
    ratings = load_dataset("ml-100k", folder=movielens_100k)
    assert (len(ratings), ratings.n_users, ratings.n_items) == (100_000, 943, 1_682)
    assert ratings.report.n_duplicates == 0
    titles = ratings.titles()
    assert titles is not None
    assert len(set(titles.tolist())) == 1_664
    assert all(type(genres) is tuple for genres in ratings.item_attributes["genres"])
    assert np.isnan(ratings.item_attributes["year"]).sum() == 1  # the film called "unknown"
    assert sorted(set(ratings.user_attributes["sex"].tolist())) == ["F", "M"]
    occupations = (movielens_100k / "u.occupation").read_text().split()
    assert sorted(set(ratings.user_attributes["occupation"].tolist())) == sorted(occupations)
    for name, digest in RECORDS["ml-100k"].sha256.items():
        assert hashlib.sha256((movielens_100k / name).read_bytes()).hexdigest() == digest


def test_movielens_100k_by_title(movielens_100k: Path) -> None:
    ratings = load_dataset("ml-100k", folder=movielens_100k, item="title")
    assert ratings.n_items == 1_664
    assert len(ratings) + ratings.report.n_duplicates == 100_000


def test_movielens_1m(movielens_1m: Path) -> None:
    ratings = load_dataset("ml-1m", folder=movielens_1m)
    assert (len(ratings), ratings.n_users, ratings.n_items) == (1_000_209, 6_040, 3_706)
    assert not np.isnan(ratings.item_attributes["year"]).any()
    assert all(ratings.item_attributes["genres"])
    assert sorted(set(ratings.user_attributes["age"].tolist())) == [1, 18, 25, 35, 45, 50, 56]
    assert len(set(ratings.user_attributes["occupation"].tolist())) == 21
