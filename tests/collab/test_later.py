"""Modules that a star import does not wait for: `pd` and `plt`."""

from __future__ import annotations

import json.tool
import subprocess
import sys
from types import ModuleType

import pytest

pytest.importorskip("torch", reason="penchant.collab needs torch")
from penchant.collab.later import Later


def test_it_gives_what_the_module_gives():
    module = Later("json.tool")
    assert isinstance(module, ModuleType)
    assert module.main is json.tool.main
    assert dir(module) == dir(json.tool)
    assert module.__file__ == json.tool.__file__
    with pytest.raises(AttributeError, match="nothing"):
        module.nothing  # noqa: B018 - asking is the test


def test_a_module_that_is_not_installed_says_what_to_install():
    module = Later("no_such_module", "torch")
    with pytest.raises(ModuleNotFoundError, match=r"no_such_module.*pip install 'penchant\[torch\]'"):
        module.figure  # noqa: B018 - asking is the test
    with pytest.raises(ModuleNotFoundError, match=r"no_such_module'$"):
        dir(Later("no_such_module"))
    assert not hasattr(module, "__wrapped__")  # inspection imports nothing


def test_a_star_import_waits_for_neither_pandas_nor_matplotlib():
    code = """if True:
        import sys
        from penchant.collab import *
        assert not {"pandas", "matplotlib", "numba"} & set(sys.modules)
        assert not hasattr(pd, "__wrapped__") and "pandas" not in sys.modules
        table = pd.DataFrame({"user": [1, 2] * 5, "item": [3, 4] * 5, "rating": [1.0, 2.0] * 5})
        assert len(CollabDataLoaders.from_df(table, bs=2).train) == 4
        import pandas
        assert pd.__version__ == pandas.__version__ and pd.DataFrame is pandas.DataFrame
        pd.options.display.max_rows = 7
        assert pandas.options.display.max_rows == 7
    """
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
