"""Schedules against their definition, position by position."""

from __future__ import annotations

import math

import numpy as np
import pytest

from penchant.errors import ParameterError
from penchant.solvers.gradient.schedules import constant, flat_cos, lr_sweep, one_cycle


def cosine(start, end, at):
    return start + (1 + math.cos(math.pi * (1 - at))) * (end - start) / 2


def test_constant():
    schedule = constant(3, 0.01)
    assert schedule.lr.tolist() == [0.01] * 3
    assert schedule.mom.tolist() == [0.9] * 3
    assert len(schedule) == 3


def test_one_cycle_is_two_cosines():
    schedule = one_cycle(200, 0.1, div=20, div_final=1e4, pct_start=0.3)
    for step in range(200):
        at = step / 200
        lr = cosine(0.1 / 20, 0.1, at / 0.3) if at < 0.3 else cosine(0.1, 0.1 / 1e4, (at - 0.3) / 0.7)
        mom = cosine(0.95, 0.85, at / 0.3) if at < 0.3 else cosine(0.85, 0.95, (at - 0.3) / 0.7)
        assert schedule.lr[step] == pytest.approx(lr)
        assert schedule.mom[step] == pytest.approx(mom)


def test_flat_cos_is_flat_first():
    schedule = flat_cos(100, 0.1)
    assert (schedule.lr[:76] == 0.1).all()
    assert schedule.lr[90] == pytest.approx(cosine(0.1, 0.1 / 1e5, 0.6))
    assert (schedule.mom == 0.9).all()


@pytest.mark.parametrize("pct_start", [0.0, 1.0])
def test_a_cycle_may_have_one_part_only(pct_start):
    lr = one_cycle(10, 0.1, pct_start=pct_start).lr
    assert (np.diff(lr) > 0).all() if pct_start else (np.diff(lr) < 0).all()


def test_a_sweep_has_equal_factors():
    lr = lr_sweep(100, 1e-7, 10).lr
    assert lr[0] == 1e-7
    np.testing.assert_allclose(lr[1:] / lr[:-1], 1e8 ** (1 / 100))


def test_parts_are_slices():
    schedule = one_cycle(10, 0.1)
    assert schedule.part(3, 5).lr.tolist() == schedule.lr[3:5].tolist()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: constant(0, 0.1),
        lambda: constant(5, 0.0),
        lambda: constant(5, float("nan")),
        lambda: constant(5, 0.1, 1.0),
        lambda: one_cycle(5, 0.1, div=0),
        lambda: one_cycle(5, 0.1, pct_start=1.5),
        lambda: flat_cos(5, 0.1, pct_start=-0.1),
        lambda: lr_sweep(5, 0.1, 0.1),
    ],
)
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(ParameterError):
        wrong()
