"""Names of fastai that are not here: whoever asks for one is told what to use instead."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from penchant.errors import UnsupportedError

__all__ = ["LEARNER", "LOADERS", "MODULE", "AbsentError", "TellsWhatIsAbsent", "absent"]

_EPOCHS = "batches run as one piece of compiled code; write a loop over learn.dls.train, whose batches are tensors"
_ONE_RATE = "all parameters have one learning rate; learn.model.u_weight.requires_grad_(False) holds a table still"
_SINGLE = "models here are trained in single precision: leave it out"
_COLUMNS = "dls.user_name, dls.item_name and dls.rating_name say which columns are used"
_OPTIMISER = "use Adam, or partial(Adam, eps=1e-7), as opt_func; for another, write a loop over dls.train"
_OTHER_DATA = "only tables of ratings are read here: CollabDataLoaders.from_df or from_csv"

LEARNER: Mapping[str, str] = MappingProxyType(
    {
        "summary": "print(learn.model) shows the layers; sum(p.numel() for p in learn.model.parameters()) counts",
        "fine_tune": "no weights come from elsewhere, so nothing is fine-tuned: use learn.fit_one_cycle(5, 5e-3)",
        "fit_sgdr": "use learn.fit_one_cycle or learn.fit_flat_cos",
        "show_training_loop": "help(penchant.collab.Callback) has the events",
        "to_fp16": _SINGLE,
        "to_fp32": _SINGLE,
        "freeze_to": _ONE_RATE,
        "tta": "a pair of ids has no other views to average over: use learn.get_preds()",
        "one_batch": _EPOCHS,
        "all_batches": _EPOCHS,
        "ordered_cbs": "learn.cbs has the callbacks; those with the lowest order are called first",
        "validation_context": "use learn.no_logging(), learn.no_bar() and learn.added_cbs(...)",
        "loss_not_reduced": "use learn.get_preds(with_loss=True)",
    }
)
LOADERS: Mapping[str, str] = MappingProxyType(
    {
        "vocab": 'dls.classes has the values of both columns, such as dls.classes["title"]',
        "items": "the table that from_df was given has them; dls.train.x and dls.train.y are its rows as numbers",
        "procs": "from_df turns ids into row numbers by itself: see dls.classes",
        "cat_names": _COLUMNS,
        "cont_names": "there are no continuous columns; penchant.Bayes(item_features=...) learns from some",
        "y_names": _COLUMNS,
        "dataset": "use dls.train_ds and dls.valid_ds",
        "after_batch": "batches have no transforms: change the table before from_df",
        "after_item": "rows have no transforms: change the table before from_df",
        "num_workers": "all ratings lie on the device already, so no worker fetches them: leave it out",
        "show_results": "use learn.show_results(), or learn.results() for a table",
        "new_empty": "use learn.export() and load_learner, which keep the classes without the ratings",
        "drop_last": "a training epoch leaves out a last batch that is not full, as in fastai",
    }
)
MODULE: Mapping[str, str] = MappingProxyType(
    {
        "SGD": _OPTIMISER,
        "RMSProp": _OPTIMISER,
        "Lamb": _OPTIMISER,
        "RAdam": _OPTIMISER,
        "ranger": _OPTIMISER,
        "Lookahead": _OPTIMISER,
        "OptimWrapper": _OPTIMISER,
        "TabularPandas": _OTHER_DATA,
        "TabularDataLoaders": _OTHER_DATA,
        "TabularCollab": _OTHER_DATA,
        "DataBlock": _OTHER_DATA,
        "DataLoaders": _OTHER_DATA,
        "TabDataLoader": "an epoch takes every rating once here, which is what dl_type=TabDataLoader asks of fastai",
        "tabular_learner": "use collab_learner(dls, use_nn=True, layers=[100, 50])",
        "TabularModel": "use EmbeddingNN",
        "Interpretation": "use learn.get_preds(with_loss=True), or learn.recommender(), which has explain and evaluate",
        "CSVLogger": "learn.recorder.values has the rows of the table: pd.DataFrame(learn.recorder.values)",
        "ShowGraphCallback": "use learn.recorder.plot_loss() after the training",
        "MixedPrecision": _SINGLE,
        "GradientAccumulation": "use a larger bs in CollabDataLoaders.from_df",
        "CrossEntropyLossFlat": "ratings are numbers: use MSELossFlat or L1LossFlat",
        "accuracy": "ratings are numbers: use metrics=[rmse, mae]",
        "R2Score": "use metrics=[rmse, mae]; rmse**2 divided by the variance of the ratings is 1 - R2",
        "get_c": "a model gives one number for each pair: there are no classes to count",
    }
)


class AbsentError(UnsupportedError, AttributeError):
    """An attribute that fastai has and penchant does not; the message says what to use instead."""


def absent(owner: str, name: str, instead: str) -> AbsentError:
    """The error for such a name.

    Args:
        owner: whose attribute it would be.
        name: the attribute.
        instead: what to use.

    >>> print(absent("a learner", "summary", "print(learn.model)"))
    a learner has no 'summary' here: print(learn.model)
    """
    have = "have" if owner.endswith("s") else "has"
    return AbsentError(f"{owner} {have} no {name!r} here: {instead}")


class TellsWhatIsAbsent:
    """Base of a class that knows the names which its twin in fastai has and it has not."""

    _owner: ClassVar[str]
    _absent: ClassVar[Mapping[str, str]]

    if not TYPE_CHECKING:  # a type checker should go on to report names that are not there

        def __getattr__(self, name: str) -> object:
            """Say what to use in the place of a name of fastai.

            Raises:
                AbsentError: for such a name; it is an AttributeError, so that `hasattr` says no.
                AttributeError: for every other name.
            """
            if name in self._absent:
                raise absent(self._owner, name, self._absent[name])
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
