"""Cross-validation and comparison against doing the same by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

import penchant as pt
from penchant.errors import ParameterError
from penchant.evaluation.scorecard import Scores
from penchant.fitting.cross_validation import _BASELINES, CrossValidation
from penchant.solvers.als import ALS

BASELINES = ["global mean", "item mean", "bias only", "most rated"]
ORDERS = ["stars", "choice"]
SMALL = ALS(n_factors=2, n_epochs=4)


@pytest.fixture(scope="module")
def ratings():
    return pt.load_dataset("sample")


@pytest.fixture(scope="module")
def result(ratings):
    return pt.cross_validate(ratings, SMALL, n_folds=3, rng=8)


# -- cross_validate --


def test_folds_are_those_of_k_folds(ratings, result):
    by_hand = [pt.fit(train, SMALL).evaluate(test) for train, test in pt.splits.k_folds(ratings, 3, rng=8)]
    assert [fold.to_dict() for fold in result.folds] == [fold.to_dict() for fold in by_hand]
    assert sum(fold.n_ratings for fold in result.folds) == len(ratings)


def test_interval_is_student_t(result):
    values = result.fold_table
    assert values.shape == (3, 13)
    for metric, row in result.table.iterrows():
        low, high = scipy.stats.t.interval(0.95, 2, values[metric].mean(), scipy.stats.sem(values[metric]))
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((low, high))
        assert row["mean"] == pytest.approx(values[metric].mean())


def test_baselines_stand_beside_the_model(result):
    assert result.table.columns.tolist() == ["mean", "ci_low", "ci_high", *ORDERS, *BASELINES]
    for name in BASELINES:
        for metric in ("mse", "ndcg"):
            wanted = np.mean([getattr(fold.baselines[name], metric) for fold in result.folds])
            row = result.table.loc[metric if metric == "mse" else "ndcg@10"]
            assert row[name] == pytest.approx(wanted, nan_ok=True)
    assert result.to_dict()["scores"]["mse"]["most rated"] is None
    assert "NaN" not in str(result)


def test_text_and_json(result):
    lines = str(result).splitlines()
    assert repr(result) == str(result)
    assert [line.split()[0] for line in lines[1:-1]] == list(result.table.index)
    assert lines[-1].startswith("3 folds; 95%")
    assert "approximate" in result._repr_html_()
    kept = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert kept["scores"]["rmse"]["mean"] == result.table.loc["rmse", "mean"]
    assert len(kept["folds"]) == 3


def test_a_metric_that_some_fold_lacks_is_unknown(result):
    changed = CrossValidation((replace(result.folds[0], ndcg=math.nan, coverage=math.nan), *result.folds[1:]))
    table = changed.table
    assert table.loc["ndcg@10", ["mean", "ci_low", "ci_high"]].isna().all()
    assert table.loc["rmse"].drop(["most rated", *ORDERS]).notna().all()
    assert changed.to_dict()["scores"]["ndcg@10"]["mean"] is None


def test_settings_reach_the_scorecards(ratings):
    epochs = []
    result = pt.cross_validate(
        ratings, ALS(n_factors=0, n_epochs=2), n_folds=2, k=3, relevant=5, progress=epochs.append
    )
    assert {(fold.k, fold.relevant) for fold in result.folds} == {(3, 5.0)}
    assert "recall@3" in result.table.index
    assert [record.epoch for record in epochs] == [0, 1, 0, 1]


def test_cross_validate_refuses(ratings):
    with pytest.raises(ParameterError, match="k is 1"):
        pt.cross_validate(ratings, SMALL, n_folds=1)
    with pytest.raises(ParameterError, match="k is 0"):
        pt.cross_validate(ratings, SMALL, k=0)


# -- compare --


def test_rows_are_those_of_evaluate(ratings):
    solvers = {"small": SMALL, "biases": ALS(n_factors=0)}
    table = pt.compare(ratings, solvers, test_size=0.3, rng=4, k=5)
    assert table.index.tolist() == ["small", "biases", *BASELINES]
    train, test = ratings.split(0.3, rng=4)
    for name, solver in solvers.items():
        card = pt.fit(train, solver).evaluate(test, k=5)
        assert table.loc[name].drop("seconds").to_dict() == card.columns(5)
    assert table.loc["item mean"].drop("seconds").to_dict() == card.baselines["item mean"].columns(5)
    assert (table.loc[["small", "biases"], "seconds"] > 0).all()
    assert table.loc[BASELINES, "seconds"].isna().all()


def test_a_split_is_taken_as_it_is(ratings):
    split = pt.splits.last_n(ratings, 2)
    table = pt.compare(split, [SMALL])
    card = pt.fit(split.train, SMALL).evaluate(split.test)
    assert table.loc["als(n_factors=2, n_epochs=4)", "rmse"] == card.rmse
    assert len(table.columns) == len(Scores.__dataclass_fields__) + 1


def test_a_solver_with_defaults_is_named_by_its_name(ratings):
    assert pt.compare(ratings, [ALS()]).index[0] == "als"


@pytest.mark.parametrize(
    ("solvers", "message"),
    [
        ({}, "no solver"),
        ([SMALL, SMALL], "two of the solvers are the same"),
        ({"item mean": SMALL}, "can't be called 'item mean'"),
        ({"most rated": SMALL}, "can't be called 'most rated'"),
        (iter([]), "no solver"),
        ([SMALL, ALS], "one of the solvers is .*: use a solver with its hyper-parameters"),
        ({"a": "als"}, "one of the solvers is 'als'"),
        (SMALL, r"solvers is ALS\(.*: use a list of solvers"),
        ("als", "solvers is 'als': use a list of solvers"),
    ],
)
def test_compare_refuses_names_before_it_trains(ratings, solvers, message, monkeypatch):
    monkeypatch.setattr("penchant.fitting.cross_validation.fit", lambda *_, **__: pytest.fail("trained in vain"))
    with pytest.raises(ParameterError, match=message):
        pt.compare(ratings, solvers)


@pytest.mark.parametrize("several", [tuple, iter])
def test_solvers_come_in_anything_that_can_be_gone_through(ratings, several):
    table = pt.compare(ratings, several([SMALL, ALS(n_factors=0)]))
    assert table.index.tolist() == ["als(n_factors=2, n_epochs=4)", "als(n_factors=0)", *BASELINES]


def test_the_names_of_the_baselines_are_known(ratings):
    assert list(pt.fit(ratings, SMALL).evaluate(ratings).baselines) == list(_BASELINES)


def test_what_is_no_ratings_is_refused(ratings):
    frame = ratings.to_frame()
    with pytest.raises(ParameterError, match="ratings is a DataFrame: make Ratings of it first"):
        pt.cross_validate(frame, SMALL)
    with pytest.raises(ParameterError, match="ratings is a DataFrame: make Ratings of it first"):
        pt.compare(frame, [SMALL])


def test_relevant_is_looked_at_before_the_training(ratings, monkeypatch):
    monkeypatch.setattr("penchant.fitting.cross_validation.fit", lambda *_, **__: pytest.fail("trained in vain"))
    for wrong in ("4", 6):
        with pytest.raises(ParameterError, match=f"relevant is {wrong!r}: use a rating on the scale, 1 to 5"):
            pt.cross_validate(ratings, SMALL, relevant=wrong)
        with pytest.raises(ParameterError, match=f"relevant is {wrong!r}"):
            pt.compare(ratings, [SMALL], relevant=wrong)


def test_compare_refuses_numbers(ratings):
    with pytest.raises(ParameterError, match="k is 0"):
        pt.compare(ratings, [SMALL], k=0)
    with pytest.raises(ParameterError, match=r"test_size is 1\.5"):
        pt.compare(ratings, [SMALL], test_size=1.5)


# -- against what is known --


def test_errors_on_movielens_are_below_those_of_the_baselines(movielens_100k):
    ratings = pt.load_dataset("ml-100k")
    table = pt.compare(ratings, {"als": ALS()})
    assert table["rmse"].idxmin() == "als"
    # Of those that predict ratings: lists of what is most rated are better than any in the order of predictions.
    assert table["ndcg@10"].drop("most rated").idxmax() == "als"


def test_ctrl_c_ends_a_cross_validation_and_a_comparison(ratings: pt.Ratings) -> None:
    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pt.cross_validate(ratings, SMALL, n_folds=2, progress=stop)
    with pytest.raises(KeyboardInterrupt):
        pt.compare(ratings, [SMALL], progress=stop)


def test_the_table_comes_first(ratings):
    for call in (lambda: pt.cross_validate(SMALL, ratings), lambda: pt.compare([SMALL], ratings)):
        with pytest.raises(ParameterError, match="table first"):
            call()


def test_choices_are_cross_validated_too(ratings):
    learner = pt.ChoiceALS(n_factors=4, reg=3.0, n_epochs=2)
    table = pt.cross_validate(ratings.choices(), learner, n_folds=2).table
    assert math.isnan(table.loc["rmse", "mean"])
    assert table.loc["ndcg@10", "mean"] > 0
    alone = pt.compare(ratings, [SMALL], choices=False)
    assert alone.loc["als(n_factors=2, n_epochs=4)", "ndcg@10"] != pt.compare(ratings, [SMALL]).iloc[0]["ndcg@10"]
