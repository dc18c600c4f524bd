"""What has every kernel imported, fitted and drawn before it starts?"""

import importlib
import io
import os
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

LIBRARIES = """
IPython IPython.core.pylabtools IPython.core.magics.execution matplotlib_inline.backend_inline ipykernel.kernelapp
ipykernel.ipkernel ipykernel.zmqshell ipykernel.debugger ipykernel.heartbeat ipykernel.parentpoller debugpy comm jedi
psutil nbclient papermill.execute pandas numpy scipy.stats scipy.optimize scipy.special scipy.signal scipy.linalg
duckdb ibis ibis.backends.duckdb pandera pyarrow.parquet pyarrow.dataset matplotlib.pyplot
matplotlib.backends.backend_agg seaborn great_tables statsforecast.models statsmodels.api statsmodels.tsa.seasonal
sklearn.cluster sklearn.linear_model sklearn.metrics sklearn.preprocessing holidays pydantic yaml tqdm pandera.pandas
IPython.core.completerlib IPython.core.debugger IPython.core.oinspect IPython.extensions.storemagic
tornado.platform.asyncio""".split()


def preload() -> None:
    """Import the libraries; fit, draw and lay out once, so that compiled code and fonts are in memory."""
    for name in LIBRARIES:
        try:
            importlib.import_module(name)
        except ImportError:  # an optional one: a kernel without it imports it, or fails, by itself
            continue
    sys.modules["duckdb"].default_connection().close()  # importing it opens one, with a thread
    sys.modules["matplotlib.backends.registry"].backend_registry.list_all()  # it reads every package's entry points
    _draw_and_fit()
    _gather_names()


def _draw_and_fit() -> None:
    import great_tables
    import matplotlib as mpl
    import numpy as np
    import pandas as pd
    from matplotlib.figure import Figure
    from statsforecast.models import IMAPA

    as_installed = dict(dict.items(mpl.rcParams))
    year = np.arange(36.0) % 12 + 10
    IMAPA().forecast(year, h=1)  # compiled at its first call, which takes three seconds
    ax = Figure(layout="constrained").subplots()
    ax.plot(pd.date_range("2026-01-01", periods=36), year, label="é€−")
    ax.legend()
    ax.figure.savefig(io.BytesIO(), format="png")
    great_tables.GT(pd.DataFrame({"a": [1.0]})).fmt_number("a").as_raw_html()
    dict.update(mpl.rcParams, as_installed)


def start_again() -> None:
    """Give a forked process what it must not share with its siblings: the state of numpy's old random numbers."""
    import numpy as np

    np.random.seed(int.from_bytes(os.urandom(4)))


class _Sys(ModuleType):
    """`sys`, but for what is set here."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)


def _gather_names() -> None:
    """Write the modules' names side by side, and show ipykernel their files' names in place of thousands of modules.

    Each kernel asks for all names, and every module for its file (the debugger's sake); what it touches it copies, and that
    were 19 MB.
    """
    modules = {_copied(name): module for name, module in sys.modules.items()}
    sys.modules.clear()
    sys.modules.update(modules)
    files = [vars(module).get("__file__") for module in modules.values()]
    shown = {n: SimpleNamespace(__file__=_copied(f)) for n, f in enumerate(files) if isinstance(f, str)}
    sys.modules["ipykernel.ipkernel"].sys = _Sys("sys")
    sys.modules["ipykernel.ipkernel"].sys.modules = shown


def _copied(text: str) -> str:
    return "".join(list(text))
