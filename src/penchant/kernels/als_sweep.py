"""Alternating least squares: every row of one side solved exactly, the other side held still."""

from __future__ import annotations

import numpy as np

from penchant.arrays.types import Float32Array, Float64Array, Int32Array, Int64Array
from penchant.kernels.jit import kernel

__all__ = ["design_width", "solve_rows", "solve_rows_readable", "squared_errors", "squared_errors_readable"]

_LANES = 8  # float32 numbers in one AVX register
_CHUNK = 256  # ratings that are summed in float32 before the sum goes to float64
_NOISE_FLOOR = 3e-6  # the least penalty, as a share of its diagonal
_PIVOT_FLOOR = 1e-7  # a pivot below this share of its diagonal is rounding noise of the float32 products


def design_width(n_factors: int) -> int:
    """Columns of a design matrix: the factors, a one for the bias, and zeros up to whole registers."""
    return (n_factors + 1 + _LANES - 1) // _LANES * _LANES


@kernel
def solve_rows(
    start: int,
    stop: int,
    indptr: Int64Array,
    others: Int32Array,
    target: Float32Array,
    other_design: Float32Array,
    other_bias: Float32Array,
    ridge: Float64Array,
    count_power: float,
    design: Float32Array,
    bias: Float32Array,
) -> None:
    """Solve rows `start` to `stop` of one side; writes `design` and `bias` of those rows only.

    With x_j = [q_j, 1] and y_j = target_j - b_j over the n ratings of a row, theta = [p, b] is the minimum of

        sum_j (y_j - theta . x_j)^2 + n^count_power * sum_k ridge_k theta_k^2

    that is (X^T X + n^count_power diag(ridge)) theta = X^T y, by Cholesky. A row without ratings becomes zero.

    Products are summed in float32, eight ratings at a time, and handed to float64 every 256 ratings; the solve is in
    float64. A pivot that rounding has made too small is lifted, so that the result is always finite.

    Args:
        start, stop: the rows to solve.
        indptr, others, target: ratings grouped by row (see `kernels.csr`), centred.
        other_design: (n_others + 1, width) float32, columns: factors, a one, zeros (`design_width`); the last row is
            zero and stands in where a row's ratings are no multiple of eight.
        other_bias: (n_others,).
        ridge: (n_factors + 1,), positive, the bias last.
        count_power: how the penalty grows with the ratings of a row: 0 plain ridge, 1 "weighted lambda" of ALS-WR.
        design, bias: where the rows go, in the form of `other_design` and `other_bias`.

    Source: Zhou, Wilkinson, Schreiber, Pan (2008), "Large-scale Parallel Collaborative Filtering for the Netflix
    Prize" (count_power 1).
    """
    width = other_design.shape[1]
    size = ridge.shape[0]
    gram32 = np.zeros((width, width), np.float32)
    right32 = np.zeros(width, np.float32)
    gram = np.zeros((width, width), np.float64)
    right = np.zeros(width, np.float64)
    for row in range(start, stop):
        first, last = indptr[row], indptr[row + 1]
        gram[:] = 0.0
        right[:] = 0.0
        for chunk in range(first, last, _CHUNK):
            _add_products(chunk, min(chunk + _CHUNK, last), others, target, other_design, other_bias, gram32, right32)
            for i in range(size):
                right[i] += right32[i]
                for k in range(i, size):
                    gram[i, k] += gram32[i, k]
        weight = float(max(last - first, 1)) ** count_power
        for k in range(size):
            # A penalty below the rounding noise of the float32 products would let the next sweeps blow up.
            gram[k, k] += max(weight * ridge[k], _NOISE_FLOOR * gram[k, k])
        _solve_in_place(gram, right, size)
        for k in range(size - 1):
            design[row, k] = right[k]
        bias[row] = right[size - 1]


@kernel
def _add_products(
    first: int,
    last: int,
    others: Int32Array,
    target: Float32Array,
    design: Float32Array,
    other_bias: Float32Array,
    gram: Float32Array,
    right: Float32Array,
) -> None:
    """Set `gram` to the sum of x x^T and `right` to the sum of x y over ratings first to last."""
    width = design.shape[1]
    gram[:] = np.float32(0)
    right[:] = np.float32(0)
    nobody = np.int32(len(design) - 1)
    for t in range(first, last, 8):
        # Eight ratings a round, so that a sum is loaded and stored once for eight products.
        j0 = others[t]
        j1 = others[t + 1] if t + 1 < last else nobody
        j2 = others[t + 2] if t + 2 < last else nobody
        j3 = others[t + 3] if t + 3 < last else nobody
        j4 = others[t + 4] if t + 4 < last else nobody
        j5 = others[t + 5] if t + 5 < last else nobody
        j6 = others[t + 6] if t + 6 < last else nobody
        j7 = others[t + 7] if t + 7 < last else nobody
        x0, x1, x2, x3 = design[j0], design[j1], design[j2], design[j3]
        x4, x5, x6, x7 = design[j4], design[j5], design[j6], design[j7]
        for i in range(width):
            a0, a1, a2, a3, a4, a5, a6, a7 = x0[i], x1[i], x2[i], x3[i], x4[i], x5[i], x6[i], x7[i]
            for k in range(width):
                gram[i, k] += (
                    a0 * x0[k]
                    + a1 * x1[k]
                    + a2 * x2[k]
                    + a3 * x3[k]
                    + a4 * x4[k]
                    + a5 * x5[k]
                    + a6 * x6[k]
                    + a7 * x7[k]
                )
    for t in range(first, last):
        x = design[others[t]]
        y = target[t] - other_bias[others[t]]
        for k in range(width):
            right[k] += y * x[k]


@kernel
def _solve_in_place(gram: Float64Array, right: Float64Array, size: int) -> None:
    """Solve gram theta = right by Cholesky, gram = R^T R, reading and overwriting the upper triangle."""
    for i in range(size):
        diagonal = gram[i, i]
        pivot = diagonal
        for k in range(i):
            pivot -= gram[k, i] * gram[k, i]
        root = np.sqrt(max(pivot, _PIVOT_FLOOR * diagonal))
        gram[i, i] = root
        for k in range(i):
            factor = gram[k, i]
            for j in range(i + 1, size):
                gram[i, j] -= factor * gram[k, j]
        for j in range(i + 1, size):
            gram[i, j] /= root
    for i in range(size):
        for k in range(i):
            right[i] -= gram[k, i] * right[k]
        right[i] /= gram[i, i]
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            right[i] -= gram[i, k] * right[k]
        right[i] /= gram[i, i]


@kernel
def squared_errors(
    start: int,
    stop: int,
    indptr: Int64Array,
    others: Int32Array,
    target: Float32Array,
    other_design: Float32Array,
    other_bias: Float32Array,
    design: Float32Array,
    bias: Float32Array,
    lowest: float,
    highest: float,
    errors: Float64Array,
) -> None:
    """Sum over the ratings of each row of (target - prediction)^2, predictions clipped; shape (n_rows,).

    The arguments are those of `solve_rows`; `lowest` and `highest` are the ends of the scale in the unit of `target`.
    Rows `start` to `stop` of `errors` are written.
    """
    lanes = np.zeros(_LANES, np.float32)
    for row in range(start, stop):
        mine = design[row]
        total = 0.0
        for t in range(indptr[row], indptr[row + 1]):
            other = other_design[others[t]]
            lanes[:] = np.float32(0)
            for k in range(0, len(mine), _LANES):  # eight sums side by side: one long sum could not be vectorised
                for lane in range(_LANES):
                    lanes[lane] += mine[k + lane] * other[k + lane]
            # Both rows have a one in the bias column, so the product of the two is one too many.
            predicted = lanes.sum() - np.float32(1) + bias[row] + other_bias[others[t]]
            error = target[t] - min(max(predicted, lowest), highest)
            total += error * error
        errors[row] = total


def squared_errors_readable(
    start: int,
    stop: int,
    indptr: Int64Array,
    others: Int32Array,
    target: Float32Array,
    other_design: Float32Array,
    other_bias: Float32Array,
    design: Float32Array,
    bias: Float32Array,
    lowest: float,
    highest: float,
    errors: Float64Array,
) -> None:
    """What `squared_errors` does, in NumPy and float64."""
    for row in range(start, stop):
        rated = others[indptr[row] : indptr[row + 1]]
        taste = other_design[rated].astype(np.float64) @ design[row] - 1
        predicted = np.clip(taste + bias[row] + other_bias[rated], lowest, highest)
        errors[row] = np.square(target[indptr[row] : indptr[row + 1]] - predicted).sum()


def solve_rows_readable(
    start: int,
    stop: int,
    indptr: Int64Array,
    others: Int32Array,
    target: Float32Array,
    other_design: Float32Array,
    other_bias: Float32Array,
    ridge: Float64Array,
    count_power: float,
    design: Float32Array,
    bias: Float32Array,
) -> None:
    """What `solve_rows` does, in NumPy and float64."""
    size = len(ridge)
    for row in range(start, stop):
        rated = others[indptr[row] : indptr[row + 1]]
        x = other_design[rated, :size].astype(np.float64)
        y = target[indptr[row] : indptr[row + 1]].astype(np.float64) - other_bias[rated]
        penalty = max(len(rated), 1) ** count_power * np.diag(ridge)
        theta = np.linalg.solve(x.T @ x + penalty, x.T @ y)
        design[row, : size - 1], bias[row] = theta[:-1], theta[-1]
