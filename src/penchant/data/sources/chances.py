"""Chances that an item is among the n that somebody draws, one after the other and without replacement."""

from __future__ import annotations

import numpy as np

from penchant.arrays.types import BoolArray, Float64Array

__all__ = ["chance_of_being_drawn"]


def chance_of_being_drawn(log_weights: Float64Array, n: int) -> Float64Array:
    """The chance of each item to be among n draws without replacement, each in proportion to exp(log_weight).

    The draws are those of the Gumbel-max trick: the n largest of log_weight + Gumbel noise. Seen as clocks, item i
    rings at a time T_i ~ Exp(w_i), and is drawn if fewer than n of the others have rung before, so

        P(i drawn)  =  integral over t of  w_i exp(-w_i t)  P(fewer than n others have rung by t)  dt

    How many others have rung is a sum of independent events of chances p_j = 1 - exp(-w_j t). Its distribution over all
    items is built up event by event; item i is then taken out again by division, from the end at which that is stable.
    The integrand is smooth in log t, where the trapezoidal rule converges faster than any power of its step.

    Args:
        log_weights: one an item, shape (n_items,).
        n: how many are drawn, 0 to n_items.

    Returns:
        Chances, float64, shape (n_items,); their sum is n.

    >>> chance_of_being_drawn(np.log([1.0, 1.0, 2.0]), 1).round(6).tolist()
    [0.25, 0.25, 0.5]
    """
    n_items = len(log_weights)
    if n in (0, n_items):
        return np.full(n_items, float(n > 0))
    rates = np.exp(log_weights - log_weights.max())
    step = min(0.1, 0.6 / np.sqrt(n_items))
    log_t = np.arange(np.log(1e-10), np.log(40 / rates.min()), step)
    passed = -np.exp(log_t)[:, None] * rates  # log of the chance that an item has not rung, shape (n_nodes, n_items)
    rung, silent = -np.expm1(passed), np.exp(passed)
    fewer = _fewer_without(rung, silent, n)
    density = -passed * silent  # w t exp(-w t): per unit of log t
    chances: Float64Array = step * np.einsum("ti,ti->i", density, fewer)
    return np.clip(chances, 0, 1)


def _fewer_without(rung: Float64Array, silent: Float64Array, n: int) -> Float64Array:
    """P(fewer than n of the other items have rung), for each time and item, shape (n_nodes, n_items)."""
    n_nodes, n_items = rung.shape
    number = np.zeros((n_items + 1, n_nodes))  # the distribution of how many have rung, one row a number
    number[0] = 1
    for item in range(n_items):
        number[1:] = number[1:] * silent[:, item] + number[:-1] * rung[:, item]
        number[0] *= silent[:, item]
    early = rung <= 0.5
    below = _from_below(number, rung, silent, early, n)
    above = _from_above(number, rung, silent, early, n)
    return np.clip(np.where(early, below, 1 - above), 0, 1)


def _from_below(
    number: Float64Array, rung: Float64Array, silent: Float64Array, early: BoolArray, n: int
) -> Float64Array:
    """The sum of P(k others) for k < n: number_k = others_k silent + others_(k-1) rung, solved upwards."""
    others = np.zeros_like(rung)
    total = np.zeros_like(rung)
    divisor = np.where(early, silent, 1)
    for k in range(n):
        others = np.where(early, (number[k][:, None] - others * rung) / divisor, 0)
        total += others
    return total


def _from_above(
    number: Float64Array, rung: Float64Array, silent: Float64Array, early: BoolArray, n: int
) -> Float64Array:
    """The sum of P(k others) for k >= n: the same equation, solved downwards from all but one."""
    others = np.zeros_like(rung)
    total = np.zeros_like(rung)
    divisor = np.where(early, 1, rung)
    for k in range(len(number) - 2, n - 1, -1):
        others = np.where(early, 0, (number[k + 1][:, None] - others * silent) / divisor)
        total += others
    return total
