"""Display of tables where people look: in the cell of a notebook, or on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penchant.collab.display.live_table import notebook_display

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["show"]


def show(frame: pd.DataFrame) -> None:
    """Show a table: as HTML in a notebook, else printed.

    Args:
        frame: the table.
    """
    display = notebook_display()
    if display is None:
        print(frame.to_string(max_colwidth=60))
    else:
        display(frame, display_id=False)
