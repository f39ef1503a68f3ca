"""The kernels of the Gibbs sampler against their readable twins and what they stand for. Also run with the JIT off."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from penchant.kernels.csr import GroupedRatings, group_by_row
from penchant.kernels.gibbs_sweep import draw_rows, draw_rows_readable, draw_weights, draw_weights_readable, lanes

SIZES = [0, 1, 7, 8, 16, 17]


@dataclasses.dataclass
class Rows:
    """What `draw_rows` is given, and where it writes."""

    grouped: GroupedRatings
    other_factors: np.ndarray
    other_bias: np.ndarray
    other_kappa: np.ndarray
    prior_factors: np.ndarray
    prior_bias: np.ndarray
    precision: np.ndarray
    alpha: float
    row_kappa: np.ndarray
    normals: np.ndarray

    @classmethod
    def at_random(cls, n_rows: int, n_others: int, n_factors: int, n_ratings: int, seed: int) -> Rows:
        rng = np.random.default_rng(seed)
        rows = rng.integers(0, max(n_rows - 1, 1), n_ratings).astype(np.int32)  # the last of many rows has no ratings
        others = rng.integers(0, n_others, n_ratings).astype(np.int32)
        target = rng.standard_normal(n_ratings).astype(np.float32)
        width = lanes(n_factors)

        def factors(n: int) -> np.ndarray:
            table = np.zeros((n, width), dtype=np.float32)
            table[:, :n_factors] = 0.7 * rng.standard_normal((n, n_factors))
            return table

        return cls(
            group_by_row(rows, others, target, n_rows),
            factors(n_others),
            rng.standard_normal(n_others).astype(np.float32),
            rng.uniform(0.3, 3, n_others).astype(np.float32),
            factors(n_rows),
            rng.standard_normal(n_rows).astype(np.float32),
            rng.uniform(0.5, 2, n_factors + 1).astype(np.float32),
            1.7,
            rng.uniform(0.3, 3, n_rows).astype(np.float32),
            rng.standard_normal((n_rows, n_factors + 1)).astype(np.float32),
        )

    @property
    def n_rows(self) -> int:
        return self.grouped.n_rows

    @property
    def n_factors(self) -> int:
        return len(self.precision) - 1

    def draw(self, function: object = draw_rows, *cuts: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Factors, biases and squares of all rows, drawn in one call or in several, cut at these rows."""
        out = self.nothing()
        edges = [0, *cuts, self.n_rows]
        for start, stop in itertools.pairwise(edges):
            self.call(function, start, stop, out)
        return out

    def nothing(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        factors = np.zeros((self.n_rows + 1, self.other_factors.shape[1]), dtype=np.float32)
        return factors, np.zeros(self.n_rows, dtype=np.float32), np.zeros(self.n_rows)

    def call(self, function: object, start: int, stop: int, out: tuple[np.ndarray, ...]) -> None:
        grouped = self.grouped
        function(
            start,
            stop,
            grouped.indptr,
            grouped.others,
            grouped.target,
            self.other_factors,
            self.other_bias,
            self.other_kappa,
            self.prior_factors,
            self.prior_bias,
            self.precision,
            self.alpha,
            self.row_kappa,
            self.normals,
            *out,
        )

    def posterior(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Lambda and mean of one row from the definition: a sum over its ratings, one after another."""
        size = self.n_factors + 1
        prior = np.append(self.prior_factors[row, : size - 1], self.prior_bias[row]).astype(np.float64)
        precision = np.diag(self.precision.astype(np.float64))
        right = precision @ prior
        for t in range(self.grouped.indptr[row], self.grouped.indptr[row + 1]):
            j = self.grouped.others[t]
            x = np.append(self.other_factors[j, : size - 1], 1.0).astype(np.float64)
            weight = self.alpha * float(self.row_kappa[row]) * float(self.other_kappa[j])
            precision += weight * np.outer(x, x)
            right += weight * x * (float(self.grouped.target[t]) - float(self.other_bias[j]))
        return precision, np.linalg.solve(precision, right)


@pytest.mark.parametrize(("n_columns", "width"), [(0, 8), (1, 8), (7, 8), (8, 8), (9, 16), (16, 16), (17, 24)])
def test_lanes_are_whole_registers(n_columns: int, width: int) -> None:
    assert lanes(n_columns) == width


@pytest.mark.parametrize("n_factors", SIZES)
def test_draw_rows_is_its_twin(n_factors: int) -> None:
    rows = Rows.at_random(9, 11, n_factors, 130, seed=n_factors)
    for ours, twin in zip(rows.draw(), rows.draw(draw_rows_readable), strict=True):
        assert np.allclose(ours, twin, rtol=2e-4, atol=2e-4)
        assert np.abs(twin).sum() > 0 or n_factors == 0


@pytest.mark.parametrize("n_factors", SIZES)
def test_padding_stays_zero(n_factors: int) -> None:
    factors, _, _ = Rows.at_random(4, 5, n_factors, 60, seed=1).draw()
    assert (factors[:, n_factors:] == 0).all()


@pytest.mark.parametrize("n_ratings", [1, 2, 7, 8, 9, 31, 32, 33, 700])
def test_any_number_of_ratings_in_a_row(n_ratings: int) -> None:
    rows = Rows.at_random(1, 40, 3, n_ratings, seed=n_ratings)
    for ours, twin in zip(rows.draw(), rows.draw(draw_rows_readable), strict=True):
        assert np.allclose(ours, twin, rtol=1e-3, atol=2e-4)


@pytest.mark.parametrize(("n_factors", "n_ratings"), [(16, 511), (16, 512), (16, 513), (16, 1500), (17, 1000)])
def test_a_row_of_more_ratings_than_a_chunk(n_factors: int, n_ratings: int) -> None:
    """Products are added up chunk by chunk: with 16 factors a chunk is 512 ratings, with 17 it is 227."""
    rows = Rows.at_random(1, 300, n_factors, n_ratings, seed=3)
    for ours, twin in zip(rows.draw(), rows.draw(draw_rows_readable), strict=True):
        assert np.allclose(ours, twin, rtol=1e-3, atol=5e-4)


def test_rows_around_a_long_one_are_drawn_from_their_own_ratings() -> None:
    rows = Rows.at_random(3, 200, 16, 40, seed=4)
    order = np.r_[np.zeros(15), np.ones(1100), np.full(25, 2)].astype(np.int32)
    rng = np.random.default_rng(5)
    target = rng.standard_normal(len(order)).astype(np.float32)
    rows.grouped = group_by_row(order, rng.integers(0, 200, len(order)).astype(np.int32), target, 3)
    for ours, twin in zip(rows.draw(), rows.draw(draw_rows_readable), strict=True):
        assert np.allclose(ours, twin, rtol=1e-3, atol=5e-4)


@pytest.mark.parametrize("n_factors", [0, 3, 8])
def test_a_draw_has_the_mean_and_covariance_of_the_posterior(n_factors: int) -> None:
    """The draw is mean + R^-1 z: no noise gives the mean, unit vectors give R^-1, and R^-1 R^-T is the covariance."""
    size = n_factors + 1
    rows = Rows.at_random(1, 12, n_factors, 25, seed=6)
    precision, mean = rows.posterior(0)
    theta = []
    for normals in np.vstack([np.zeros(size), np.eye(size)]).astype(np.float32):
        rows.normals = normals[None, :]
        factors, bias, _ = rows.draw()
        theta.append(np.append(factors[0, :n_factors], bias[0]))
    root = (np.array(theta[1:]) - theta[0]).T
    assert np.allclose(theta[0], mean, atol=1e-4)
    assert np.allclose(root @ root.T, np.linalg.inv(precision), atol=1e-4)


def test_a_row_without_ratings_is_drawn_from_its_prior() -> None:
    rows = Rows.at_random(5, 6, 4, 30, seed=7)
    factors, bias, squares = rows.draw()
    drawn = np.append(factors[4, :4], bias[4])
    prior = np.append(rows.prior_factors[4, :4], rows.prior_bias[4])
    assert np.allclose(drawn, prior + rows.normals[4] / np.sqrt(rows.precision), atol=1e-6)
    assert squares[4] == 0


def test_squares_are_those_of_the_drawn_row_without_its_own_scale_or_alpha() -> None:
    rows = Rows.at_random(3, 6, 2, 50, seed=8)
    factors, bias, squares = rows.draw()
    for row in range(3):
        own = slice(rows.grouped.indptr[row], rows.grouped.indptr[row + 1])
        rated = rows.grouped.others[own]
        error = rows.grouped.target[own] - rows.other_bias[rated] - bias[row] - rows.other_factors[rated] @ factors[row]
        assert squares[row] == pytest.approx(float(rows.other_kappa[rated] @ error**2), rel=1e-4)


@pytest.mark.parametrize("cuts", [(1,), (4,), (2, 3, 7), (0, 9), (1, 2, 3, 4, 5, 6, 7, 8)])
def test_blocks_of_rows_are_the_same_as_one_call(cuts: tuple[int, ...]) -> None:
    rows = Rows.at_random(9, 11, 7, 400, seed=9)
    for whole, parts in zip(rows.draw(), rows.draw(draw_rows, *cuts), strict=True):
        assert np.array_equal(whole, parts)


def test_only_the_rows_asked_for_are_written() -> None:
    rows = Rows.at_random(6, 5, 2, 40, seed=1)
    out = rows.nothing()
    rows.call(draw_rows, 2, 4, out)
    for array in out:
        assert [bool(np.any(array[row])) for row in range(6)] == [False, False, True, True, False, False]


def test_the_prior_the_noise_and_the_scales_all_have_a_say() -> None:
    rows = Rows.at_random(1, 6, 2, 8, seed=10)
    before = rows.draw()[1][0]
    for name in ("prior_bias", "precision", "row_kappa", "normals", "other_bias", "other_kappa", "other_factors"):
        changed = dataclasses.replace(rows, **{name: getattr(rows, name) * np.float32(1.5)})
        assert changed.draw()[1][0] != before, name
    assert dataclasses.replace(rows, alpha=2.5).draw()[1][0] != before


@pytest.mark.parametrize("precision", [1e-12, 1.0])
def test_a_singular_system_stays_finite(precision: float) -> None:
    """Three directions for six factors, a prior of next to no weight, huge factors: float32 sees no pivot there."""
    rows = Rows.at_random(2, 3, 6, 40, seed=11)
    rows.other_factors *= np.float32(1e3)
    rows.precision = np.full(7, precision, dtype=np.float32)
    rows.alpha = 1e6
    for array in rows.draw():
        assert np.isfinite(array).all()


def test_a_perfect_fit_has_no_negative_squares() -> None:
    rows = Rows.at_random(3, 30, 4, 400, seed=12)
    truth = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)
    own = np.repeat(np.arange(3), np.diff(rows.grouped.indptr))
    rated = rows.grouped.others
    predicted = (truth[own, :4] * rows.other_factors[rated, :4]).sum(1) + truth[own, 4] + rows.other_bias[rated]
    rows.grouped.target[:] = 100 * predicted  # sums of squares near 1e6 cancel in float32
    rows.other_factors *= np.float32(100)
    rows.other_bias *= np.float32(100)
    rows.alpha = 1e8
    _, _, squares = rows.draw()
    assert (squares >= 0).all()


@dataclasses.dataclass
class Weights:
    """What `draw_weights` is given; `rest`, `rest_bias`, `weights` and `weight_biases` change in place."""

    indptr: np.ndarray
    rows: np.ndarray
    values: np.ndarray
    row_scale: np.ndarray
    precision: np.ndarray
    weight_precision: np.ndarray
    normals: np.ndarray
    rest: np.ndarray
    rest_bias: np.ndarray
    weights: np.ndarray
    weight_biases: np.ndarray

    @classmethod
    def at_random(cls, n_rows: int, n_features: int, n_factors: int, *, ones: bool, seed: int = 0) -> Weights:
        rng = np.random.default_rng(seed)
        having = rng.random((n_features, n_rows)) < 0.4
        having[-1] = False  # a feature that no row has
        features, rows = np.nonzero(having)
        indptr = np.r_[0, np.cumsum(np.bincount(features, minlength=n_features))].astype(np.int64)
        width = lanes(n_factors)
        tables = []
        for n in (n_rows, n_features):
            table = np.zeros((n, width), dtype=np.float32)
            table[:, :n_factors] = rng.standard_normal((n, n_factors))
            tables += [table, rng.standard_normal(n).astype(np.float32)]
        return cls(
            indptr,
            rows.astype(np.int32),
            np.empty(0, np.float32) if ones else rng.standard_normal(len(rows)).astype(np.float32),
            rng.uniform(0.3, 1, n_rows).astype(np.float32),
            rng.uniform(0.5, 2, n_factors + 1).astype(np.float32),
            rng.uniform(0.5, 2, n_factors + 1).astype(np.float32),
            rng.standard_normal((n_features, n_factors + 1)).astype(np.float32),
            *tables,
        )

    @property
    def n_features(self) -> int:
        return len(self.indptr) - 1

    @property
    def changing(self) -> tuple[np.ndarray, ...]:
        return self.rest, self.rest_bias, self.weights, self.weight_biases

    def dense(self) -> np.ndarray:
        """F, shape (n_rows, n_features)."""
        matrix = np.zeros((len(self.rest_bias), self.n_features))
        for f in range(self.n_features):
            for t in range(self.indptr[f], self.indptr[f + 1]):
                value = self.values[t] if len(self.values) else 1
                matrix[self.rows[t], f] = value * self.row_scale[self.rows[t]]
        return matrix

    def theta(self) -> tuple[np.ndarray, np.ndarray]:
        """What must not change: e + F B, of the factors and of the bias."""
        matrix = self.dense()
        return self.rest + matrix @ self.weights, self.rest_bias + matrix @ self.weight_biases

    def draw(self, function: object = draw_weights, *cuts: int) -> Weights:
        """A copy after all features were drawn, in one call or in several."""
        drawn = dataclasses.replace(self, **{name: getattr(self, name).copy() for name in CHANGING})
        edges = [0, *cuts, self.n_features]
        for start, stop in itertools.pairwise(edges):
            function(
                start,
                stop,
                drawn.indptr,
                drawn.rows,
                drawn.values,
                drawn.row_scale,
                drawn.precision,
                drawn.weight_precision,
                drawn.normals,
                *drawn.changing,
            )
        return drawn


CHANGING = ("rest", "rest_bias", "weights", "weight_biases")


@pytest.mark.parametrize("ones", [True, False])
@pytest.mark.parametrize("n_factors", SIZES)
def test_draw_weights_is_its_twin(n_factors: int, ones: bool) -> None:
    start = Weights.at_random(13, 6, n_factors, ones=ones, seed=n_factors)
    for ours, twin in zip(start.draw().changing, start.draw(draw_weights_readable).changing, strict=True):
        assert np.allclose(ours, twin, atol=2e-5)


@pytest.mark.parametrize("ones", [True, False])
def test_what_is_left_of_the_rows_follows_the_weights(ones: bool) -> None:
    start = Weights.at_random(10, 5, 3, ones=ones)
    drawn = start.draw()
    for before, after in zip(start.theta(), drawn.theta(), strict=True):
        assert np.allclose(before, after, atol=1e-5)
    assert (drawn.rest[:, 3:] == 0).all()
    assert (drawn.weights[:, 3:] == 0).all()


def test_a_feature_that_no_row_has_is_drawn_from_its_prior() -> None:
    start = Weights.at_random(10, 5, 3, ones=True)
    drawn = start.draw()
    expected = start.normals[-1] / np.sqrt(start.weight_precision)
    assert np.allclose(np.append(drawn.weights[-1, :3], drawn.weight_biases[-1]), expected, atol=1e-6)


@pytest.mark.parametrize("ones", [True, False])
def test_without_noise_the_weights_settle_at_ridge_regression(ones: bool) -> None:
    """Each weight in turn at its conditional mean is Gauss-Seidel: it ends at the mean of the joint posterior."""
    now = Weights.at_random(30, 6, 2, ones=ones, seed=2)
    now.normals[:] = 0
    theta, theta_bias = now.theta()
    matrix = now.dense()
    for _ in range(200):
        now = now.draw()
    columns = [*(now.weights[:, k] for k in range(2)), now.weight_biases]
    for k, (target, found) in enumerate(zip([theta[:, 0], theta[:, 1], theta_bias], columns, strict=True)):
        ridge = Ridge(alpha=now.weight_precision[k] / now.precision[k], fit_intercept=False).fit(matrix, target)
        assert np.allclose(found, ridge.coef_, atol=1e-4)


def test_the_noise_of_a_weight_has_its_conditional_variance() -> None:
    quiet = Weights.at_random(10, 5, 2, ones=False, seed=3)
    quiet.normals[:] = 0
    noisy = dataclasses.replace(quiet, normals=quiet.normals.copy())
    noisy.normals[0] = 1  # the first feature: those before it would move it too
    c = quiet.weight_precision + quiet.precision * np.square(quiet.dense()[:, 0]).sum()
    moved = noisy.draw().weights[0, :2] - quiet.draw().weights[0, :2]
    assert np.allclose(moved, 1 / np.sqrt(c[:2]), atol=1e-5)
    moved_bias = noisy.draw().weight_biases[0] - quiet.draw().weight_biases[0]
    assert moved_bias == pytest.approx(1 / np.sqrt(c[2]), abs=1e-5)


def test_runs_of_features_are_the_same_as_one_call() -> None:
    start = Weights.at_random(12, 7, 4, ones=False)
    for whole, parts in zip(start.draw().changing, start.draw(draw_weights, 1, 2, 6).changing, strict=True):
        assert np.array_equal(whole, parts)
