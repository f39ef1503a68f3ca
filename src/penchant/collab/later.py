"""Lazy import: a module that is imported when it is first used."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

__all__ = ["Later"]


class Later(ModuleType):
    """Stands for a module, and imports it when somebody asks it for something.

    Unlike importlib's LazyLoader it leaves `sys.modules` alone, so that other threads never meet a module half loaded.

    Args:
        name: of the module.
        extra: which extra of penchant brings it, for the error that says it is not installed; None (default) for a
            module that is always there.
    """

    def __init__(self, name: str, extra: str | None = None) -> None:
        super().__init__(name)
        self._extra = extra

    def __getattr__(self, name: str) -> object:
        # What inspection asks every module is no reason to import one.
        if name.startswith("__") and name != "__version__" and self.__name__ not in sys.modules:
            raise AttributeError(name)
        value: object = getattr(self._module(), name)
        return value

    def __dir__(self) -> list[str]:
        return dir(self._module())

    def _module(self) -> ModuleType:
        try:
            return import_module(self.__name__)
        except ModuleNotFoundError as error:
            hint = f": pip install 'penchant[{self._extra}]'" if self._extra else ""
            raise ModuleNotFoundError(f"{error}{hint}", name=error.name) from error
