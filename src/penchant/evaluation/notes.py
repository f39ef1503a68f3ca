"""What to know before trusting the numbers of a scorecard, in words."""

from __future__ import annotations

from penchant.text import counted

__all__ = ["MOST_RATED", "known_pairs", "lost_to_most_rated", "sameness"]

MOST_RATED = "most rated"
_ALIKE = 0.9  # of two lists, the share in common at which they are called the same


def known_pairs(n_known: int | None, n_ratings: int) -> tuple[str, ...]:
    """A note where test pairs were trained on, or where nobody can tell.

    Args:
        n_known: test pairs that were trained on; None where the training ratings are not at hand.
        n_ratings: test pairs in all.
    """
    if n_known is None:
        return (
            "the training ratings were not kept with this model: lists may hold what a user has rated, cold users "
            f"and items are not counted, and there is no row {MOST_RATED!r}",
        )
    if n_known == 0:
        return ()
    return (
        f"the model was trained on {n_known:,} of these {counted(n_ratings, 'pair')} of user and item: errors on them "
        "tell what was remembered, and lists leave out what a user has rated",
    )


def sameness(overlap: float) -> tuple[str, ...]:
    """A note where everybody gets nearly the same list.

    Args:
        overlap: `metrics.overlap` of the model's lists.
    """
    if not overlap > _ALIKE:
        return ()
    return (f"everybody gets nearly the same list: two users have {overlap:.0%} of theirs in common",)


def lost_to_most_rated(ndcg: float, most_rated: float, k: int) -> tuple[str, ...]:
    """A note where the model's lists are worse than those of the most rated items.

    Args:
        ndcg: `metrics.ndcg_at_k` of the model's lists, the mean over users; NaN where nobody got a list.
        most_rated: the same of the most rated items; NaN likewise, and where the training ratings are not at hand.
        k: length of the lists.
    """
    if not most_rated > ndcg:
        return ()
    return (
        "showing everybody the most rated items makes better lists than this model does: "
        f"ndcg@{k} {most_rated:.4f} against {ndcg:.4f}",
    )
