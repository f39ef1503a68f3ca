"""Waits with an end: calls into a network that may never answer, and that Ctrl-C can't interrupt."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from penchant.errors import SourceError

__all__ = ["answered"]

T = TypeVar("T")

LONGEST = 30.0  # seconds that a cloud may take to say whether a file is there


def answered(call: Callable[[], T], label: str, seconds: float | None = None) -> T:
    """What a call returns, or an error when it has not come back.

    The call runs on a thread of its own, because a library in C that waits for a network does not hear of Ctrl-C. One
    that never comes back stays there, and does not keep the process from ending.

    Args:
        call: what to do.
        label: what is asked for, for messages.
        seconds: how long to wait; None (default) for half a minute.

    Raises:
        SourceError: there is no answer.
        Exception: whatever the call raises.
    """
    results: list[T] = []
    errors: list[BaseException] = []
    done = threading.Event()

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:
            errors.append(error)
        finally:
            done.set()

    longest = LONGEST if seconds is None else seconds
    threading.Thread(target=run, name="penchant-wait", daemon=True).start()
    if not done.wait(longest):
        raise SourceError(
            f"can't reach {label}: no answer in {longest:g} seconds; look at the network, and at the rights to read it"
        )
    if errors:
        raise errors[0]
    return results[0]
