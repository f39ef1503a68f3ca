"""Explaining: why a person is predicted to give an item what is predicted."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping

import numpy as np

from penchant.arrays import Float32Array, Float64Array, Int32Array
from penchant.checks import is_whole, require
from penchant.contributions import Answer, RowParts, dot_bias_answer, dot_bias_parts
from penchant.errors import UnsupportedError
from penchant.explanation import Effect, Explanation, RatingEffect
from penchant.models.dot_bias import DotBias
from penchant.models.embedding_nn import EmbeddingNN
from penchant.models.net_fold_in import fold_in_net
from penchant.net_contributions import net_answer, net_parts
from penchant.predicting import Predicting
from penchant.profile import Profile
from penchant.sparse import FeatureRow

__all__ = ["Explaining"]


class Explaining(Predicting):
    """Predictions taken apart."""

    def explain(
        self,
        item: Hashable,
        user_id: Hashable | None = None,
        *,
        ratings: Mapping[Hashable, float] | Profile | None = None,
        n: int | None = None,
    ) -> Explanation:
        """One prediction in parts that add up to it, and what each of the person's own ratings has to do with it.

            prediction = mean + item bias + user bias + taste

        A person's row is a weighted sum of their ratings (less what the items get from anybody), so user bias and
        taste can be shared out among the ratings. A rating has a positive effect where it is above what the item gets
        from others and the items are alike, or below and they are opposites.

        The row of a user of the training ratings was learned together with everything else, so there is a part
        `beyond` what the ratings say with all items held still. See docs/explaining.md for how large it is.

        Args:
            item: id or exact title.
            user_id: a user of the training ratings; or None (default), with `ratings`.
            ratings: those of somebody new, {item id or title: stars}, or a `Profile`; or None (default), with
                `user_id`.
            n: of how many ratings, the strongest, to tell the effect one by one; the others are told together. None
                (default) for all.

        Raises:
            UnknownIdError, AmbiguousTitleError: an item or a user that is not known, or not by one name.
            DataError: a rating outside the scale.
            ParameterError: no person or two, or `n` is negative.
            UnsupportedError: the model is of a kind that can't be taken apart.

        >>> import penchant as pt
        >>> rec = pt.ALS(n_factors=4).fit(pt.load_dataset("sample"))
        >>> why = rec.explain(rec.items[2], ratings={rec.items[0]: 5, rec.items[1]: 2})
        >>> round(why.mean + why.item_bias + why.user_bias + why.taste - why.prediction, 9)
        0.0
        """
        require(n is None or is_whole(n, 0), "n", n, "a whole number of at least 0, or None for all")
        person = self._person(user_id, ratings)
        row = int(self._names.rows([item])[0])
        if isinstance(person, Profile):
            item_idx, rating = person.item_idx, person.rating
            answer, parts = self._new_taken_apart(person, row)
        else:
            user = self.users.index(user_id)
            seen = self._state.seen
            known = seen is not None and user < seen.n_users
            item_idx = seen.items_of(user) if seen is not None and known else np.empty(0, np.int32)
            rating = seen.ratings_of(user) if seen is not None and known else np.empty(0, np.float32)
            answer, parts = self._known_taken_apart(user, row, item_idx, rating)
        told = None if user_id is not None and self._state.seen is None else (item_idx, rating)
        return self._explanation(row, user_id, answer, parts, told, n)

    def _new_taken_apart(self, person: Profile, item: int) -> tuple[Answer, RowParts]:
        model = self.model
        if isinstance(model, DotBias):
            theta = person.row.mean
            parts = dot_bias_parts(model, theta, person.item_idx, person.rating, features=person.features)
            return dot_bias_answer(model, theta, item), parts
        if isinstance(model, EmbeddingNN):
            own = fold_in_net(model, person.item_idx, person.rating, self.rating_scale).astype(np.float64)
            parts = net_parts(model, own, person.item_idx, person.rating, self.rating_scale)
            return net_answer(model, own, item), parts
        raise self._unexplained()

    def _known_taken_apart(
        self, user: int, item: int, item_idx: Int32Array, rating: Float32Array
    ) -> tuple[Answer, RowParts]:
        model = self.model
        if isinstance(model, DotBias):
            theta = np.append(model.user_factors[user], model.user_biases[user]).astype(np.float64)
            noise = None if model.spread is None else float(model.spread.user_noise[user])
            parts = dot_bias_parts(model, theta, item_idx, rating, noise, self._features_of(user))
            return dot_bias_answer(model, theta, item), parts
        if isinstance(model, EmbeddingNN):
            own = model.user_inputs[user].astype(np.float64)
            return net_answer(model, own, item), net_parts(model, own, item_idx, rating, self.rating_scale)
        raise self._unexplained()

    def _features_of(self, user: int) -> FeatureRow | None:
        encoder = self._state.user_features
        if encoder is None:
            return None
        return encoder.row({column.name: self.user_attributes[column.name][user] for column in encoder.columns})

    def _unexplained(self) -> UnsupportedError:
        return UnsupportedError(
            f"this model ({self.model.kind}) can't be taken apart; dot_bias and embedding_nn models can"
        )

    def _explanation(
        self,
        item: int,
        user_id: Hashable | None,
        answer: Answer,
        parts: RowParts,
        told: tuple[Int32Array, Float32Array] | None,
        n: int | None,
    ) -> Explanation:
        effects = np.column_stack([parts.ratings @ answer.on_bias, parts.ratings @ answer.on_taste])
        order = np.argsort(-np.abs(effects.sum(axis=1)), kind="stable")
        shown, others = (order, order[:0]) if n is None else (order[:n], order[n:])
        others_effect = _effect(effects[others].sum(axis=0)) if len(others) else Effect(0.0, 0.0)
        prior, features = (
            Effect(float(part @ answer.on_bias), float(part @ answer.on_taste))
            for part in (parts.prior, parts.features)
        )
        ratings = None if told is None else self._rating_effects(shown, effects, *told)
        model = self.model
        # What is left, not `parts.beyond` times the slopes: then nothing is lost to rounding.
        known = [*(effects[shown] if ratings else ()), others_effect, prior, features]
        beyond = Effect(
            math.fsum([answer.user_bias, *(-float(on_bias) for on_bias, _ in known)]),
            math.fsum([answer.taste, *(-float(on_taste) for _, on_taste in known)]),
        )
        titles = self.item_attributes.titles
        return Explanation(
            item_id=self.items[item],
            title=None if titles is None else titles[item],
            user_id=user_id,
            mean=answer.mean,
            item_bias=answer.item_bias,
            user_bias=answer.user_bias,
            taste=answer.taste,
            ratings=ratings,
            n_others=len(others) if told is not None else 0,
            others=others_effect,
            prior=prior,
            features=None if self._state.user_features is None else features,
            beyond=beyond,
            rating_scale=self.rating_scale,
            is_exact=isinstance(model, DotBias) and model.y_range is None,
            before_sigmoid=answer.before_sigmoid,
        )

    def _rating_effects(
        self, shown: np.ndarray, effects: Float64Array, item_idx: Int32Array, rating: Float32Array
    ) -> tuple[RatingEffect, ...]:
        titles = self.item_attributes.titles
        return tuple(
            RatingEffect(
                self.items[int(item_idx[at])],
                None if titles is None else titles[item_idx[at]],
                float(rating[at]),
                *_effect(effects[at]),
            )
            for at in shown.tolist()
        )


def _effect(pair: Float64Array) -> Effect:
    return Effect(float(pair[0]), float(pair[1]))
