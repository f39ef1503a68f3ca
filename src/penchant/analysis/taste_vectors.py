"""Latent vectors of users and items that can be compared, whatever the model: what taste adds to a rating."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from penchant.analysis.varimax import principal_axes
from penchant.arrays.types import Float32Array, Float64Array, Int32Array
from penchant.models.model import Model

__all__ = ["Tastes", "factor_tastes", "tastes"]

_MOST_OTHERS = 256  # rows of the other side that a row is asked about, where a model has no factors


class Tastes(NamedTuple):
    """Vectors of users and of items. Their inner products within a side are covariances of what taste adds.

    Attributes:
        users: (n_users, size): a vector's length is the standard deviation of the user's taste part over items.
        items: (n_items, size'): the same over users: how far people part over the item.
    """

    users: Float64Array
    items: Float64Array


def tastes(model: Model) -> Tastes:
    """Vectors of taste of every row.

    Of a model with a linear form, in the unit of its sum: with Z the scores and L the loadings of `principal_axes`,
    p_u . q_i - (what holds for the user or the item in general) = z_u . l_i. Items have l, and users z times the
    deviations of l's columns. Of other models, what each row is predicted with at most 256 rows of the other side,
    spread evenly, less the means of rows and of columns.
    """
    form = model.linear_form()
    if form is not None:
        return factor_tastes(form.user_factors, form.item_factors)
    users = np.arange(model.n_users, dtype=np.int32)
    items = np.arange(model.n_items, dtype=np.int32)
    of_users = _centred(_predictions(model, users, _spread_out(items)))
    of_items = _centred(_predictions(model, _spread_out(users), items).T)
    return Tastes(of_users, of_items)


def factor_tastes(user_factors: Float32Array, item_factors: Float32Array) -> Tastes:
    """The same of factors: of what P Q^T adds to each score beyond what holds for the user or the item in general.

    Args:
        user_factors, item_factors: P and Q.
    """
    axes = principal_axes(user_factors.astype(np.float64), item_factors.astype(np.float64))
    deviations = np.sqrt(np.mean(axes.right**2, axis=0)) if len(axes.right) else np.zeros(axes.right.shape[1])
    return Tastes(axes.left * deviations, axes.right)


def _spread_out(rows: Int32Array) -> Int32Array:
    return rows[np.unique(np.linspace(0, len(rows) - 1, _MOST_OTHERS).astype(np.int64))] if len(rows) else rows


def _predictions(model: Model, users: Int32Array, items: Int32Array) -> Float64Array:
    every_user, every_item = np.repeat(users, len(items)), np.tile(items, len(users))
    return model.predict(every_user, every_item).reshape(len(users), len(items)).astype(np.float64)


def _centred(table: Float64Array) -> Float64Array:
    if table.size == 0:
        return table
    rest = table - table.mean(axis=1, keepdims=True)
    centred: Float64Array = (rest - rest.mean(axis=0)) / np.sqrt(table.shape[1])
    return centred
