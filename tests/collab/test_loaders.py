"""Data loaders beside fastai's: the same splits, classes, codes and batches; and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

torch = pytest.importorskip("torch", reason="penchant.collab needs torch")
from tests.collab.make_fastai_reference import table  # noqa: E402

import penchant as pt  # noqa: E402
from penchant.collab import CollabDataLoaders, get_emb_sz  # noqa: E402
from penchant.errors import ColumnError, DataError, ParameterError, SourceError, UnknownIdError  # noqa: E402

REFERENCE = json.loads((Path(__file__).parents[1] / "files" / "fastai-reference.json").read_text("utf-8"))


@pytest.mark.parametrize("seed", [0, 42])
def test_splits_classes_and_codes_are_those_of_fastai(seed):
    frame = table()
    dls = CollabDataLoaders.from_df(frame, item_name="title", seed=seed, bs=16)
    train, valid = REFERENCE[f"split {seed}"]
    assert {name: [str(each) for each in values] for name, values in dls.classes.items()} == REFERENCE[
        f"classes {seed}"
    ]
    assert dls.valid.x.tolist() == REFERENCE[f"codes {seed}"]
    assert dls.valid.y[:, 0].tolist() == frame.rating.iloc[valid].tolist()
    assert dls.train.y[:, 0].tolist() == frame.rating.iloc[train].tolist()
    assert [list(size) for size in get_emb_sz(dls)] == REFERENCE[f"embeddings {seed}"]


def test_without_a_seed_the_split_is_drawn_by_torch():
    frame = table()
    torch.manual_seed(5)
    dls = CollabDataLoaders.from_df(frame, item_name="title", bs=16)
    train, valid = REFERENCE["split after torch.manual_seed(5)"]
    assert dls.train.y[:, 0].tolist() == frame.rating.iloc[train].tolist()
    assert dls.valid.y[:, 0].tolist() == frame.rating.iloc[valid].tolist()
    assert [len(dls.train), len(dls.valid), dls.train.bs, dls.valid.bs] == REFERENCE["batches"]


def test_a_seed_leaves_the_global_generator_alone():
    torch.manual_seed(9)
    before = torch.get_rng_state()
    CollabDataLoaders.from_df(table(), seed=1)
    assert torch.equal(before, torch.get_rng_state())


def test_the_callers_table_stays_as_it_is():
    frame = table()
    before = frame.copy()
    CollabDataLoaders.from_df(frame, item_name="title").test_dl(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_batches():
    dls = CollabDataLoaders.from_df(table(), item_name="title", bs=10, val_bs=7)
    x, y = dls.one_batch()
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((10, 2), torch.int64, (10, 1), torch.float32)
    assert [len(batch[0]) for batch in dls.train] == [10] * 9  # 96 ratings: six are left over
    assert [len(batch[0]) for batch in dls.valid] == [7, 7, 7, 3]
    seen = torch.cat([batch[1] for batch in dls.valid])
    assert torch.equal(seen, dls.valid.y)
    assert (dls.bs, dls.device, len(dls), dls[0] is dls.train, list(dls) == [dls.train, dls.valid]) == (
        10,
        torch.device("cpu"),
        2,
        True,
        True,
    )


def test_every_epoch_has_another_order_and_every_rating_at_most_once():
    dls = CollabDataLoaders.from_df(table(), bs=10, valid_pct=0.25)
    orders = [dls.train.order() for _ in range(2)]
    assert not np.array_equal(*orders)
    assert all(len(np.unique(order)) == 90 for order in orders)
    assert dls.valid.order().tolist() == list(range(30))


def test_what_is_shown_are_ids_titles_and_whole_stars(capsys):
    frame = table()
    dls = CollabDataLoaders.from_df(frame, item_name="title", seed=1, bs=16)
    shown = dls.train.batch_frame(5)
    assert list(shown.columns) == ["user", "title", "rating"]
    assert len(shown) == 5
    assert shown.rating.dtype == np.int64
    known = set(map(tuple, frame[["user", "title", "rating"]].to_numpy().tolist()))
    assert set(map(tuple, shown.to_numpy().tolist())) <= known
    dls.show_batch(max_n=3)
    assert "title" in capsys.readouterr().out
    everything = [loader.decoded(loader.x, loader.y)[["title", "rating"]] for loader in dls]
    both = pd.concat(everything).sort_values(["title", "rating"])
    assert both.to_numpy().tolist() == frame[["title", "rating"]].sort_values(["title", "rating"]).to_numpy().tolist()


def test_columns_by_name_and_by_place():
    frame = table().rename(columns={"title": "film"}).assign(when=1)
    dls = CollabDataLoaders.from_df(frame[["when", "film", "user", "rating"]], 0.2, "user", "film", "rating")
    assert (dls.user_name, dls.item_name, dls.rating_name) == ("user", "film", "rating")
    assert list(dls.classes) == ["user", "film"]
    first = CollabDataLoaders.from_df(frame)
    assert (first.user_name, first.item_name, first.rating_name) == ("user", "film", "rating")


def test_other_tables_and_files(tmp_path):
    polars = pytest.importorskip("polars")
    frame = table()
    whole = CollabDataLoaders.from_df(frame, seed=3)
    frame.to_csv(tmp_path / "ratings.csv", index=False)
    for other in (
        CollabDataLoaders.from_df(polars.from_pandas(frame), seed=3),
        CollabDataLoaders.from_csv(tmp_path / "ratings.csv", seed=3),
    ):
        assert torch.equal(whole.train.x, other.train.x)
        assert torch.equal(whole.valid.y, other.valid.y)
    sample = CollabDataLoaders.from_df(pt.load_dataset("sample"), seed=3)
    assert len(sample.train.x) + len(sample.valid.x) == len(pt.load_dataset("sample"))


def test_categories_and_text_count_wherever_they_stand_and_numbers_in_training():
    frame = pd.DataFrame({"user": [1, 2, 3, 4] * 5, "film": list("abcd") * 5, "rating": [3.5] * 20})
    frame.loc[0, "user"], frame.loc[0, "film"] = 99, "z"
    seed = next(
        s for s in range(50) if 0 in torch.randperm(20, generator=torch.Generator().manual_seed(s))[:4].tolist()
    )
    dls = CollabDataLoaders.from_df(frame, seed=seed, bs=4)
    assert 99 not in dls.classes["user"]
    assert "z" in dls.classes["film"]
    assert (dls.valid.x[:, 0] == 0).sum() == 1
    assert dls.classes["user"][0] == "#na#"
    assert dls.valid.batch_frame().rating.tolist() == [3.5] * 4
    frame["film"] = pd.Categorical(frame.film, categories=list("zdcbay"))
    assert CollabDataLoaders.from_df(frame, bs=4).classes["film"].items == ["#na#", *"zdcbay"]


def test_a_loader_of_new_pairs():
    dls = CollabDataLoaders.from_df(table(), item_name="title", seed=1)
    user, title = dls.classes["user"][1], dls.classes["title"][2]
    asked = pd.DataFrame({"title": [title, "Nobody knows it"], "user": [user, user]})
    loader = dls.test_dl(asked)
    assert loader.x.tolist() == [[1, 2], [1, 0]]
    assert loader.y is None
    assert [len(batch) for batch in loader] == [1]
    assert dls.test_dl(asked.assign(rating=[5, 1])).y.tolist() == [[5], [1]]
    with pytest.raises(ColumnError, match="title"):
        dls.test_dl(asked.drop(columns="title"))


def test_unknown_titles_are_named_and_near_ones_suggested():
    dls = CollabDataLoaders.from_df(table(), item_name="title", seed=1)
    title = dls.classes["title"][5]
    with pytest.raises(KeyError, match="did you mean") as caught:
        dls.classes["title"].o2i[title[:-2]]
    assert isinstance(caught.value, UnknownIdError)
    assert title in str(caught.value)


def test_loaders_without_ratings():
    dls = CollabDataLoaders.empty("user", "title", "rating", [3, 1], ["b", "a"])
    assert dls.classes["user"].items == ["#na#", 3, 1]
    assert (len(dls.train), len(dls.valid), list(dls.valid)) == (0, 0, [])
    assert len(dls.train.batch_frame()) == 0
    with pytest.raises(DataError, match="no batch"):
        dls.one_batch()


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda f: f.iloc[:0], DataError, "no rows"),
        (lambda f: f[["user", "rating"]], ColumnError, "users, of items and of ratings"),
        (lambda f: f.assign(rating=[None, *f.rating[1:]]), DataError, "rating in row 0"),
        (lambda f: f.assign(rating=f.rating.astype(object).where(f.index != 4, "good")), DataError, "row 4.*'good'"),
        (lambda f: f.assign(rating=f.rating.astype(float).where(f.index != 4, np.inf)), DataError, "row 4.*inf"),
        (lambda f: f.assign(title=f.title.where(f.index != 7)), DataError, "row 7 has no 'title'"),
        (lambda f: f.assign(user=f.user.astype(float).where(f.index != 7)), DataError, "row 7 has no 'user'"),
        (lambda f: f.assign(title=f.title.where(f.index != 7, 3)), DataError, "no order"),
        (lambda f: f.set_axis(["user", "user", "rating"], axis=1), ColumnError, "column of its own|several columns"),
        (lambda f: f.to_numpy(), ParameterError, "DataFrame"),
    ],
)
def test_tables_that_are_refused(change, error, said):
    with pytest.raises(error, match=said):
        CollabDataLoaders.from_df(change(table()))


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"valid_pct": 1.0}, ParameterError, "valid_pct"),
        ({"valid_pct": -0.1}, ParameterError, "valid_pct"),
        ({"bs": 0}, ParameterError, "bs"),
        ({"val_bs": 2.5}, ParameterError, "val_bs"),
        ({"bs": 1000}, ParameterError, "96 ratings"),
        ({"seed": "one"}, ParameterError, "seed"),
        ({"item_name": "titel"}, ColumnError, "did you mean 'title'"),
        ({"user_name": "rating"}, ColumnError, "column of its own"),
    ],
)
def test_arguments_that_are_refused(given, error, said):
    with pytest.raises(error, match=said):
        CollabDataLoaders.from_df(table(), **given)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(SourceError, match=r"no\.csv"):
        CollabDataLoaders.from_csv(tmp_path / "no.csv")
