"""How does one notebook become a page, in a process of its own?

This process is forked like a kernel, or started by `python -m quarterdeck.batch.notebook`. It writes a draft beside the
run, moves it to its place when it is whole, and writes the outcome to a file for the runner, which may outlive it.
"""

import ast
import asyncio
import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient.util import ensure_async
from papermill import execute_notebook
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from traitlets.config import Config

from quarterdeck.batch import fork_server
from quarterdeck.batch.folders import recorded
from quarterdeck.batch.kernels import KERNEL
from quarterdeck.data import durable

MEGABYTE = 1 << 20
MOST_OUTPUT = 16 * MEGABYTE  # of one notebook; a page of thirty pictures has a fifth of it
ASK_WHAT_WAS_READ = "__import__('json').dumps(__import__('sys').modules['quarterdeck.data.snapshot'].tables_read())"


class Client(PapermillNotebookClient):
    """papermill's client of a kernel, with an end to time and to output, and a last question."""

    def __init__(self, *args: Any, until: float, job: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, timeout_func=lambda cell: max(until - time.monotonic(), 1), **kwargs)
        self.job, self.size = job, 0

    def process_message(self, msg: dict, *args: Any, **kwargs: Any) -> Any:
        """Take an output in; beyond the limit, stop the notebook instead."""
        content = msg["content"]
        self.size += len(content.get("text", "")) + sum(
            len(v) for v in content.get("data", {}).values() if isinstance(v, str)
        )
        if self.size <= MOST_OUTPUT:
            return super().process_message(msg, *args, **kwargs)
        if not self.nb_man.nb.metadata.get("overflowed"):
            self.nb_man.nb.metadata["overflowed"] = True
            asyncio.ensure_future(ensure_async(self.km.interrupt_kernel()))
        shown = msg["msg_type"] in ("stream", "display_data", "execute_result", "update_display_data")
        return None if shown else super().process_message(msg, *args, **kwargs)

    def papermill_execute_cells(self) -> None:
        """Execute, then ask which tables were read, and write into the notebook what it is made of."""
        super().papermill_execute_cells()
        asked = self.kc.execute("", silent=True, user_expressions={"read": ASK_WHAT_WAS_READ})
        read = self.wait_for_reply(asked)["content"].get("user_expressions", {}).get("read", {})
        text = read.get("data", {}).get("text/plain", "'null'")  # null where it has not imported the module
        rows = rows_read(json.loads(ast.literal_eval(text)), Path(self.job["cwd"]) / "data", self.job["parts"])
        made = {"made_in": Path(self.job["cwd"]).name, "made_of": self.job["made_of"] | {"rows": rows}}
        self.nb_man.nb.metadata["quarterdeck"] = made


class Engine(NBClientEngine):
    """The engine by which papermill comes to `Client`."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> Any:
        """Execute a notebook that papermill has prepared."""
        given = {
            k: v for k, v in kwargs.items() if k in ("until", "job", "config", "shutdown_kernel", "extra_arguments")
        }
        client = Client(nb_man, kernel_name=kernel_name, startup_timeout=60, **given)
        try:
            return client.execute()
        except Exception:
            nbformat.write(nb_man.nb, kwargs["job"]["draft"])  # as far as it came
            raise


papermill_engines.register("quarterdeck", Engine)


def work(owner: socket.socket | None, job: dict[str, Any]) -> None:
    """Execute one notebook; leave the outcome in the file `job["outcome"]`.

    Parameters
    ----------
    owner : socket or None
        The connection to the process that asked for this one, where it was forked; nothing is sent.
    job : dict
        file, draft, place, aside and outcome (paths), parameters, cwd (the run's folder), sockets (a folder), seconds (that it
        may take), made_of and parts (as `fresh` and the snapshot have them) and recorded (by kind, the MIME type under which a
        notebook records figures and forecasts).
    """
    begun = time.monotonic()
    draft, error, notebook = Path(job["draft"]), None, None
    said = {kind: [] for kind in job["recorded"]}
    try:
        notebook = _execute(job, begun)
        said = recorded(notebook, job["recorded"])
    except Exception as fault:  # whatever stops a notebook is a failure of that notebook alone
        error = _reason(fault, _as_far_as_it_came(draft), job["seconds"])
    place = Path(job["place"] if error is None else job["aside"])
    if draft.is_file():
        place.parent.mkdir(parents=True, exist_ok=True)
        durable.settle(draft, place)
    made_of = notebook.metadata["quarterdeck"]["made_of"] if notebook else job["made_of"]
    outcome = {"error": error, "seconds": round(time.monotonic() - begun, 2), "made_of": made_of} | said
    durable.whole(Path(job["outcome"]), lambda draft: draft.write_text(json.dumps(outcome), encoding="utf-8"))


def rows_read(read: list | None, data: Path, parts: dict[str, dict[str, str]]) -> dict[str, str] | None:
    """Give the hashes of the rows that a notebook read, by region and table; None where it read another snapshot.

    A notebook that did not open its desk the usual way may have read anything of the snapshot.
    """
    if read is None:
        return {f"{region} {table}": value for region, tables in parts.items() for table, value in tables.items()}
    if any(folder != str(data.resolve()) or region not in parts for folder, region, _ in read):
        return None
    return {f"{region} {table}": parts[region].get(table, "") for _, region, tables in read for table in tables}


def _execute(job: dict[str, Any], begun: float) -> nbformat.NotebookNode:
    # Sockets by path, where one may be so long: many kernels over TCP race for ports.
    sockets = {"transport": "ipc", "ip": job["sockets"]} if len(os.fsencode(job["sockets"])) < 90 else {}
    link = {"client_factory": "quarterdeck.batch.kernels.PromptClient"} | sockets
    how = {
        "engine_name": "quarterdeck",
        "kernel_name": KERNEL if fork_server.FORKS else "python3",
        "cwd": job["cwd"],
        "progress_bar": False,
        "request_save_on_cell_execute": False,  # the draft is written once
        "autosave_cell_every": 0,
        "until": begun + job["seconds"],
        "job": job,
        "shutdown_kernel": "immediate",
        "config": Config(AsyncKernelManager=link, KernelManager=link),
        # The kernel logs an interrupt as an error; and a run has no history to keep.
        "extra_arguments": ["--IPKernelApp.log_level=CRITICAL", "--HistoryManager.enabled=False"],
    }
    notebook = execute_notebook(job["file"], job["draft"], job["parameters"], **how)
    if notebook.metadata.get("overflowed"):
        raise RuntimeError
    return notebook


def _as_far_as_it_came(draft: Path) -> nbformat.NotebookNode | None:
    """Read the draft of a notebook that failed; one that was not written whole is removed."""
    try:
        return nbformat.read(draft, as_version=4)
    except (OSError, ValueError, nbformat.reader.NotJSONError):
        draft.unlink(missing_ok=True)
        return None


def _reason(fault: Exception, notebook: nbformat.NotebookNode | None, seconds: float) -> str:
    """Say in one line which cell failed and why."""
    if notebook and notebook.metadata.get("overflowed"):
        return f"it put out more than {MOST_OUTPUT // MEGABYTE} MB"
    if type(fault).__name__ == "CellTimeoutError":
        return f"it took longer than the {seconds:g} seconds it is given"
    name = getattr(fault, "ename", type(fault).__name__)
    text = " ".join(str(getattr(fault, "evalue", fault)).split())[:300]
    return f"{_cell(notebook)}{name}: {text}"


def _cell(notebook: nbformat.NotebookNode | None) -> str:
    """Name the cell that failed by the heading it stands under."""
    heading = "first cells"
    for cell in notebook.cells if notebook else []:
        papermills = "papermill" in cell.metadata.get("tags", [])
        if cell.cell_type == "markdown" and cell.source.startswith("#") and not papermills:
            heading = cell.source.splitlines()[0].lstrip("# ")
        elif any(o.output_type == "error" for o in cell.get("outputs", [])):
            return f"cell {cell.execution_count} under “{heading}”: "
    return ""


if __name__ == "__main__":
    work(None, json.load(sys.stdin))
