"""Does the kernelspec `quarterdeck` serve JupyterLab's own server, whose kernels are asked for by HTTP?"""

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
import uuid

import psutil
import pytest
from websockets.sync.client import connect

from conftest import PATIENCE, ROOT, until

TOKEN = "a-token-of-the-tests-own"


class Lab:
    """A server at an address, and what one says to it."""

    def __init__(self, port: int) -> None:
        self.host = f"127.0.0.1:{port}"

    def ask(self, path: str, method: str = "GET", body: dict | None = None):
        """Give the answer to a request, read from JSON where there is any."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {TOKEN}"}
        request = urllib.request.Request(f"http://{self.host}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read() or b"null")

    def run(self, kernel: str, code: str, meanwhile=lambda: None) -> list[dict]:
        """Run a cell by the kernel's channels; give its messages up to the one that says it is done."""
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "x", "session": "s"}
        content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
        parts = {"header": header | {"date": "", "version": "5.3"}, "parent_header": {}, "metadata": {}, "buffers": []}
        heard = []
        with connect(f"ws://{self.host}/api/kernels/{kernel}/channels?token={TOKEN}") as channels:
            channels.send(json.dumps(parts | {"channel": "shell", "content": content}))
            while not heard or heard[-1]["content"].get("execution_state") != "idle":
                message = json.loads(channels.recv(timeout=PATIENCE))
                if message["parent_header"].get("msg_id") == header["msg_id"]:
                    heard.append(message)
                    if message["msg_type"] == "execute_input":
                        meanwhile()
        return heard

    def evaluate(self, kernel: str, expression: str):
        """Give an expression's value, by way of JSON."""
        heard = self.run(kernel, f"import json, os; print(json.dumps({expression}))")
        return json.loads(next(m["content"]["text"] for m in heard if m["msg_type"] == "stream"))


def answers(lab, server, log):
    try:
        lab.ask("/api/status")
    except (urllib.error.URLError, ConnectionError):
        assert server.poll() is None, log.read_text()
        return False
    return True


@pytest.fixture(scope="module")
def lab(tmp_path_factory, forking_process):
    """Start the server that JupyterLab runs on."""
    root = tmp_path_factory.mktemp("lab")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folders = {f"JUPYTER_{kind}_DIR": str(root / kind) for kind in ("CONFIG", "RUNTIME", "DATA")}
    kernelspecs = {"JUPYTER_PATH": str(ROOT / "lib/quarterdeck/batch/jupyter"), "JUPYTER_PREFER_ENV_PATH": "1"}
    command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", f"--port={port}"]
    with (root / "log.txt").open("w") as log:
        server = subprocess.Popen(
            [
                *command,
                "--ServerApp.port_retries=0",
                f"--IdentityProvider.token={TOKEN}",
                f"--ServerApp.root_dir={root}",
            ],
            env=os.environ | folders | kernelspecs | {"QUARTERDECK_ZYGOTE": forking_process.address},
            stdout=log,
            stderr=log,
        )
    begun = Lab(port)
    try:
        until(lambda: answers(begun, server, root / "log.txt"))
        yield begun
    finally:
        server.terminate()
        server.wait(PATIENCE)


def test_a_kernel_is_started_runs_is_interrupted_restarted_and_ended_by_http(lab, forking_process):
    kernel = lab.ask("/api/kernels", "POST", {"name": "quarterdeck"})["id"]
    process = psutil.Process(lab.evaluate(kernel, "os.getpid()"))
    assert process.ppid() == forking_process.process.pid and lab.evaluate(kernel, "6 * 7") == 42

    stopped = lab.run(
        kernel, "import time; time.sleep(600)", lambda: lab.ask(f"/api/kernels/{kernel}/interrupt", "POST")
    )
    assert [m["content"]["ename"] for m in stopped if m["msg_type"] == "error"] == ["KeyboardInterrupt"]

    lab.run(kernel, "left = 1")
    lab.ask(f"/api/kernels/{kernel}/restart", "POST")
    again = psutil.Process(lab.evaluate(kernel, "os.getpid()"))
    assert again != process and not process.is_running() and lab.evaluate(kernel, "'left' in globals()") is False
    assert again.ppid() == forking_process.process.pid

    lab.ask(f"/api/kernels/{kernel}", "DELETE")
    psutil.wait_procs([again], timeout=PATIENCE)
    assert not again.is_running() and lab.ask("/api/kernels") == []


def test_a_kernel_that_is_killed_is_started_again(lab, forking_process):
    kernel = lab.ask("/api/kernels", "POST", {"name": "quarterdeck"})["id"]
    process = psutil.Process(lab.evaluate(kernel, "os.getpid()"))
    forking = psutil.Process(forking_process.process.pid)
    before = forking.children()
    process.kill()
    until(
        lambda: set(forking.children()) - set(before)
    )  # the server looks every three seconds whether its kernels live
    assert lab.evaluate(kernel, "os.getpid()") != process.pid
    lab.ask(f"/api/kernels/{kernel}", "DELETE")
