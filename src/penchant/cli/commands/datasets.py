"""`penchant datasets`: which ratings can be had by name, and fetching them."""

from typing import Annotated

import typer

from penchant.cli.options import JsonOption
from penchant.cli.output import Json, Table, print_json, print_lines, print_table

__all__ = ["fetch_dataset", "list_all"]


def list_all(*, as_json: JsonOption = False) -> None:
    """List the datasets that `penchant train` takes by name, and where they are on this machine."""
    from penchant.datasets import list_datasets

    rows: list[dict[str, Json]] = []
    for dataset in list_datasets():
        location = dataset.location()
        rows.append(
            {
                "name": dataset.name,
                "title": dataset.title,
                "n_ratings": dataset.n_ratings,
                "rating_scale": list(dataset.rating_scale),
                "megabytes": dataset.megabytes,
                "licence": dataset.licence,
                "url": dataset.url or None,
                "built_in": dataset.built_in,
                "folder": None if location is None else str(location),
            }
        )
    if as_json:
        print_json(rows)
        return
    print_table(
        Table(
            ("name", "ratings", "scale", "where it is"),
            [(row["name"], f"{row['n_ratings']:,}", _scale(row["rating_scale"]), _where(row)) for row in rows],
        )
    )
    print_lines("", "penchant datasets fetch NAME downloads one; penchant datasets list --json tells the licences")


def fetch_dataset(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A dataset's name, such as ml-100k.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Download a dataset to the cache, where it is not on this machine already."""
    from penchant.datasets import fetch, list_datasets

    built_in = any(dataset.name == name and dataset.built_in for dataset in list_datasets())
    folder = None if built_in else str(fetch(name))
    if as_json:
        print_json({"name": name, "folder": folder})
    else:
        print_lines(f"{name}: {folder or 'built in, nothing to fetch'}")


def _scale(scale: Json) -> str:
    return " to ".join(f"{end:g}" for end in scale) if isinstance(scale, list) else ""


def _where(row: dict[str, Json]) -> str:
    if row["built_in"]:
        return "built in"
    return str(row["folder"] or f"to fetch: {row['megabytes']} MB")
