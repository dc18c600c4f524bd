"""What does every kernel find imported, fitted and drawn already?"""

import importlib
import io
import os
import sys

LIBRARIES = """
IPython IPython.core.pylabtools IPython.core.magics.execution matplotlib_inline.backend_inline ipykernel.kernelapp
ipykernel.ipkernel ipykernel.zmqshell ipykernel.debugger ipykernel.heartbeat ipykernel.parentpoller debugpy comm jedi
psutil nbclient papermill.execute pandas numpy scipy.stats scipy.optimize scipy.special scipy.signal scipy.linalg
duckdb ibis ibis.backends.duckdb pandera pyarrow.parquet pyarrow.dataset matplotlib.pyplot
matplotlib.backends.backend_agg seaborn great_tables statsforecast.models statsmodels.api statsmodels.tsa.seasonal
sklearn.cluster sklearn.linear_model sklearn.metrics sklearn.preprocessing holidays pydantic yaml tqdm""".split()


def preload() -> None:
    """Import the libraries; fit, draw and lay out once, so that compiled code and the fonts are at hand."""
    for name in LIBRARIES:
        try:
            importlib.import_module(name)
        except ImportError:  # an optional one: a kernel without it imports it, or fails, by itself
            continue
    sys.modules["duckdb"].default_connection().close()  # importing it opens one, with a thread
    sys.modules["matplotlib.backends.registry"].backend_registry.list_all()  # it reads every package's entry points
    _draw_and_fit()
    _gather_file_names()


def _draw_and_fit() -> None:
    import great_tables
    import matplotlib as mpl
    import numpy as np
    import pandas as pd
    from matplotlib.figure import Figure
    from statsforecast.models import IMAPA, AutoETS

    as_installed = dict(dict.items(mpl.rcParams))
    year = np.arange(36.0) % 12 + 10
    AutoETS(season_length=12, model="AAA").forecast(year, h=3, level=[80])
    IMAPA().forecast(year, h=1)  # compiled at its first call, which takes three seconds
    ax = Figure(layout="constrained").subplots()
    ax.plot(pd.date_range("2026-01-01", periods=36), year, label="é€−")
    ax.legend()
    ax.figure.savefig(io.BytesIO(), format="png")
    great_tables.GT(pd.DataFrame({"a": [1.0]})).fmt_number("a").as_raw_html()
    dict.update(mpl.rcParams, as_installed)


def start_afresh() -> None:
    """Give a forked process what it must not share with its siblings: the state of numpy's old random numbers."""
    import numpy as np

    np.random.seed(int.from_bytes(os.urandom(4)))


def _gather_file_names() -> None:
    """Write the modules' file names side by side: each kernel asks for all of them, and what it touches it copies."""
    for module in list(sys.modules.values()):
        if isinstance(file := vars(module).get("__file__"), str):
            module.__file__ = "".join(list(file))
