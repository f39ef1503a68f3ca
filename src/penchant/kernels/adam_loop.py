"""Adam for dot products plus biases: one fused loop over mini-batches, which touches only the rows of each batch.

Adam moves every parameter at every step, also those of rows without a rating in the batch: their gradient is zero, but
their moments are not, and weights decay. Instead of visiting all rows 1,250 times an epoch, a row is brought up to date
when a batch next needs it. With a gradient of zero from step s + 1 to t, the steps of one parameter add up to

    p_t  =  D(s, t) p_s  -  m_s sum_(j = s + 1 .. t)  c_j / (sqrt(v_s) d_j + eps)

    c_j  =  lr_j / (1 - mom_j^j)  D(j, t)  prod_(i = s + 1 .. j) mom_i
    d_j  =  sqrt(sqr_mom^(j - s) / (1 - sqr_mom^j)),     D(j, t)  =  prod_(i = j + 1 .. t) (1 - lr_i wd)

which is exact, and one division a step and parameter, in straight lines over the row. The sum ends early where the
product of momenta leaves nothing to add.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array, Int32Array, Int64Array
from penchant.kernels.jit import kernel

__all__ = ["_LANES", "Side", "Steps", "adam_batches", "catch_up_rows", "row_width"]

_LANES = 8
_NOTHING_LEFT = 1e-9  # share of a mean of gradients that is left, at which it no longer moves a float32


class Side(NamedTuple):
    """Rows of one side and their moments, all of shape (n_rows, width) but `updated`.

    Attributes:
        rows: users [p, b, 0, 0 ...] and items [q, 0, b, 0 ...], float32: a product of two rows is then p . q alone.
        mean, square: m and v, running means of gradients and of their squares.
        updated: step up to which a row is as Adam leaves it, int64, shape (n_rows,).
        slots: where the row's gradient of this batch is, int32, -1 outside of a batch, shape (n_rows,).
        bias: column of the bias.
    """

    rows: Float32Array
    mean: Float32Array
    square: Float32Array
    updated: Int64Array
    slots: Int32Array
    bias: int


class Batch(NamedTuple):
    """The rows of one side that a batch has ratings of.

    Attributes:
        gradients: of these rows, float32, shape (batch size, width).
        touched: their row numbers, int32, shape (batch size,). Only as many as there are different rows are in use.
    """

    gradients: Float32Array
    touched: Int32Array


class Steps(NamedTuple):
    """What the steps of a run have in common; element j of an array of shape (n_steps + 1,) belongs to its step j.

    Attributes:
        first: steps taken before the run; step j of the run is step t = first + j of the training.
        rate: lr_t / (1 - mom_t^t) / kept; element 0 is not used.
        mom: momentum; element 0 is not used.
        kept: prod_(i = 1 .. j) (1 - lr_i wd).
        scale: sqrt(1 / (1 - sqr_mom^t)); element 0 is not used.
        sqr_mom, eps: as in the equation.
        mu: added to every product.
        lo, hi: ends of the sigmoid, equal where there is none.
    """

    first: int
    rate: Float64Array
    mom: Float64Array
    kept: Float64Array
    scale: Float64Array
    sqr_mom: float
    eps: float
    mu: float
    lo: float
    hi: float


def row_width(n_factors: int) -> int:
    """Columns of a row: factors, two biases, and zeros up to whole vectors."""
    return -(-(n_factors + 2) // _LANES) * _LANES


@kernel
def _gather(order: Int64Array, start: int, stop: int, rows_of: Int32Array, side: Side, batch: Batch) -> int:
    """Find the rows of a batch, each once, and give them a gradient of zero; how many they are."""
    n_rows = 0
    for at in range(start, stop):
        row = rows_of[order[at]]
        if side.slots[row] < 0:
            side.slots[row] = n_rows
            batch.touched[n_rows] = row
            n_rows += 1
    batch.gradients[:n_rows] = np.float32(0)
    return n_rows


@kernel
def _catch_up(side: Side, touched: Int32Array, n_rows: int, step: int, steps: Steps) -> None:
    """Take the steps of rows without gradients, from where each is up to `step` of the run."""
    p, m, v = side.rows, side.mean, side.square
    width = p.shape[1]
    sums, root = np.empty(width, np.float32), np.empty(width, np.float32)
    eps, fading, kept = np.float32(steps.eps), math.sqrt(steps.sqr_mom), steps.kept[step]
    for place in range(n_rows):
        row = touched[place]
        start = side.updated[row] - steps.first
        if start >= step:
            continue
        side.updated[row] = steps.first + step
        for k in range(width):
            sums[k] = np.float32(0)
            root[k] = math.sqrt(v[row, k])
        left, faded = 1.0, 1.0
        for j in range(start + 1, step + 1):
            left *= steps.mom[j]
            faded *= fading
            if left < _NOTHING_LEFT:
                left = 0.0
                break
            c = np.float32(steps.rate[j] * kept * left)
            d = np.float32(faded * steps.scale[j])
            for k in range(width):
                sums[k] += c / (root[k] * d + eps)
        whole, still = np.float32(kept / steps.kept[start]), np.float32(steps.sqr_mom ** (step - start))
        for k in range(width):
            p[row, k] = p[row, k] * whole - m[row, k] * sums[k]
            m[row, k] *= np.float32(left)
            v[row, k] *= still


@kernel
def _add_gradients(
    order: Int64Array,
    start: int,
    stop: int,
    user_idx: Int32Array,
    item_idx: Int32Array,
    rating: Float32Array,
    users: Side,
    items: Side,
    user_batch: Batch,
    item_batch: Batch,
    steps: Steps,
) -> float:
    """Gradients of the mean squared error of a batch, added up by row; the error itself."""
    p, q, g, h = users.rows, items.rows, user_batch.gradients, item_batch.gradients
    bu, bi, width = users.bias, items.bias, users.rows.shape[1]
    lanes = np.empty(_LANES, np.float32)
    one, span = np.float32(1), np.float32(steps.hi - steps.lo)
    total = 0.0
    for at in range(start, stop):
        where = order[at]
        u, i = user_idx[where], item_idx[where]
        for lane in range(_LANES):
            lanes[lane] = np.float32(0)
        for k in range(0, width, _LANES):
            for lane in range(_LANES):
                lanes[lane] += p[u, k + lane] * q[i, k + lane]
        predicted = p[u, bu] + q[i, bi] + np.float32(steps.mu)
        for lane in range(_LANES):
            predicted += lanes[lane]
        slope = one
        if span > 0:
            share = one / (one + math.exp(-predicted))
            predicted = share * span + np.float32(steps.lo)
            slope = span * share * (one - share)
        error = predicted - rating[where]
        total += error * error
        pull = np.float32(2.0 / (stop - start)) * error * slope
        s, t = users.slots[u], items.slots[i]
        for k in range(width):
            g[s, k] += pull * q[i, k]
            h[t, k] += pull * p[u, k]
        g[s, bu] += pull
        h[t, bi] += pull
        g[s, bi] = np.float32(0)  # where the other side keeps its bias
        h[t, bu] = np.float32(0)
    return total / (stop - start)


@kernel
def _step(side: Side, batch: Batch, n_rows: int, step: int, steps: Steps) -> None:
    """One step of Adam for the rows of a batch."""
    p, m, v, g = side.rows, side.mean, side.square, batch.gradients
    mom, sqr_mom, one = np.float32(steps.mom[step]), np.float32(steps.sqr_mom), np.float32(1)
    decay = np.float32(steps.kept[step] / steps.kept[step - 1])
    rate = np.float32(steps.rate[step] * steps.kept[step])
    scale, eps = np.float32(steps.scale[step]), np.float32(steps.eps)
    for slot in range(n_rows):
        row = batch.touched[slot]
        side.slots[row] = -1
        side.updated[row] = steps.first + step
        for k in range(p.shape[1]):
            m[row, k] = mom * m[row, k] + (one - mom) * g[slot, k]
            v[row, k] = sqr_mom * v[row, k] + (one - sqr_mom) * g[slot, k] * g[slot, k]
            p[row, k] = decay * p[row, k] - rate * m[row, k] / (math.sqrt(v[row, k]) * scale + eps)


@kernel
def adam_batches(
    order: Int64Array,
    batch_size: int,
    user_idx: Int32Array,
    item_idx: Int32Array,
    rating: Float32Array,
    users: Side,
    items: Side,
    steps: Steps,
    losses: Float32Array,
) -> None:
    """One step of Adam a batch, all of the mean squared error of

        eta = p_u . q_i + b_u + b_i + mu,     prediction = eta, or lo + (hi - lo) / (1 + exp(-eta))

    Rows that a batch does not touch fall behind: `catch_up_rows` brings all up to date.

    Args:
        order: positions in the three arrays that follow, batch after batch, shape (n_steps * batch_size,).
        batch_size: ratings of a batch.
        user_idx, item_idx, rating: the training table.
        users, items: parameters and moments, changed in place.
        steps: what the steps have in common.
        losses: set to the loss of each batch before its step, shape (n_steps,).
    """
    width = users.rows.shape[1]
    user_batch = Batch(np.empty((batch_size, width), np.float32), np.empty(batch_size, np.int32))
    item_batch = Batch(np.empty((batch_size, width), np.float32), np.empty(batch_size, np.int32))
    for step in range(1, len(losses) + 1):
        start, stop = (step - 1) * batch_size, step * batch_size
        n_users = _gather(order, start, stop, user_idx, users, user_batch)
        n_items = _gather(order, start, stop, item_idx, items, item_batch)
        _catch_up(users, user_batch.touched, n_users, step - 1, steps)
        _catch_up(items, item_batch.touched, n_items, step - 1, steps)
        losses[step - 1] = _add_gradients(
            order, start, stop, user_idx, item_idx, rating, users, items, user_batch, item_batch, steps
        )
        _step(users, user_batch, n_users, step, steps)
        _step(items, item_batch, n_items, step, steps)


@kernel
def catch_up_rows(side: Side, step: int, steps: Steps) -> None:
    """Take the steps that rows have not taken yet, up to `step` of the run."""
    _catch_up(side, np.arange(len(side.rows)).astype(np.int32), len(side.rows), step, steps)


def adam_batches_readable(
    order: Int64Array,
    batch_size: int,
    user_idx: Int32Array,
    item_idx: Int32Array,
    rating: Float32Array,
    users: Side,
    items: Side,
    steps: Steps,
    losses: Float32Array,
) -> None:
    """What `adam_batches` and then `catch_up_rows` of both sides do: every row at every step, in NumPy."""
    p, q, bu, bi = users.rows, items.rows, users.bias, items.bias
    for step, batch in enumerate(order.reshape(-1, batch_size), start=1):
        u, i = user_idx[batch], item_idx[batch]
        eta = np.einsum("nk,nk->n", p[u], q[i]) + p[u, bu] + q[i, bi] + steps.mu
        predicted, slope = eta, np.ones_like(eta)
        if steps.hi > steps.lo:
            share = 1 / (1 + np.exp(-eta))
            predicted = steps.lo + (steps.hi - steps.lo) * share
            slope = (steps.hi - steps.lo) * share * (1 - share)
        error = predicted - rating[batch]
        losses[step - 1] = np.mean(error**2)
        pull = (2 / batch_size * error * slope)[:, None]
        gradients = np.zeros_like(p), np.zeros_like(q)
        for gradient, rows, other, mine, theirs in ((gradients[0], u, q[i], bu, bi), (gradients[1], i, p[u], bi, bu)):
            np.add.at(gradient, rows, pull * other)
            gradient[:, theirs] = 0
            np.add.at(gradient[:, mine], rows, pull[:, 0])
        for side, gradient in zip((users, items), gradients, strict=True):
            _step_readable(side, gradient, step, steps)


def _step_readable(side: Side, gradient: Float32Array, step: int, steps: Steps) -> None:
    mom, sqr_mom = steps.mom[step], steps.sqr_mom
    side.rows[:] *= steps.kept[step] / steps.kept[step - 1]
    side.mean[:] = mom * side.mean + (1 - mom) * gradient
    side.square[:] = sqr_mom * side.square + (1 - sqr_mom) * gradient**2
    rate = steps.rate[step] * steps.kept[step]
    side.rows[:] -= rate * side.mean / (np.sqrt(side.square) * steps.scale[step] + steps.eps)
    side.updated[:] = steps.first + step
