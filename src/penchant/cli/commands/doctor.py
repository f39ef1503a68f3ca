"""`penchant doctor`: what a bug report needs to say about the machine."""

import os
import platform
import re
import sys
from collections.abc import Callable
from pathlib import Path

from penchant._version import __version__
from penchant.cli.options import JsonOption
from penchant.cli.output import Json, print_json, print_lines

__all__ = ["doctor", "examine"]

_VARIABLES = (
    "PENCHANT_DATA",
    "PENCHANT_CACHE",
    "NUMBA_NUM_THREADS",
    "NUMBA_CACHE_DIR",
    "NUMBA_DISABLE_JIT",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES",
    "NO_COLOR",
)
_FOR_DEVELOPERS = re.compile(r"extra\s*==\s*['\"](dev|bench)['\"]")


def doctor(*, as_json: JsonOption = False) -> None:
    """Say what a bug report needs.

    Versions, processors, BLAS, folders and GPU of this machine.
    A part that can't be found out is shown with the reason: this command is for machines where something is wrong.
    """
    found = examine()
    if as_json:
        print_json(found)
        return
    lines = []
    for section, content in found.items():
        lines.append(section)
        pairs = content.items() if isinstance(content, dict) else [("", content)]
        width = max((len(name) for name, _ in pairs), default=0)
        lines.extend(f"  {name:<{width}}  {_in_words(value)}".rstrip() for name, value in pairs)
    print_lines(*lines)


def examine() -> dict[str, Json]:
    """Everything that `penchant doctor` says, by section."""
    sections: dict[str, Callable[[], Json]] = {
        "penchant": lambda: {"version": __version__, "folder": str(Path(__file__).parents[2])},
        "python": _python,
        "packages": _packages,
        "processors": _processors,
        "blas": _blas,
        "kernels": _kernels,
        "datasets": _datasets,
        "torch": _torch,
        "environment": lambda: {name: os.environ[name] for name in _VARIABLES if name in os.environ},
    }
    return {name: _attempt(section) for name, section in sections.items()}


def _attempt(section: Callable[[], Json]) -> Json:
    try:
        return section()
    except Exception as error:  # a broken package must not hide the rest
        return {"error": f"{type(error).__name__}: {error}"}


def _python() -> Json:
    return {
        "version": platform.python_version(),
        "implementation": platform.python_implementation(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "encoding": f"{sys.getfilesystemencoding()} (files), {getattr(sys.stdout, 'encoding', None)} (output)",
    }


def _packages() -> Json:
    """Version of each package that penchant's users may need, extras included; None where it is not installed."""
    from importlib.metadata import requires

    declared = [line for line in requires("penchant") or [] if not _FOR_DEVELOPERS.search(line)]
    names = [re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in declared]
    return {name: _version(name) for name in dict.fromkeys(names) if name != "penchant"}


def _version(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processors() -> Json:
    from penchant.kernels.parallel import available_threads

    return {"in_machine": os.cpu_count(), "usable": available_threads()}


def _blas() -> Json:
    import numpy as np

    built: dict[str, dict[str, dict[str, Json]]] = np.show_config(mode="dicts")  # type: ignore[assignment]
    blas = built["Build Dependencies"]["blas"]
    return {
        "name": blas.get("name"),
        "version": blas.get("version"),
        "configuration": blas.get("openblas configuration"),
    }


def _kernels() -> Json:
    """Where numba keeps compiled kernels: a folder that can't be written means compiling in every run."""
    import numba

    from penchant.kernels import als_sweep as als
    from penchant.kernels.jit import is_compiled

    functions = [value for value in vars(als).values() if isinstance(value, numba.core.dispatcher.Dispatcher)]
    if not functions:
        return {"jit": False, "note": "numba compiles nothing (NUMBA_DISABLE_JIT): training is very slow"}
    folder = functions[0].stats.cache_path
    return {
        "jit": True,
        "cache_folder": folder or "none: each process compiles again; let NUMBA_CACHE_DIR name a folder",
        "cache_writable": folder is not None and _writable(Path(folder)),
        "compiled": sum(map(is_compiled, functions)),
        "of": len(functions),
    }


def _datasets() -> Json:
    from penchant.datasets import cache_folder

    folder = cache_folder()
    named = os.environ.get("PENCHANT_DATA")
    return {
        "cache_folder": str(folder),
        "cache_writable": _writable(folder),
        "PENCHANT_DATA": named,
        "PENCHANT_DATA_found": None if named is None else Path(named).is_dir(),
    }


def _torch() -> Json:
    from importlib.util import find_spec

    if find_spec("torch") is None:
        return {"version": None, "note": "not installed: pip install 'penchant[torch]' (for penchant.collab)"}
    import torch

    gpus: list[Json] = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return {"version": torch.__version__, "cuda": torch.version.cuda, "threads": torch.get_num_threads(), "gpus": gpus}


def _writable(folder: Path) -> bool:
    """Whether a file can be put there, making the folder first where it is missing."""
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
    return nearest.is_dir() and os.access(nearest, os.W_OK)


def _in_words(value: Json) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "-"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)
