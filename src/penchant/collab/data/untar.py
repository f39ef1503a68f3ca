"""Download of a dataset as in fastai: `untar_data(URLs.ML_100k)`, the folder with its files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from penchant import datasets
from penchant.collab.absent import AbsentError
from penchant.errors import ParameterError

__all__ = ["URLs", "untar_data"]


class _NamesDatasets(type):
    """A class whose attributes are datasets: a name that is written in another way is told, and so are all names."""

    if not TYPE_CHECKING:  # a type checker should go on to report names that are not there

        def __getattr__(cls, name: str) -> object:
            """Say which datasets there are.

            Raises:
                AbsentError: always; it is an AttributeError, so that `hasattr` says no.
            """
            if name.startswith("_"):
                raise AttributeError(name)
            known = [each for each in vars(cls) if not each.startswith("_")]
            near = [each for each in known if each.lower() == name.lower()]
            raise AbsentError(
                f"there is no URLs.{name}: "
                + (f"use URLs.{near[0]}" if near else f"penchant has MovieLens only, URLs.{', URLs.'.join(known)}")
            )


class URLs(metaclass=_NamesDatasets):
    """Datasets under the names that fastai has for them, and others that penchant knows."""

    ML_100k = "ml-100k"
    ML_1M = "ml-1m"
    ML_10M = "ml-10m"
    ML_20M = "ml-20m"
    ML_25M = "ml-25m"
    ML_32M = "ml-32m"
    ML_LATEST_SMALL = "ml-latest-small"


def untar_data(url: str) -> Path:
    """The folder with the files of a dataset, which are downloaded if they are not on this machine.

    They are looked for as `penchant.load_dataset` looks for them: in the folder that PENCHANT_DATA names, then in the
    cache.

    Args:
        url: one of `URLs`.

    Raises:
        ParameterError: another text.
        DownloadError: the files can't be had.
    """
    known = [dataset.name for dataset in datasets.list_datasets() if not dataset.built_in]
    if url not in known:
        raise ParameterError(f"url is {url!r}: use one of URLs, such as URLs.ML_100k ({', '.join(known)})")
    return datasets.fetch(url)
