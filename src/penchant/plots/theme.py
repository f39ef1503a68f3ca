"""Theme of plots: colours, fonts, and names cut to their place."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penchant.checks import require
from penchant.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Hashable

    import plotly.graph_objects as go

__all__ = ["THEMES", "Theme", "blank", "cut", "escaped", "graph_objects", "looks", "shortened", "wrapped"]

_FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif"
_TOP, _LEGEND, _LEFT, _RIGHT = 84, 30, 72, 32  # pixels around the plot


@dataclass(frozen=True)
class Theme:
    """Colours of a picture.

    `blue` and `orange` are told apart by every kind of colour vision (Okabe, Ito 2008) and are as far from the ground
    as the guidelines of the web ask for: 3 to 1, and text (`ink`, `soft`) 4.5 to 1. `middle` is neither of the two, and
    `veil` the ground that dots behind a name shine through.
    """

    ground: str
    ink: str
    soft: str
    line: str
    veil: str
    blue: str
    orange: str
    middle: str


THEMES = {
    "light": Theme(
        "#ffffff", "#1f2328", "#59636e", "#d0d7de", "rgba(255,255,255,0.75)", "#0072b2", "#c85200", "#8a9199"
    ),
    "dark": Theme("#0d1117", "#e6edf3", "#9198a1", "#30363d", "rgba(13,17,23,0.75)", "#56b4e9", "#f0953f", "#878d96"),
}


def graph_objects() -> Any:
    """Plotly's figures.

    Raises:
        UnsupportedError: plotly is not installed.
    """
    try:
        import plotly.graph_objects as go
    except ImportError as error:
        raise UnsupportedError("pictures need plotly: pip install 'penchant[plot]'") from error
    return go


def looks(theme: str) -> Theme:
    """The colours of a theme.

    Args:
        theme: "light" or "dark".

    Raises:
        ParameterError: `theme` is another word.
    """
    require(isinstance(theme, str) and theme in THEMES, "theme", theme, '"light" or "dark"')
    return THEMES[theme]


def blank(title: str, subtitle: str, theme: str, *, height: int = 480, legend: bool = False) -> go.Figure:
    """A figure without traces, in the colours of a theme, as wide as the page allows.

    Args:
        title, subtitle: what it shows, and of what; plain text.
        theme: "light" or "dark".
        height: in pixels (default 480).
        legend: leave room for one above the plot (default False).

    Raises:
        ParameterError: `theme` is another word.
        UnsupportedError: plotly is not installed.
    """
    colours, go = looks(theme), graph_objects()
    axis = _axis(colours)
    template = go.layout.Template(layout={"xaxis": axis, "yaxis": axis})
    return go.Figure(
        layout={
            "template": template,
            "meta": {"title": title},  # as it is, for whoever names the picture
            "font": {"family": _FONT, "size": 13, "color": colours.ink},
            "paper_bgcolor": colours.ground,
            "plot_bgcolor": colours.ground,
            "title": {
                "text": f"<b>{escaped(title)}</b>",
                "subtitle": {"text": escaped(subtitle), "font": {"size": 13, "color": colours.soft}},
                "font": {"size": 16, "color": colours.ink},
                "x": 0,
                "xref": "container",
                "y": 1,
                "yref": "container",
                "yanchor": "top",
                "pad": {"l": 20, "t": 20},
            },
            "height": height,
            # In the margin, for above the plot it would hide the title.
            "modebar": {
                "orientation": "v",
                "bgcolor": "rgba(0,0,0,0)",
                "color": colours.soft,
                "activecolor": colours.ink,
            },
            "margin": {"l": _LEFT, "r": _RIGHT, "t": _TOP + _LEGEND * legend, "b": 64},
            "showlegend": legend,
            "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"},
            "hoverlabel": {
                "bgcolor": colours.ground,
                "bordercolor": colours.soft,
                "font": {"color": colours.ink, "family": _FONT},
                "align": "left",
            },
        }
    )


def _axis(colours: Theme) -> dict[str, Any]:
    """What both axes have in common."""
    return {
        "gridcolor": colours.line,
        "linecolor": colours.soft,
        "tickcolor": colours.soft,
        "zerolinecolor": colours.soft,
        "zerolinewidth": 1,
        "tickfont": {"color": colours.soft},
        "title": {"font": {"size": 14, "color": colours.ink}, "standoff": 12},
        "automargin": True,
    }


# -- names --


def escaped(text: str) -> str:
    """Text as Plotly shows it letter by letter: it takes <b> and the like for marks, and $...$ for formulas."""
    return html.escape(" ".join(text.split()), quote=False).replace("$", "&#36;")


def shortened(name: Hashable, width: int = 36) -> str:
    """A name cut to its place, escaped.

    Args:
        name: a title or an id.
        width: characters at most (default 36).
    """
    return escaped(cut(name, width))


def cut(name: Hashable, width: int) -> str:
    """The same, not escaped: for a part of a text that will be. A bracket is left out rather than cut open.

    Args:
        name: a title or an id.
        width: characters at most.
    """
    text = " ".join(str(name).split())
    if len(text) <= width:
        return text
    start = text[: width - 1]
    opened = start.rfind("(")
    return (start[:opened] if opened > max(start.rfind(")"), width // 2) else start).rstrip() + "…"


def wrapped(name: Hashable, width: int = 60) -> str:
    """A whole name on as many lines as it takes, escaped.

    Args:
        name: a title or an id.
        width: characters a line (default 60).
    """
    import textwrap

    return "<br>".join(escaped(line) for line in textwrap.wrap(str(name), width)) or " "
