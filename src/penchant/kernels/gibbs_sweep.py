"""Gibbs sampling: one draw of every row of one side, and one of every feature's weights, the rest held still."""

from __future__ import annotations

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array, Int32Array, Int64Array
from penchant.kernels.jit import kernel

__all__ = ["draw_rows", "draw_rows_readable", "draw_weights", "draw_weights_readable", "lanes"]

_LANES = 8  # float32 numbers in one AVX register
_LEAST_CHUNK = 32
_SERIAL = 1 << 17  # multiplications below which BLAS starts no threads of its own
_PIVOT_FLOOR = 1e-6  # a pivot below this share of its diagonal is rounding noise of the float32 products


@kernel
def lanes(n_columns: int) -> int:
    """Columns of a float32 table in whole registers, at least one."""
    return max(1, (n_columns + _LANES - 1) // _LANES) * _LANES


@kernel
def draw_rows(
    start: int,
    stop: int,
    indptr: Int64Array,
    others: Int32Array,
    target: Float32Array,
    other_factors: Float32Array,
    other_bias: Float32Array,
    other_kappa: Float32Array,
    prior_factors: Float32Array,
    prior_bias: Float32Array,
    precision: Float32Array,
    alpha: float,
    row_kappa: Float32Array,
    normals: Float32Array,
    factors: Float32Array,
    bias: Float32Array,
    squares: Float64Array,
) -> None:
    """Draw rows `start` to `stop` of one side from their posterior; writes those rows of the last three arrays only.

    With x_j = [q_j, 1], y_j = target_j - b_j and w_j = alpha kappa_row kappa_j over the ratings of a row,

        Lambda = diag(precision) + sum_j w_j x_j x_j^T
        theta  ~ N(Lambda^-1 (diag(precision) prior + sum_j w_j x_j y_j),  Lambda^-1)

    by Cholesky, Lambda = R^T R: theta = R^-1 (R^-T (...) + z), all in float32: its rounding is far below the spread
    of a draw. A pivot that rounding has made too small is lifted, so that the result is always finite.

    Args:
        start, stop: the rows to draw.
        indptr, others, target: ratings grouped by row (see `kernels.csr`), centred.
        other_factors: (n_others, width) float32: factors, and zeros up to whole registers (`lanes`).
        other_bias: (n_others,).
        other_kappa: (n_others,), kappa of the other side.
        prior_factors, prior_bias: prior means, (n_rows, width) and (n_rows,).
        precision: (n_factors + 1,), lambda, the bias last.
        alpha: noise precision.
        row_kappa: (n_rows,), kappa of these rows.
        normals: (n_rows, n_factors + 1), standard normal z.
        factors, bias: where the draws go, in the form of `other_factors` and `other_bias`.
        squares: (n_rows,), becomes sum_j kappa_j (y_j - theta . x_j)^2.

    Source: Salakhutdinov, Mnih (2008), "Bayesian probabilistic matrix factorization using MCMC"; noise that differs by
    row: Lakshminarayanan, Bouchard, Archambeau (2011), "Robust Bayesian matrix factorisation".
    """
    width = other_factors.shape[1]
    bound = len(precision) - 1
    chunk = max(_LEAST_CHUNK, _SERIAL // (width * width))
    left = np.zeros((chunk, width), np.float32)
    right = np.zeros((chunk, width + 2), np.float32)
    products = np.zeros((2, width, width + 2), np.float32)
    scalars = np.zeros(3, np.float64)
    work = np.zeros((bound + 1, lanes(bound + 2)), np.float32)  # Lambda, and beside it Lambda mean
    theta = np.zeros(bound + 1, np.float32)
    for row in range(start, stop):
        scalars[:] = 0.0
        first, last = indptr[row], indptr[row + 1]
        products[0] = np.float32(0)
        for begin in range(first, last, chunk):
            n = min(chunk, last - begin)
            _gather(begin, begin + n, others, target, other_factors, other_bias, other_kappa, left, right, scalars)
            _add_products(left[:n], right[:n], begin == first, products)
        _set_precision(products[0], scalars, np.float32(alpha) * row_kappa[row], precision, work)
        for k in range(bound):
            work[k, bound + 1] += precision[k] * prior_factors[row, k]
        work[bound, bound + 1] += precision[bound] * prior_bias[row]
        _draw(work, normals[row], theta)
        squares[row] = _squares(products[0], scalars, theta)
        for k in range(bound):
            factors[row, k] = theta[k]
        bias[row] = theta[bound]


@kernel
def _add_products(left: Float32Array, right: Float32Array, is_first: bool, products: Float32Array) -> None:
    """Add left^T right to `products[0]`, of which the first chunk of a row is set; `products[1]` is for work."""
    if is_first:
        np.dot(left.T, right, out=products[0])
    else:
        np.dot(left.T, right, out=products[1])
        products[0] += products[1]


@kernel
def _gather(
    first: int,
    last: int,
    others: Int32Array,
    target: Float32Array,
    factors: Float32Array,
    bias: Float32Array,
    kappa: Float32Array,
    left: Float32Array,
    right: Float32Array,
    scalars: Float64Array,
) -> None:
    """Put q of each rating into `left` and [kappa q, kappa, kappa y] into `right`; add up kappa, kappa y, kappa y^2."""
    width = factors.shape[1]
    for t in range(first, last):
        j = others[t]
        q, s, y = factors[j], kappa[j], target[t] - bias[j]
        at = t - first
        for k in range(width):
            left[at, k] = q[k]
            right[at, k] = s * q[k]
        right[at, width] = s
        right[at, width + 1] = s * y
        scalars[0] += s
        scalars[1] += s * y
        scalars[2] += s * y * y


@kernel
def _set_precision(
    products: Float32Array, scalars: Float64Array, scale: float, precision: Float32Array, work: Float32Array
) -> None:
    """Write Lambda, and beside it the part of Lambda mean that comes from the ratings, into `work`."""
    width = products.shape[0]
    bound = len(precision) - 1
    for i in range(bound):
        for k in range(bound):
            work[i, k] = scale * products[i, k]
        work[i, bound] = scale * products[i, width]
        work[i, bound + 1] = scale * products[i, width + 1]
        work[i, i] += precision[i]
    work[bound, bound] = scale * scalars[0] + precision[bound]
    work[bound, bound + 1] = scale * scalars[1]


@kernel
def _draw(work: Float32Array, normals: Float32Array, theta: Float32Array) -> None:
    """Set theta to a draw of N(mean, Lambda^-1); uses up `work`, whose columns are Lambda, Lambda mean and zeros.

    The upper triangle becomes R, its diagonal inverted, and the column beside it R^-T Lambda mean. Rows are worked on
    in their full width, below the diagonal too: whole registers are quicker than a triangle.
    """
    size, width = work.shape
    for i in range(size):
        inverse = np.float32(1) / np.sqrt(work[i, i])
        for k in range(width):
            work[i, k] *= inverse
        for j in range(i + 1, size):
            factor = work[i, j]
            floor = np.float32(_PIVOT_FLOOR) * work[j, j]
            for k in range(width):
                work[j, k] -= factor * work[i, k]
            work[j, j] = max(work[j, j], floor)
        work[i, i] = inverse
    for i in range(size):
        theta[i] = work[i, size] + normals[i]
    for i in range(size - 1, -1, -1):
        theta[i] *= work[i, i]
        for k in range(i):
            theta[k] -= work[k, i] * theta[i]


@kernel
def _squares(products: Float32Array, scalars: Float64Array, theta: Float32Array) -> float:
    """Sum of kappa (y - theta . x)^2, from the sums that theta was drawn with."""
    width = products.shape[0]
    bound = len(theta) - 1
    b = np.float64(theta[bound])
    total = scalars[2] - 2 * b * scalars[1] + b * b * scalars[0]
    for i in range(bound):
        inner = np.float32(0)
        for k in range(bound):
            inner += products[i, k] * theta[k]
        total += theta[i] * (inner - 2 * products[i, width + 1] + 2 * b * products[i, width])
    return float(max(total, 0.0))


def draw_rows_readable(
    start: int,
    stop: int,
    indptr: Int64Array,
    others: Int32Array,
    target: Float32Array,
    other_factors: Float32Array,
    other_bias: Float32Array,
    other_kappa: Float32Array,
    prior_factors: Float32Array,
    prior_bias: Float32Array,
    precision: Float32Array,
    alpha: float,
    row_kappa: Float32Array,
    normals: Float32Array,
    factors: Float32Array,
    bias: Float32Array,
    squares: Float64Array,
) -> None:
    """What `draw_rows` does, in NumPy and float64."""
    n_factors = len(precision) - 1
    for row in range(start, stop):
        ratings = slice(indptr[row], indptr[row + 1])
        rated = others[ratings]
        x = np.column_stack([other_factors[rated, :n_factors], np.ones(len(rated))]).astype(np.float64)
        y = target[ratings].astype(np.float64) - other_bias[rated]
        kappa = other_kappa[rated].astype(np.float64)
        prior = np.append(prior_factors[row, :n_factors], prior_bias[row])
        w = alpha * row_kappa[row] * kappa
        root = np.linalg.cholesky(np.diag(precision) + (x.T * w) @ x)  # lower: Lambda = root root^T
        half = np.linalg.solve(root, precision * prior + x.T @ (w * y))
        theta = np.linalg.solve(root.T, half + normals[row])
        factors[row, :n_factors], bias[row] = theta[:-1], theta[-1]
        squares[row] = kappa @ (y - x @ theta) ** 2


@kernel
def draw_weights(
    start: int,
    stop: int,
    indptr: Int64Array,
    rows: Int32Array,
    values: Float32Array,
    row_scale: Float32Array,
    precision: Float32Array,
    weight_precision: Float32Array,
    normals: Float32Array,
    rest: Float32Array,
    rest_bias: Float32Array,
    weights: Float32Array,
    weight_biases: Float32Array,
) -> None:
    """Draw the weights B[f] of features `start` to `stop`, one after another, each given all others.

    The rows of one side are theta_r ~ N(m + sum_f F[r, f] B[f], diag(precision)^-1), B[f, d] ~ N(0, 1 /
    weight_precision[d]). With e_r = theta_r - m - sum_f F[r, f] B[f], which is kept up to date in `rest`,

        c_d     = weight_precision_d + precision_d sum_r F[r, f]^2
        B[f, d] ~ N(precision_d (sum_r F[r, f] e_rd + B[f, d] sum_r F[r, f]^2) / c_d,  1 / c_d)

    Given theta the columns d do not depend on each other, so one pass over the features costs two reads and a write of
    `rest` for each entry of F, as one step of conjugate gradients does.

    Args:
        start, stop: the features to draw.
        indptr, rows: entries of F by feature: feature f is that of `rows[indptr[f]:indptr[f + 1]]`.
        values: F at these entries; an empty array stands for ones.
        row_scale: (n_rows,), each entry is multiplied by that of its row.
        precision, weight_precision: (n_factors + 1,), the bias last.
        normals: (n_features, n_factors + 1), standard normal.
        rest, rest_bias: (n_rows, width) and (n_rows,): e, updated in place.
        weights, weight_biases: (n_features, width) and (n_features,): B, updated in place.

    Source: Rendle (2013), "Scaling factorization machines to relational data" (weights one by one); features in the
    prior mean: Simm et al. (2015), "Macau: scalable Bayesian multi-relational factorization with side information".
    """
    bound = len(precision) - 1
    step = np.zeros(rest.shape[1], np.float32)
    for f in range(start, stop):
        first, last = indptr[f], indptr[f + 1]
        step_bias, squares = _feature_sums(first, last, rows, values, row_scale, rest, rest_bias, step)
        for k in range(bound):
            c = weight_precision[k] + precision[k] * squares
            drawn = precision[k] * (step[k] + squares * weights[f, k]) / c + normals[f, k] / np.sqrt(c)
            step[k] = drawn - weights[f, k]
            weights[f, k] = drawn
        c = weight_precision[bound] + precision[bound] * squares
        drawn = precision[bound] * (step_bias + squares * weight_biases[f]) / c + normals[f, bound] / np.sqrt(c)
        step_bias = drawn - weight_biases[f]
        weight_biases[f] = drawn
        _move_rest(first, last, rows, values, row_scale, step, step_bias, rest, rest_bias)


@kernel
def _feature_sums(
    first: int,
    last: int,
    rows: Int32Array,
    values: Float32Array,
    row_scale: Float32Array,
    rest: Float32Array,
    rest_bias: Float32Array,
    step: Float32Array,
) -> tuple[np.float32, np.float32]:
    """Set `step` to the sum of F e over the entries of a feature; the same of the bias, and the sum of F^2."""
    width = rest.shape[1]
    all_ones = len(values) == 0
    step[:] = np.float32(0)
    step_bias, squares = np.float32(0), np.float32(0)
    for t in range(first, last):
        row = rows[t]
        value = row_scale[row] if all_ones else values[t] * row_scale[row]
        e = rest[row]
        for k in range(width):
            step[k] += value * e[k]
        step_bias += value * rest_bias[row]
        squares += value * value
    return step_bias, squares


@kernel
def _move_rest(
    first: int,
    last: int,
    rows: Int32Array,
    values: Float32Array,
    row_scale: Float32Array,
    step: Float32Array,
    step_bias: float,
    rest: Float32Array,
    rest_bias: Float32Array,
) -> None:
    """Take F times the step of a feature's weights away from `rest`; beyond the factors both are zero."""
    width = rest.shape[1]
    all_ones = len(values) == 0
    for t in range(first, last):
        row = rows[t]
        value = row_scale[row] if all_ones else values[t] * row_scale[row]
        e = rest[row]
        for k in range(width):
            e[k] -= value * step[k]
        rest_bias[row] -= value * step_bias


def draw_weights_readable(
    start: int,
    stop: int,
    indptr: Int64Array,
    rows: Int32Array,
    values: Float32Array,
    row_scale: Float32Array,
    precision: Float32Array,
    weight_precision: Float32Array,
    normals: Float32Array,
    rest: Float32Array,
    rest_bias: Float32Array,
    weights: Float32Array,
    weight_biases: Float32Array,
) -> None:
    """What `draw_weights` does, one feature's whole row of weights at a time."""
    bound = len(precision) - 1
    for f in range(start, stop):
        entries = slice(indptr[f], indptr[f + 1])
        having = rows[entries]
        value = row_scale[having] * (values[entries] if len(values) else 1)
        e = np.column_stack([rest[having, :bound], rest_bias[having]]).astype(np.float64)
        old = np.append(weights[f, :bound], weight_biases[f]).astype(np.float64)
        squares = value @ value
        c = weight_precision + precision * squares
        new = precision * (value @ e + squares * old) / c + normals[f] / np.sqrt(c)
        e -= np.outer(value, new - old)
        rest[having, :bound], rest_bias[having] = e[:, :-1], e[:, -1]
        weights[f, :bound], weight_biases[f] = new[:-1], new[-1]
