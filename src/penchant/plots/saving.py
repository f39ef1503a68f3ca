"""Figures saved as files: HTML, PNG, SVG, PDF."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.checks import is_real, require
from penchant.errors import ParameterError, UnsupportedError
from penchant.plots.theme import graph_objects
from penchant.storage.atomic import write_atomically

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["SUFFIXES", "check_suffix", "save"]

SUFFIXES = (".html", ".png", ".svg", ".pdf")

_WIDTH, _HEIGHT = 880, 480  # of images, in pixels, where the figure does not say
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body {{ margin: 0; background: {ground} }} #figure {{ min-width: 760px }}</style>
</head>
<body>
{plot}
</body>
</html>
"""


def save(figure: go.Figure, path: str | Path, *, scale: float = 2.0) -> Path:
    """Write a figure to a file, whole or not at all; its suffix says as what.

    HTML is one file with all that it needs, Plotly's program too (about 5 MB): it opens without a network. Images are
    drawn by Chrome or Chromium, which kaleido looks for.

    Args:
        figure: from a function of `penchant.plots`, or any other of Plotly's.
        path: where to, ending in .html, .png, .svg or .pdf. Returned as a `Path`.
        scale: pixels of a .png for each pixel of the figure (default 2.0).

    Raises:
        ParameterError: another suffix, no figure, no path, or `scale` is not more than 0.
        SourceError: the folder is missing or can't be written to.
        UnsupportedError: plotly is not installed, or kaleido, Chrome or Chromium for an image.

    >>> import penchant as pt, tempfile, pathlib
    >>> from penchant import plots
    >>> figure = plots.ratings_histogram(pt.load_dataset("sample"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     plots.save(figure, pathlib.Path(folder) / "ratings.html").name
    'ratings.html'
    """
    suffix = check_suffix(path)
    require(isinstance(figure, graph_objects().Figure), "figure", figure, "a figure, such as plots.item_map(rec)")
    require(is_real(scale) and 0 < scale < float("inf"), "scale", scale, "a number more than 0, such as 2")
    content = _page(figure).encode() if suffix == ".html" else _image(figure, suffix[1:], scale)
    target = Path(path)
    write_atomically(target, [content])
    return target


def check_suffix(path: object) -> str:
    """The suffix of a file that a figure can be saved as, in small letters.

    Raises:
        ParameterError: it has another one, or is no path.
    """
    require(isinstance(path, str | Path), "path", path, "the name of a file, such as 'map.html'")
    suffix = Path(str(path)).suffix.lower()
    if suffix not in SUFFIXES:
        raise ParameterError(f"{str(path)!r} does not say what to write: end it in {', '.join(SUFFIXES[:-1])} or .pdf")
    return suffix


def _page(figure: go.Figure) -> str:
    meta = figure.layout.meta
    title = str(meta["title"]) if isinstance(meta, dict) and "title" in meta else "Figure"
    plot = figure.to_html(
        full_html=False,
        include_plotlyjs=True,
        div_id="figure",  # else a new one each time, and no two files of one figure are the same
        config={"responsive": True, "displaylogo": False},
    )
    return _PAGE.format(title=html.escape(title), ground=figure.layout.paper_bgcolor or "#ffffff", plot=plot)


def _image(figure: go.Figure, kind: str, scale: float) -> bytes:
    try:
        import kaleido  # type: ignore[import-untyped, unused-ignore]
    except ImportError as error:
        raise UnsupportedError(
            f"a .{kind} needs kaleido: pip install 'penchant[plot]', or save as .html, which does not"
        ) from error
    layout = figure.layout
    size = {"width": layout.width or _WIDTH, "height": layout.height or _HEIGHT}
    try:
        # Not by Plotly's to_image, which has the browser load MathJax from the network.
        image: Any = kaleido.calc_fig_sync(
            figure.to_dict(), opts={"format": kind, "scale": scale, **size}, kopts={"mathjax": False}
        )
    except Exception as error:  # a browser fails in many ways, and this says what to do about each
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UnsupportedError(
            f"a .{kind} is drawn by Chrome or Chromium, which did not do it ({reason}): install one of them or run "
            "plotly_get_chrome, or save as .html, which needs neither"
        ) from error
    return bytes(image)
