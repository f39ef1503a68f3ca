"""Is it the right posterior? Three checks of a whole sweep that know nothing of how it draws.

1. Invariance: a state from the prior and ratings made from it, then any number of (sweep, new ratings): everything is
   still distributed as the priors say (Geweke 2004, "Getting it right"; started in its stationary distribution, as in
   Gandy, Scott 2020, "Unit testing for MCMC", so that replicates are independent and there is no mixing to wait for).
2. Coverage: intervals hold what ratings were made from as often as they say.
3. The reference: the textbook's sampler of the same model, with dense arrays and joint draws, has the same means.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from scipy import stats
from tests.solvers.gibbs.synthetic import World, features, prior_mean, some_pairs, training_data

from penchant.solvers.gibbs import chain as chain_module
from penchant.solvers.gibbs import hyper_draws as hyper


def small_world(n_factors: int = 1, seed: int = 0) -> World:
    """Five users with two attributes, four items, twelve ratings; implicit features on both sides."""
    rng = np.random.default_rng(seed)
    users, items = some_pairs(rng, 5, 4, 12)
    table = np.c_[rng.standard_normal(5), np.eye(2)[[0, 1, 1, 0, 1]]]
    data = training_data(users, items, rng.standard_normal(12), 5, 4, user_features=features(table, [1, 2]))
    return World.make(data, n_factors, seed=seed)


def pivots(world: World) -> dict[tuple[str, str], float]:
    """Numbers of the present state by (what, its distribution): each in units in which the prior is a standard one."""
    found: dict[tuple[str, str], float] = {("alpha", "gamma"): world.chain.alpha}

    def gaussian(what: str, values: np.ndarray) -> None:
        found[f"first {what}", "normal"] = values[0]
        found[f"squared {what}", f"chi2 {len(values)}"] = float(values @ values)

    gaussian("error", world.errors() / world.noise_sd())
    for name, (side, data) in zip(("user", "item"), world.sides, strict=True):
        factors, bias = prior_mean(side, data)
        k = side._n_factors
        expected = np.column_stack([factors, bias])
        theta = np.column_stack([side.factors[:, :k], side.bias])
        for d in range(k + 1):
            root = np.sqrt(side.precision[d])
            found[f"{name} lambda {d}", "gamma"] = hyper.RATE * side.precision[d]
            found[f"{name} m {d}", "normal"] = side.mean[d] * root
            gaussian(f"{name} theta {d}", (theta - expected)[:, d] * root)
            for block, weights in enumerate(side.weights):
                table = np.column_stack([weights.factors[:, :k], weights.biases]).astype(np.float64)
                found[f"{name} tau {d} of block {block}", "gamma"] = hyper.RATE * weights.precision[d]
                gaussian(f"{name} B {d} of block {block}", table[:, d] * np.sqrt(weights.precision[d]))
        found[f"{name} kappa", "kappa"] = side.kappa[0]
    return found


def cdf(distribution: str, values: np.ndarray) -> np.ndarray:
    kind, *parameter = distribution.split()
    if kind == "kappa":
        return np.mean([stats.gamma(nu / 2, scale=2 / nu).cdf(values) for nu in hyper._DEGREES], axis=0)
    shape = int(parameter[0]) if parameter else 1
    return {"gamma": stats.gamma(1), "normal": stats.norm(), "chi2": stats.chi2(shape)}[kind].cdf(values)


def p_values(world: World, n_replicates: int, n_sweeps: int) -> dict[str, float]:
    """Kolmogorov-Smirnov tests: is each number distributed after the sweeps as it was before?"""
    seen = []
    for _ in range(n_replicates):
        world.start_from_the_prior()
        world.new_ratings()
        for sweep in range(n_sweeps):
            if sweep:
                world.new_ratings()
            world.chain.sweep()
        seen.append(pivots(world))
    return {
        what: stats.kstest(cdf(distribution, np.array([each[what, distribution] for each in seen])), "uniform").pvalue
        for what, distribution in seen[0]
    }


def test_sweeps_leave_the_joint_distribution_of_parameters_and_ratings_as_it_is() -> None:
    found = p_values(small_world(), n_replicates=500, n_sweeps=4)
    assert len(found) == 45
    assert min(found.values()) > 1e-5, sorted(found.items(), key=lambda each: each[1])[:5]


@pytest.mark.parametrize(
    ("name", "position", "factor"),
    [("draw_noise_precision", 2, 0.7), ("draw_noise_scale", 3, 0.4), ("draw_weights", 7, 2.0)],
    ids=["squared errors too small", "alpha too small for kappa", "tau too large for B"],
)
def test_a_fault_in_one_draw_would_be_seen(
    monkeypatch: pytest.MonkeyPatch, name: str, position: int, factor: float
) -> None:
    """The check above is worth something: an argument of one draw, changed by so much, is found out."""
    right = getattr(chain_module, name)

    def wrong(*args: object) -> object:
        changed = list(args)
        changed[position] = args[position] * np.float32(factor)
        return right(*changed)

    monkeypatch.setattr(chain_module, name, wrong)
    assert min(p_values(small_world(), n_replicates=250, n_sweeps=3).values()) < 1e-7


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Predictions, effects of users and items, and the noise of users, over eight tables of 60 users and 50 items."""
    held: dict[tuple[float, str], list[float]] = {}
    for seed in range(8):
        rng = np.random.default_rng(seed)
        p, q = rng.normal(0.2, 0.6, (60, 2)), rng.normal(-0.1, 0.8, (50, 2))
        table = rng.normal(0, 0.5, (60, 1)) + rng.normal(0, 0.6, 50) + p @ q.T
        variance = 0.5 / (rng.gamma(3, 1 / 3, (60, 1)) * rng.gamma(8, 1 / 8, 50))
        users, items = some_pairs(rng, 60, 50, 1500)
        rating = 3 + table[users, items] + rng.standard_normal(1500) * np.sqrt(variance[users, items])
        world = World.make(training_data(users, items, rating, 60, 50), 2, implicit=seed % 2 == 0, seed=seed)
        unit, middle = world.run._spread, world.run._mean
        drawn = []
        for sweep in range(240):
            world.chain.sweep()
            if sweep >= 40:
                u, i = world.chain.users, world.chain.items
                predicted = u.bias[:, None] + i.bias + u.factors @ i.factors.T
                noise = unit**2 / (world.chain.alpha * u.kappa[:, None].astype(np.float64) * i.kappa)
                drawn.append(known(middle + unit * predicted, np.log(noise)))
        for what, true in known(3 + table, np.log(variance)).items():
            draws = np.array([each[what] for each in drawn])
            for share in (0.5, 0.9):
                lo, hi = np.quantile(draws, [0.5 - share / 2, 0.5 + share / 2], axis=0)
                held.setdefault((share, what), []).append(float(np.mean((lo <= true) & (true <= hi))))
    allowed = {"predictions": 0.035, "user effects": 0.1, "item effects": 0.1, "noise of users": 0.1}
    for (share, what), shares in held.items():
        assert np.mean(shares) == pytest.approx(share, abs=allowed[what]), what


def known(table: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
    """What ratings tell of: no shift or rotation of the parameters changes it."""
    return {
        "predictions": table,
        "user effects": table.mean(axis=1) - table.mean(),
        "item effects": table.mean(axis=0) - table.mean(),
        "noise of users": noise.mean(axis=1),
    }


def reference(
    users: np.ndarray, items: np.ndarray, rating: np.ndarray, shape: tuple[int, int], n_factors: int, seed: int
) -> Iterator[tuple[np.ndarray, float]]:
    """The same model without noise scales, as a textbook would have it: dense, and all weights in one draw.

    Yields the table of predictions and alpha after every sweep, for ever.
    """
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape)
    mask[users, items] = 1
    dense = np.zeros(shape)
    dense[users, items] = rating
    size, alpha = n_factors + 1, 1.0
    sides = []
    for seen, values in ((mask, dense), (mask.T, dense.T)):
        features = seen / np.sqrt(np.maximum(seen.sum(1, keepdims=True), 1))
        theta = 0.1 * rng.standard_normal((len(seen), size))
        theta[:, -1] = 0
        sides.append([seen, values, features, theta, np.zeros((features.shape[1], size)), np.full(size, 10.0)])
    while True:
        for own, other in ((0, 1), (1, 0)):
            seen, values, features, theta, weights, tau = sides[own]
            n = len(theta)
            rest = theta - features @ weights
            average = rest.mean(0)
            rate = hyper.RATE + 0.5 * ((rest - average) ** 2).sum(0) + 0.5 * n * average**2 / (1 + n)
            precision = rng.gamma(1 + n / 2, 1 / rate)
            mean = n * average / (1 + n) + rng.standard_normal(size) / np.sqrt((1 + n) * precision)
            for d in range(size):  # B | theta: one Gaussian of all weights of a column
                root = np.linalg.cholesky(precision[d] * features.T @ features + tau[d] * np.eye(len(weights)))
                half = np.linalg.solve(root, precision[d] * features.T @ (theta[:, d] - mean[d]))
                weights[:, d] = np.linalg.solve(root.T, half + rng.standard_normal(len(weights)))
            tau[:] = rng.gamma(1 + len(weights) / 2, 1 / (hyper.RATE + 0.5 * (weights**2).sum(0)))
            x = np.column_stack([sides[other][3][:, :-1], np.ones(len(weights))])
            y = (values - sides[other][3][:, -1]) * seen
            lam = alpha * np.einsum("nj,ja,jb->nab", seen, x, x, optimize=True) + np.diag(precision)
            right = alpha * y @ x + precision * (mean + features @ weights)
            covariance = np.linalg.inv(lam)
            noise = np.linalg.cholesky(covariance) @ rng.standard_normal((n, size, 1))
            theta[:] = np.einsum("nab,nb->na", covariance, right) + noise[:, :, 0]
        p, q = sides[0][3], sides[1][3]
        table = p[:, :-1] @ q[:, :-1].T + p[:, -1:] + q[:, -1]
        alpha = rng.gamma(1 + len(rating) / 2, 1 / (1 + 0.5 * ((rating - table[users, items]) ** 2).sum()))
        yield table, alpha


def ours(world: World) -> Iterator[tuple[np.ndarray, float]]:
    while True:
        world.chain.sweep()
        u, i = world.chain.users, world.chain.items
        yield u.factors @ i.factors.T + u.bias[:, None] + i.bias, world.chain.alpha


def test_posterior_means_are_those_of_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over eight chains of each sampler, within the error that the chains' own differences give."""
    monkeypatch.setattr(chain_module, "draw_noise_scale", lambda rng, counts, *_: np.ones(len(counts), np.float32))
    rng = np.random.default_rng(3)
    shape = (18, 12)
    users, items = some_pairs(rng, *shape, 110)
    factors = [rng.standard_normal((n, 2)) * 0.8 for n in shape]
    rating = np.einsum("nk,nk->n", factors[0][users], factors[1][items]) + rng.standard_normal(18)[users] * 0.6
    rating = (rating + 0.5 * rng.standard_normal(110)).astype(np.float32)
    data = training_data(users, items, rating, *shape)
    standard = ((rating - rating.mean(dtype=np.float64)) / rating.std(dtype=np.float64)).astype(np.float64)
    means = {}
    for name in ("reference", "ours"):
        for seed in range(8):
            sampler = (
                ours(World.make(data, 2, seed=seed))
                if name == "ours"
                else reference(users, items, standard, shape, 2, seed)
            )
            kept = [next(sampler) for _ in range(330)][30:]
            tables = np.array([table for table, _ in kept])
            found = np.append(tables.mean(0).ravel(), tables.std(0).ravel())
            means.setdefault(name, []).append(np.append(found, np.mean([alpha for _, alpha in kept])))
    one, two = (np.array(means[name]) for name in ("reference", "ours"))
    assert one.shape == two.shape == (8, 2 * 18 * 12 + 1)
    t = (one.mean(0) - two.mean(0)) / np.sqrt((one.var(0, ddof=1) + two.var(0, ddof=1)) / 8)
    spread = one[:, 18 * 12 : -1].mean()  # posterior standard deviation of a prediction
    assert np.mean(t**2) < 2.5  # of t with 14 degrees of freedom it is 14 / 12; with a rate of 0.2 for 0.1 it is 7
    assert np.sqrt(np.mean((one.mean(0) - two.mean(0))[: 18 * 12] ** 2)) < 0.15 * spread
