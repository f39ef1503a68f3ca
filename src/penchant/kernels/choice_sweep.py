"""Choices: rows of one side solved or drawn over all cells, chosen or not, the other side held still."""

from __future__ import annotations

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array, Int32Array, Int64Array
from penchant.kernels.jit import kernel

__all__ = ["choice_width", "sweep_choices", "sweep_choices_readable"]

_LANES = 8  # float32 numbers in one AVX register
_LEAST_CHUNK = 32
_SERIAL = 1 << 17  # multiplications below which BLAS starts no threads of its own
_PIVOT_FLOOR = 1e-6  # a pivot below this share of its diagonal is rounding noise of the float32 products


def choice_width(n_factors: int) -> int:
    """Columns of a table of factors: the factors, and zeros up to whole registers."""
    return max(1, (n_factors + _LANES - 1) // _LANES) * _LANES


@kernel
def sweep_choices(
    start: int,
    stop: int,
    indptr: Int64Array,
    others: Int32Array,
    weight: Float32Array,
    unchosen_weight: float,
    other_factors: Float32Array,
    other_bias: Float32Array,
    row_bias: Float32Array,
    gram: Float32Array,
    other_sum: Float32Array,
    bias_sum: Float32Array,
    precision: Float32Array,
    ridge: Float32Array,
    prior: Float32Array,
    block: int,
    noise: float,
    normals: Float32Array,
    factors: Float32Array,
    squares: Float64Array,
) -> None:
    """Solve or draw rows `start` to `stop` of one side over all cells; writes those rows of the last two arrays only.

    A cell is 1 where the row chose j and 0 elsewhere. It weighs w_j where chosen and a0 elsewhere. With biases b of the
    row and b_j of the other side taken away, a row p minimises

        sum_j a_j (c_j - b - b_j - p . q_j)^2 + ridge sum_k precision_k (p_k - prior_k)^2,   a_j = w_j if chosen else a0

    All cells are a sum over all j, which the caller makes once, and a correction over the chosen:

        Lambda = a0 sum_j q_j q_j^T + sum_chosen (w_j - a0) q_j q_j^T + ridge diag(precision)
        right  = sum_chosen (w_j - (w_j - a0) (b + b_j)) q_j - a0 (b sum_j q_j + sum_j b_j q_j) + ridge precision prior

    so that a row costs what its choices cost. Columns are solved `block` at a time, each block given the others: with
    all columns in one block that is Lambda^-1 right, with smaller ones a step of block descent from the present row.
    With `normals` z, each block is drawn instead: its mean plus `noise` R^-1 z, Lambda = R^T R.

    Args:
        start, stop: the rows to solve.
        indptr, others: choices grouped by row (see `kernels.csr`).
        weight: (n_choices,), w_j in the order of `others`.
        unchosen_weight: a0.
        other_factors: (n_others, width) float32: factors, and zeros up to whole registers (`choice_width`).
        other_bias: (n_others,), b_j.
        row_bias: (n_rows,), b.
        gram: (width, width), sum_j q_j q_j^T.
        other_sum, bias_sum: (width,), sum_j q_j and sum_j b_j q_j.
        precision: (n_factors,), of the prior.
        ridge: (n_rows,), what the precision is multiplied with.
        prior: (n_rows, width), prior means; or one row that serves all.
        block: columns that are solved together.
        noise: standard deviation of a cell of weight 1; a draw only.
        normals: (n_rows, n_factors), standard normal; empty for the solution instead of a draw.
        factors: where the rows go, in the form of `other_factors`, and where blocks start from.
        squares: (n_rows,), becomes sum_chosen w (1 - s)^2 - a0 s^2, s = b + b_j + p . q_j; empty where nobody asks.

    Source: Hu, Koren, Volinsky (2008), "Collaborative filtering for implicit feedback datasets"; blocks: Rendle,
    Krichene, Zhang, Koren (2021), "iALS++: speeding up matrix factorization with subspace optimization".
    """
    n_factors = len(precision)
    whole = block >= n_factors
    size = min(block, n_factors)
    chunk = max(_LEAST_CHUNK, _SERIAL // (size * size))
    scores = np.zeros(_longest(start, stop, indptr), np.float32)
    theta = np.zeros(n_factors, np.float32)
    step = np.zeros(size, np.float32)
    for row in range(start, stop):
        first, last = indptr[row], indptr[row + 1]
        theta[:] = factors[row, :n_factors]
        if whole:
            theta[:] = np.float32(0)
        for t in range(first, last):
            scores[t - first] = row_bias[row] + other_bias[others[t]]
        if not whole:
            _add_scores(first, last, others, other_factors, 0, theta, scores)
        before = prior[row if len(prior) > 1 else 0]
        for low in range(0, n_factors, size):
            n = min(size, n_factors - low)
            work = np.zeros((n, n + 1), np.float32)
            _add_chosen(first, last, low, n, others, weight, unchosen_weight, other_factors, scores, chunk, work)
            _add_rest(low, n, unchosen_weight, row_bias[row], gram, other_sum, bias_sum, theta, work)
            for i in range(n):
                pull = ridge[row] * precision[low + i]
                work[i, i] += pull
                work[i, n] += pull * (before[low + i] - theta[low + i])
                step[i] = np.float32(noise) * normals[row, low + i] if len(normals) else np.float32(0)
            _solve(work, step)
            for i in range(n):
                theta[low + i] += step[i]
            if not whole or len(squares):
                _add_scores(first, last, others, other_factors, low, step[:n], scores)
        factors[row, :n_factors] = theta
        if len(squares):
            squares[row] = _squares(first, last, weight, unchosen_weight, scores)


@kernel
def _longest(start: int, stop: int, indptr: Int64Array) -> int:
    """The most choices that a row has."""
    found = 0
    for row in range(start, stop):
        found = max(found, indptr[row + 1] - indptr[row])
    return found


@kernel
def _add_rest(
    low: int,
    n: int,
    unchosen_weight: float,
    bias: float,
    gram: Float32Array,
    other_sum: Float32Array,
    bias_sum: Float32Array,
    theta: Float32Array,
    work: Float32Array,
) -> None:
    """Add what all cells say of columns `low` to `low` + n as if none were chosen, the present row taken away."""
    for i in range(n):
        k = low + i
        inner = bias * other_sum[k] + bias_sum[k]
        for m in range(len(theta)):
            inner += gram[k, m] * theta[m]
        for m in range(n):
            work[i, m] += unchosen_weight * gram[k, low + m]
        work[i, n] -= unchosen_weight * inner


@kernel
def _add_scores(
    first: int,
    last: int,
    others: Int32Array,
    factors: Float32Array,
    low: int,
    step: Float32Array,
    scores: Float32Array,
) -> None:
    """Add step . q_j, over columns `low` on, to the score of each choice."""
    for t in range(first, last):
        q = factors[others[t]]
        total = np.float32(0)
        for k in range(len(step)):
            total += q[low + k] * step[k]
        scores[t - first] += total


@kernel
def _add_chosen(
    first: int,
    last: int,
    low: int,
    n: int,
    others: Int32Array,
    weight: Float32Array,
    unchosen_weight: float,
    factors: Float32Array,
    scores: Float32Array,
    chunk: int,
    work: Float32Array,
) -> None:
    """Add what the choices say of columns `low` to `low` + n: sum (w - a0) q q^T, and sum (w - (w - a0) s) q beside it.

    Rows are gathered a chunk at a time, which BLAS then multiplies.
    """
    left = np.empty((min(chunk, last - first), n), np.float32)
    right = np.empty((min(chunk, last - first), n + 1), np.float32)
    for begin in range(first, last, chunk):
        end = min(begin + chunk, last)
        for t in range(begin, end):
            q = factors[others[t]]
            more = weight[t] - np.float32(unchosen_weight)
            at = t - begin
            for k in range(n):
                left[at, k] = q[low + k]
                right[at, k] = more * q[low + k]
            right[at, n] = weight[t] - more * scores[t - first]
        work += np.dot(left[: end - begin].T, right[: end - begin])


@kernel
def _solve(work: Float32Array, step: Float32Array) -> None:
    """Set step to Lambda^-1 right + R^-1 step; uses up `work`, whose columns are Lambda and right.

    The upper triangle becomes R, its diagonal inverted, and the last column R^-T right.
    """
    n = len(work)
    for i in range(n):
        inverse = np.float32(1) / np.sqrt(work[i, i])
        for k in range(i, n + 1):
            work[i, k] *= inverse
        for j in range(i + 1, n):
            factor = work[i, j]
            floor = np.float32(_PIVOT_FLOOR) * work[j, j]
            for k in range(j, n + 1):
                work[j, k] -= factor * work[i, k]
            work[j, j] = max(work[j, j], floor)
        work[i, i] = inverse
    for i in range(n):
        step[i] += work[i, n]
    for i in range(n - 1, -1, -1):
        step[i] *= work[i, i]
        for k in range(i):
            step[k] -= work[k, i] * step[i]


@kernel
def _squares(first: int, last: int, weight: Float32Array, unchosen_weight: float, scores: Float32Array) -> float:
    """Sum over the choices of w (1 - s)^2 - a0 s^2: what they add to the weighted squares of cells that are all 0."""
    total = 0.0
    for t in range(first, last):
        s = np.float64(scores[t - first])
        total += weight[t] * (1 - s) ** 2 - unchosen_weight * s * s
    return total


def sweep_choices_readable(
    start: int,
    stop: int,
    indptr: Int64Array,
    others: Int32Array,
    weight: Float32Array,
    unchosen_weight: float,
    other_factors: Float32Array,
    other_bias: Float32Array,
    row_bias: Float32Array,
    gram: Float32Array,
    other_sum: Float32Array,
    bias_sum: Float32Array,
    precision: Float32Array,
    ridge: Float32Array,
    prior: Float32Array,
    block: int,
    noise: float,
    normals: Float32Array,
    factors: Float32Array,
    squares: Float64Array,
) -> None:
    """What `sweep_choices` does, in NumPy and float64, from a row of all cells; the three sums are not needed."""
    del gram, other_sum, bias_sum
    n_factors = len(precision)
    q = other_factors[:, :n_factors].astype(np.float64)
    for row in range(start, stop):
        chosen = slice(indptr[row], indptr[row + 1])
        cell, a = np.zeros(len(q)), np.full(len(q), unchosen_weight)
        cell[others[chosen]], a[others[chosen]] = 1, weight[chosen]
        target = cell - row_bias[row] - other_bias
        pull = ridge[row] * precision.astype(np.float64)
        before = prior[row if len(prior) > 1 else 0, :n_factors].astype(np.float64)
        theta = factors[row, :n_factors].astype(np.float64) * (block < n_factors)
        for low in range(0, n_factors, block):
            part = slice(low, min(low + block, n_factors))
            rest = target - q @ theta + q[:, part] @ theta[part]
            root = np.linalg.cholesky((q[:, part].T * a) @ q[:, part] + np.diag(pull[part]))
            half = np.linalg.solve(root, q[:, part].T @ (a * rest) + pull[part] * before[part])
            z = noise * normals[row, part] if len(normals) else 0
            theta[part] = np.linalg.solve(root.T, half + z)
        factors[row, :n_factors] = theta
        if len(squares):
            s = (row_bias[row] + other_bias + q @ theta)[others[chosen]]
            squares[row] = np.sum(weight[chosen] * (1 - s) ** 2 - unchosen_weight * s**2)
