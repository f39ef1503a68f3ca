"""The command `penchant`: parse what was typed, call the library, print.

    penchant train RATINGS -o FILE       read, hold out, train, compare with the baselines, save
    penchant evaluate FILE RATINGS       errors and lists on other ratings, beside the baselines
    penchant predict FILE --user --item  what a user would give
    penchant recommend FILE --user       the best items for a user, somebody new or a group
    penchant ask-next FILE               what to ask somebody new
    penchant explain FILE ITEM --user    why that is predicted
    penchant similar FILE ITEM           items that the same people like
    penchant items FILE                  items ranked by learned bias
    penchant poles FILE                  what the factors are about
    penchant map FILE                    two coordinates for each item
    penchant info FILE                   what a file holds
    penchant plot FILE --kind -o FILE    a picture of it
    penchant update FILE RATINGS         takes in new ratings
    penchant forget FILE USER            takes a person out
    penchant export FILE -o              factors and biases for other programs
    penchant datasets [list|fetch]       ratings that are known by name
    penchant doctor                      what a bug report needs

Results go to stdout (as JSON with --json), all else to stderr. Exit codes are those of `penchant.errors`; 130 after
Ctrl-C, 141 when the reader of a pipe has gone. Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TextIO, cast

from penchant.errors import ParameterError, PenchantError, SourceError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: what was typed after `penchant`; None (default) for the arguments of this process.
    """
    import typer

    from penchant.cli.app import run
    from penchant.cli.output import INTERRUPTED, Interrupted, fail, note

    arguments = sys.argv[1:] if arguments is None else list(arguments)
    _repair_streams()
    # All that typer finds wrong with what was typed has this base, which has no public name in every release.
    usage_error = cast("type[Exception]", typer.BadParameter.__bases__[0])
    # Completion in a shell comes without arguments, and asks for options of any command.
    with_solvers = "train" in arguments or "_PENCHANT_COMPLETE" in os.environ
    try:
        code = run(arguments, solver_options=with_solvers)
    except usage_error as error:
        return _usage(error)
    except Interrupted as stopped:
        note(str(stopped))
        return INTERRUPTED
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except OSError as error:
        return fail(f"{error.filename or 'output'}: {error.strerror or error}", SourceError.exit_code)
    except MemoryError:
        return fail("not enough memory for this", PenchantError.exit_code)
    if code == INTERRUPTED:
        return fail("interrupted", INTERRUPTED)
    return code if isinstance(code, int) else 0


def _usage(error: Exception) -> int:
    """A mistake in what was typed, in the form of all other errors, and where to read on."""
    from penchant.cli.output import fail

    context = getattr(error, "ctx", None)
    message = str(getattr(error, "format_message", lambda: str(error))()).strip().removesuffix(".")
    path = "penchant" if context is None else context.command_path
    return fail(f"{message} (see `{path} --help`)", ParameterError.exit_code)


def _repair_streams() -> None:
    """Closed streams become the null device, and characters that a terminal does not know are spelled out."""
    for name in ("stdout", "stderr"):
        stream: TextIO | None = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123  # open to the end
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
