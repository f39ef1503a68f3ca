"""Neural network training: two embeddings through layers of neurons, forward, backward and Adam, in one loop.

A layer is x <- BN(relu(W x)), the last one w . x + b. With the batch as rows, of n ratings, gradients go back as

    batch norm   dr = gamma / sd (dy - mean(dy) - xhat mean(dy xhat)),   dgamma = sum(dy xhat),   dbeta = sum(dy)
    linear       dW = dz^T x,   dx = dz W,   where dz is dr with zeros where the relu gave zero

Adam moves every parameter at every step, also the rows of an embedding that are not in the batch: their gradient is
zero, but their moments are not, and weights decay. A row is brought up to date when a batch next needs it. After steps
s + 1 to t without gradients,

    p_t  =  D(s, t) p_s  -  m_s sum_(j = s + 1 .. t)  D(j, t) rate_j prod_(i = s + 1 .. j) mom_i / (sqrt(v_s) d_j + eps)

    d_j  =  sqrt(sqr_mom^(j - s) scale_j),      D(j, t)  =  prod_(i = j + 1 .. t) (1 - lr_i wd)

which is exact; the sum ends where the product of momenta leaves nothing to add.

Source: Ioffe, Szegedy (2015), "Batch normalization"; Adam as in `penchant.solvers.gradient.trainer.Trainer`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array, Int32Array, Int64Array
from penchant.kernels.jit import kernel

__all__ = ["NORM_EPS", "Dense", "Layers", "Rates", "Table", "dense_places", "net_batches"]

NORM_EPS = 1e-5  # torch's, added to a variance
_NORM_PACE = 0.1  # torch's, of running means
_NOTHING_LEFT = 1e-9  # share of a mean of gradients that is left, at which it no longer moves a float32
_R, _XHAT, _Y, _DY = 0, 1, 2, 3  # blocks of memory: relu, normalised, output, gradient of each layer


class Table(NamedTuple):
    """An embedding and its moments.

    Attributes:
        rows, mean, square: weights, m and v, float32, shape (n_rows, width).
        updated: steps of this run that a row has taken, int64, shape (n_rows,).
        slots: where the row's gradient of this batch is, int32, -1 outside of a batch, shape (n_rows,).
        gradients: of the rows of a batch, float32, shape (batch_size, width).
        touched: which rows these are, int32, shape (batch_size,).
    """

    rows: Float32Array
    mean: Float32Array
    square: Float32Array
    updated: Int64Array
    slots: Int32Array
    gradients: Float32Array
    touched: Int32Array


class Dense(NamedTuple):
    """All parameters of the layers, end to end: see `dense_places`; float32, shape (n,) each."""

    weights: Float32Array
    mean: Float32Array
    square: Float32Array
    gradient: Float32Array


class Layers(NamedTuple):
    """What the layers are, besides weights.

    Attributes:
        sizes: neurons of each layer, the embeddings' columns first, int64, shape (n_layers + 1,).
        running: means and variances of the batch norms, end to end, float32, shape (2, all neurons).
        lo, hi: ends of the sigmoid, equal where there is none.
    """

    sizes: Int64Array
    running: Float32Array
    lo: float
    hi: float


class Rates(NamedTuple):
    """Adam's numbers of each step, float32, shape (n_steps,), and those of all steps.

    Attributes:
        kept: 1 - lr wd.
        spent: sum of log(1 - lr wd) up to each step, 0 before the first, float64, shape (n_steps + 1,).
        mom: momentum.
        rate: lr / (1 - mom^t).
        scale: 1 / (1 - sqr_mom^t).
        sqr_mom, eps: as in the equation.
    """

    kept: Float32Array
    spent: Float64Array
    mom: Float32Array
    rate: Float32Array
    scale: Float32Array
    sqr_mom: float
    eps: float


@kernel
def dense_places(sizes: Int64Array) -> tuple[int, int]:
    """Where in the flat parameters the batch norms start, and how many there are in all.

    W_1, W_2, ..., w (all that decays), then gamma_1, beta_1, gamma_2, ..., and b.
    """
    norms, n = 0, 0
    for at in range(1, len(sizes)):
        norms += sizes[at] * sizes[at - 1]
        n += 2 * sizes[at]
    norms += sizes[-1]
    return norms, norms + n + 1


@kernel
def _step(
    p: Float32Array, m: Float32Array, v: Float32Array, g: Float32Array, kept: np.float32, rates: Rates, at: int
) -> None:
    """One step of Adam along the gradients g."""
    one = np.float32(1)
    mom, sqr_mom = rates.mom[at], np.float32(rates.sqr_mom)
    rate, scale, eps = rates.rate[at], rates.scale[at], np.float32(rates.eps)
    for k in range(len(p)):
        m[k] = mom * m[k] + (one - mom) * g[k]
        v[k] = sqr_mom * v[k] + (one - sqr_mom) * g[k] * g[k]
        p[k] = kept * p[k] - rate * m[k] / (math.sqrt(v[k] * scale) + eps)


@kernel
def _catch_up(table: Table, row: int, step: int, rates: Rates, room: Float32Array) -> None:
    """Take a row's steps without gradients, until it has taken `step` of this run."""
    start = table.updated[row]
    if start >= step:
        return
    table.updated[row] = step
    p, m, v = table.rows[row], table.mean[row], table.square[row]
    moves = False
    for k in range(len(m)):
        moves |= m[k] != np.float32(0)
    whole = np.float32(math.exp(rates.spent[step] - rates.spent[start]))
    faded = np.float32(rates.sqr_mom ** (step - start))
    if not moves:
        for k in range(len(p)):
            p[k] *= whole
            v[k] *= faded
        return
    root, sums = room[: len(p)], room[len(p) : 2 * len(p)]
    left = _sum_of_steps(v, start, step, rates, root, sums)
    for k in range(len(p)):
        p[k] = whole * p[k] - m[k] * sums[k]
        m[k] *= left
        v[k] *= faded


@kernel
def _sum_of_steps(
    v: Float32Array, start: int, step: int, rates: Rates, root: Float32Array, sums: Float32Array
) -> np.float32:
    """The sum of the equation above into `sums`; what is left of m."""
    eps, left, faded = np.float32(rates.eps), 1.0, 1.0
    for k in range(len(v)):
        root[k] = math.sqrt(v[k])
        sums[k] = np.float32(0)
    for j in range(start, step):
        left *= rates.mom[j]
        if left < _NOTHING_LEFT:
            return np.float32(0)
        faded *= rates.sqr_mom
        c = np.float32(rates.rate[j] * left * math.exp(rates.spent[step] - rates.spent[j + 1]))
        d = np.float32(math.sqrt(faded * rates.scale[j]))
        for k in range(len(v)):
            sums[k] += c / (root[k] * d + eps)
    return np.float32(left)


@kernel
def _gather(
    order: Int64Array, rows_of: Int32Array, table: Table, step: int, rates: Rates, x: Float32Array, room: Float32Array
) -> int:
    """Copy the rows of a batch into x, up to date, and give each a gradient of zero; how many rows they are."""
    n = 0
    for at in range(len(order)):
        row = rows_of[order[at]]
        if table.slots[row] < 0:
            _catch_up(table, row, step, rates, room)
            table.slots[row], table.touched[n] = n, row
            table.gradients[n, :] = np.float32(0)
            n += 1
        x[at, :] = table.rows[row]
    return n


@kernel
def _step_rows(
    order: Int64Array, rows_of: Int32Array, table: Table, n_touched: int, dx: Float32Array, rates: Rates, step: int
) -> None:
    """Add the gradients of a batch up by row, and take one step with each of its rows."""
    for at in range(len(order)):
        g, d = table.gradients[table.slots[rows_of[order[at]]]], dx[at]
        for k in range(len(g)):
            g[k] += d[k]
    for slot in range(n_touched):
        row = table.touched[slot]
        table.slots[row], table.updated[row] = -1, step + 1
        p, m, v = table.rows[row], table.mean[row], table.square[row]
        _step(p, m, v, table.gradients[slot], rates.kept[step], rates, step)


@kernel
def _normalise(
    r: Float32Array,
    norm: Float32Array,
    running: Float32Array,
    xhat: Float32Array,
    y: Float32Array,
    per_sd: Float32Array,
) -> None:
    """The relu and the batch norm, forward: r becomes its relu; xhat, y and 1 / sd are written."""
    n, width = r.shape
    mean = np.zeros(width, np.float32)
    per_sd[:] = np.float32(0)
    for at in range(n):
        for k in range(width):
            r[at, k] = max(r[at, k], np.float32(0))
            mean[k] += r[at, k]
    for k in range(width):
        mean[k] /= np.float32(n)
    for at in range(n):
        for k in range(width):
            xhat[at, k] = r[at, k] - mean[k]
            per_sd[k] += xhat[at, k] * xhat[at, k]
    pace, one = np.float32(_NORM_PACE), np.float32(1)
    for k in range(width):
        running[0, k] = (one - pace) * running[0, k] + pace * mean[k]
        running[1, k] = (one - pace) * running[1, k] + pace * per_sd[k] / np.float32(n - 1)
        per_sd[k] = one / math.sqrt(per_sd[k] / np.float32(n) + np.float32(NORM_EPS))
    for at in range(n):
        for k in range(width):
            xhat[at, k] *= per_sd[k]
            y[at, k] = norm[0, k] * xhat[at, k] + norm[1, k]


@kernel
def _unnormalise(
    dy: Float32Array, r: Float32Array, xhat: Float32Array, norm: Float32Array, per_sd: Float32Array, dnorm: Float32Array
) -> None:
    """The batch norm and the relu, backward: dy becomes dz."""
    n, width = dy.shape
    dnorm[:] = np.float32(0)
    for at in range(n):
        for k in range(width):
            dnorm[0, k] += dy[at, k] * xhat[at, k]
            dnorm[1, k] += dy[at, k]
    per = np.float32(1) / np.float32(n)
    for at in range(n):
        for k in range(width):
            dr = norm[0, k] * per_sd[k] * (dy[at, k] - per * dnorm[1, k] - xhat[at, k] * per * dnorm[0, k])
            dy[at, k] = dr if r[at, k] > np.float32(0) else np.float32(0)


@kernel
def _last_layer(
    x: Float32Array,
    rating: Float32Array,
    w: Float32Array,
    b: Float32Array,
    lo: float,
    hi: float,
    dw: Float32Array,
    db: Float32Array,
    dx: Float32Array,
) -> float:
    """The last layer and the squared error, forward and backward; the mean squared error."""
    n = len(x)
    span, total = np.float32(hi - lo), 0.0
    dw[:] = np.float32(0)
    db[:] = np.float32(0)
    for at in range(n):
        eta = b[0]
        for k in range(len(w)):
            eta += w[k] * x[at, k]
        slope, predicted = np.float32(1), eta
        if span > 0:
            share = np.float32(1) / (np.float32(1) + math.exp(-eta))
            predicted = share * span + np.float32(lo)
            slope = span * share * (np.float32(1) - share)
        error = predicted - rating[at]
        total += error * error
        pull = np.float32(2.0 / n) * error * slope
        db[0] += pull
        for k in range(len(w)):
            dw[k] += pull * x[at, k]
            dx[at, k] = pull * w[k]
    return total / n


@kernel
def _block(room: Float32Array, n: int, kind: int, total: int, first: int, size: int) -> Float32Array:
    """Where r, xhat, y or dy of a layer is: a number for each rating and neuron."""
    start = n * (kind * total + first)
    return room[start : start + n * size].reshape(n, size)


@kernel
def _through_layers(
    x: Float32Array, rating: Float32Array, dense: Dense, layers: Layers, room: Float32Array, dx: Float32Array
) -> float:
    """Forward and backward through all layers: gradients into `dense.gradient` and `dx`; the mean squared error."""
    sizes, n, total = layers.sizes, len(x), layers.running.shape[1]
    flat, slopes = dense.weights, dense.gradient
    stats = room[4 * n * total : (4 * n + 1) * total]
    below, w_at, first = x, 0, 0
    norm_at = dense_places(sizes)[0]
    for layer in range(1, len(sizes)):
        size, under = sizes[layer], sizes[layer - 1]
        r, y = _block(room, n, _R, total, first, size), _block(room, n, _Y, total, first, size)
        np.dot(below, flat[w_at : w_at + size * under].reshape(size, under).T, r)
        norm = flat[norm_at : norm_at + 2 * size].reshape(2, size)
        xhat = _block(room, n, _XHAT, total, first, size)
        _normalise(r, norm, layers.running[:, first : first + size], xhat, y, stats[first : first + size])
        below = y
        w_at, norm_at, first = w_at + size * under, norm_at + 2 * size, first + size
    top = sizes[-1]
    dy = dx if len(sizes) == 1 else _block(room, n, _DY, total, first - top, top)
    w, dw = flat[w_at : w_at + top], slopes[w_at : w_at + top]
    loss = _last_layer(below, rating, w, flat[-1:], layers.lo, layers.hi, dw, slopes[-1:], dy)
    for layer in range(len(sizes) - 1, 0, -1):
        size, under = sizes[layer], sizes[layer - 1]
        w_at, norm_at, first = w_at - size * under, norm_at - 2 * size, first - size
        r, xhat = _block(room, n, _R, total, first, size), _block(room, n, _XHAT, total, first, size)
        norm = flat[norm_at : norm_at + 2 * size].reshape(2, size)
        dnorm = slopes[norm_at : norm_at + 2 * size].reshape(2, size)
        dz = _block(room, n, _DY, total, first, size)
        _unnormalise(dz, r, xhat, norm, stats[first : first + size], dnorm)
        below = x if layer == 1 else _block(room, n, _Y, total, first - under, under)
        down = dx if layer == 1 else _block(room, n, _DY, total, first - under, under)
        np.dot(dz.T, below, slopes[w_at : w_at + size * under].reshape(size, under))
        np.dot(dz, flat[w_at : w_at + size * under].reshape(size, under), down)
    return loss


@kernel
def net_batches(
    order: Int64Array,
    batch_size: int,
    user_idx: Int32Array,
    item_idx: Int32Array,
    rating: Float32Array,
    users: Table,
    items: Table,
    dense: Dense,
    layers: Layers,
    rates: Rates,
    losses: Float32Array,
) -> None:
    """One step of Adam for each batch, every parameter at every step; `losses` gets the mean squared errors.

    Args:
        order: positions in the training table, batch after batch.
        batch_size: ratings of a batch, at least 2.
        user_idx, item_idx, rating: the training table.
        users, items, dense, layers: the model, changed in place.
        rates: what Adam needs of each step.
        losses: written, one a batch.
    """
    split, width = users.rows.shape[1], users.rows.shape[1] + items.rows.shape[1]
    x, dx = np.empty((batch_size, width), np.float32), np.empty((batch_size, width), np.float32)
    room = np.empty((4 * batch_size + 1) * layers.running.shape[1] + 2 * width, np.float32)
    norms = dense_places(layers.sizes)[0]
    targets = np.empty(batch_size, np.float32)
    p, m, v, g = dense.weights, dense.mean, dense.square, dense.gradient
    for step in range(len(losses)):
        batch = order[step * batch_size : (step + 1) * batch_size]
        for at in range(batch_size):
            targets[at] = rating[batch[at]]
        n_users = _gather(batch, user_idx, users, step, rates, x[:, :split], room)
        n_items = _gather(batch, item_idx, items, step, rates, x[:, split:], room)
        losses[step] = _through_layers(x, targets, dense, layers, room, dx)
        _step_rows(batch, user_idx, users, n_users, dx[:, :split], rates, step)
        _step_rows(batch, item_idx, items, n_items, dx[:, split:], rates, step)
        _step(p[:norms], m[:norms], v[:norms], g[:norms], rates.kept[step], rates, step)
        _step(p[norms:], m[norms:], v[norms:], g[norms:], np.float32(1), rates, step)
    for row in range(len(users.rows)):
        _catch_up(users, row, len(losses), rates, room)
    for row in range(len(items.rows)):
        _catch_up(items, row, len(losses), rates, room)
