"""Predictions and losses of a learner, of tables and of rows. Nothing is learned here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from penchant.checks import is_whole, require
from penchant.collab.display.shown import show
from penchant.collab.fits.measuring import Metric, each_loss, mean_loss, predicted
from penchant.collab.tensors import L
from penchant.errors import DataError, ParameterError

if TYPE_CHECKING:
    import pandas as pd

    from penchant.collab.data.loaders import CollabDataLoaders, DataLoader
    from penchant.collab.fits.epoch import Loss

__all__ = ["Predicts"]


class Predicts:
    """A model with data loaders, and what can be asked of them: the base of `Learner`.

    Attributes:
        dls: the data loaders.
        model: the model.
        loss_func: the loss.
        metrics: what is measured besides.
    """

    dls: CollabDataLoaders
    model: nn.Module
    loss_func: Loss
    _metrics: list[Metric]

    def _loader(self, ds_idx: int, dl: DataLoader | None) -> DataLoader:
        if dl is not None:
            return dl
        require(is_whole(ds_idx) and ds_idx in (0, 1), "ds_idx", ds_idx, "0 for the training ratings, 1 for the others")
        return (self.dls.train, self.dls.valid)[ds_idx]

    def _predicted(self, dl: DataLoader) -> Tensor:
        self.model.eval()  # and it stays so, as in fastai: a model that is called by hand then answers as it should
        return predicted(self.model, dl.x.to(self._device))

    def measure(self, dl: DataLoader) -> list[float | None]:
        """Loss and metrics of a loader; None where it holds nothing.

        Args:
            dl: the loader.
        """
        if len(dl.x) == 0 or dl.y is None:
            return [None] * (1 + len(self._metrics))
        predictions = self._predicted(dl)
        targets = dl.y.to(predictions.device)
        loss = mean_loss(self.loss_func, predictions, targets, dl.bs)
        return [loss, *(metric.of(predictions, targets, dl.bs) for metric in self._metrics)]

    def validate(self, ds_idx: int = 1, dl: DataLoader | None = None) -> list[float | None]:
        """Loss and metrics on held-out ratings, or on others.

        Args:
            ds_idx: 1 for the held-out ratings (default 1), 0 for those trained on.
            dl: another loader, such as `dls.test_dl(frame)`; None (default) for that of `ds_idx`.

        Returns:
            [loss, metrics ...]; None where there is nothing to measure on.

        Raises:
            ParameterError: `ds_idx` is neither, or the model does not give one number a row.
        """
        return L(*self.measure(self._loader(ds_idx, dl)))

    def get_preds(
        self,
        ds_idx: int = 1,
        dl: DataLoader | None = None,
        with_input: bool = False,
        with_decoded: bool = False,
        with_loss: bool = False,
    ) -> tuple[Tensor | None, ...]:
        """Predictions and targets in the order of the table, on the CPU.

        Args:
            ds_idx, dl: as for `validate`.
            with_input: rows of users and items, too, in front (default False).
            with_decoded: predictions once more, as they are shown, behind the targets (default False).
            with_loss: the loss of every row, at the end (default False).

        Returns:
            (predictions, targets), and what else was asked for. Targets are None where a loader has none.

        Raises:
            ParameterError: as `validate`; or `with_loss` without targets.
        """
        loader = self._loader(ds_idx, dl)
        predictions = self._predicted(loader)
        targets = None if loader.y is None else loader.y.cpu()
        found: list[Tensor | None] = [loader.x.cpu()] if with_input else []
        found += [predictions.cpu(), targets]
        if with_decoded:
            found.append(predictions.cpu())
        if with_loss:
            if targets is None:
                raise ParameterError("with_loss needs ratings: this loader has none")
            found.append(each_loss(self.loss_func, predictions.cpu(), targets))
        return tuple(found)

    def predict(self, row: Mapping[str, object] | pd.Series | pd.DataFrame) -> tuple[pd.DataFrame, Tensor, Tensor]:
        """The prediction for one user and one item.

        Args:
            row: a dict or a pandas Series such as {"user": 196, "title": "Kolya (1996)"}; other entries are ignored.

        Returns:
            A table of one row with the prediction in the column of ratings, the prediction, and the prediction as it
            comes out of the model, as in fastai.

        Raises:
            UnknownIdError: the user or the item is not among those trained on; near ones are suggested.
            DataError: the row lacks the user or the item.
        """
        import pandas as pd

        given = row.iloc[0] if isinstance(row, pd.DataFrame) and len(row) == 1 else row
        names = (self.dls.user_name, self.dls.item_name)
        if not isinstance(given, Mapping | pd.Series):
            raise DataError(f"predict takes one row as a dict or a Series, not a {type(row).__name__}")
        for name in names:
            if name not in given:
                raise DataError(f"the row has no {name!r}: it needs {names[0]!r} and {names[1]!r}")
        asked = [given[name] for name in names]
        codes = [self.dls.classes[name].o2i[value] for name, value in zip(names, asked, strict=True)]
        prediction = predicted(self.model, torch.tensor([codes], device=self._device)).cpu()[0]
        shown = pd.DataFrame([[*asked, float(prediction)]], columns=[*names, self.dls.rating_name])
        return shown, prediction, prediction

    def results(self, max_n: int = 9, ds_idx: int = 1) -> pd.DataFrame:
        """Some held-out ratings beside their predictions, chosen by chance.

        Args:
            max_n: how many (default 9).
            ds_idx: as for `validate`.

        Returns:
            A table with the columns of users, items and ratings, and the predictions in a column that ends in _pred.
        """
        require(is_whole(max_n, 1), "max_n", max_n, "a whole number of at least 1")
        loader = self._loader(ds_idx, None)
        picked = torch.randperm(len(loader.x))[:max_n].to(loader.x.device)
        x = loader.x[picked]
        table = loader.decoded(x, None if loader.y is None else loader.y[picked])
        table[f"{self.dls.rating_name}_pred"] = predicted(self.model, x.to(self._device)).reshape(-1).cpu().numpy()
        return table

    def show_results(self, ds_idx: int = 1, max_n: int = 9) -> None:
        """Show some held-out ratings beside their predictions: the table of `results`.

        Args:
            ds_idx, max_n: as for `results`.
        """
        show(self.results(max_n, ds_idx))

    @property
    def _device(self) -> torch.device:
        """Where the model is."""
        return next((p.device for p in self.model.parameters()), torch.device("cpu"))
