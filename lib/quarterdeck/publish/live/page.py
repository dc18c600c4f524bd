"""How does a page come alive? Voilà's own handler, on a kernel that has executed what the page's sliders depend on.

The page is there at once, as the run stored it. Below it, in the same answer, come the sliders, of a kernel that executes
the run's own notebook file from the run's own folder: not all of it, but what the KPIs and the cells tagged `live` need
(`program.py`). Where the kernel comes from is in `kernels.py`.
"""

import logging
import time
from collections.abc import AsyncIterator
from typing import Any

from nbformat import NotebookNode
from tornado.ioloop import IOLoop
from tornado.web import HTTPError
from voila.tornado.handler import TornadoVoilaHandler

from quarterdeck.batch import fork_server, kernels
from quarterdeck.present.tables import KPI_MIME
from quarterdeck.publish.live import program
from quarterdeck.publish.live.kernels import ALONE_SECONDS
from quarterdeck.publish.pages.handler import Page
from quarterdeck.publish.pages.handlers import notebook_facts

POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
SIGN_OF_LIFE = "voila_heartbeat"  # in what Voilà sends while a kernel is at work
UNANSWERED = "The sliders could not be made: their kernel did not answer. Load the page again to try once more."
WIDGETS = (
    "@jupyter-widgets/jupyterlab-manager",
    "@voila-dashboards/widgets-manager8",
)  # what draws widgets, and what loads them


def prepare(handler: "LivePage", notebook: NotebookNode, cwd: str) -> NotebookNode:
    """Reduce a run's notebook to what the kernel is to execute; Voilà calls this before it starts one (`prelaunch_hook`)."""
    notebook.cells = handler.program.cells(after_once=bool(handler.shared_start))
    spec = {"name": kernels.KERNEL if fork_server.FORKS else "python3", "display_name": "Python", "language": "python"}
    page = {"closing": handler.closing, "digest": handler.digest, "mime": KPI_MIME}
    notebook.metadata = NotebookNode(kernelspec=NotebookNode(spec), page=NotebookNode(page))
    return notebook


def failure(output: dict[str, Any]) -> str:
    """Log why a cell failed; give the sentence for the viewer, which says no more than that it did."""
    logging.getLogger("quarterdeck").warning("a live page's cell failed: %s: %s", output["ename"], output["evalue"])
    return "The sliders could not be made: a cell of the notebook failed. The page is as the run stored it."


async def ended(parts: AsyncIterator[str], seconds: float) -> AsyncIterator[str]:
    """Give a page's parts, and end it where for so long nothing came but signs of life, which Voilà goes on
    sending when a kernel did not answer."""
    heard = time.monotonic()
    async for part in parts:
        if SIGN_OF_LIFE not in part:
            heard = time.monotonic()
        elif time.monotonic() - heard > seconds:
            yield f'<p class="missing">{UNANSWERED}</p>'
            return
        yield part


def configuration(page_config: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Keep of the front end's parts those that show widgets (`page_config_hook`), so that no other host is asked for more."""
    parts = [e for e in page_config["federated_extensions"] if e["name"] in WIDGETS]
    return page_config | {"federated_extensions": parts, "disabledExtensions": ["@jupyterlab/mathjax2-extension"]}


class LivePage(Page, TornadoVoilaHandler):
    """`/live/<company>/<run>/<region>/<notebook>`: the page, then its sliders."""

    kernel = ""  # once it has one
    begun = False  # its kernel, which from then on takes the place
    gone = False  # its viewer, before the page was whole

    def set_default_headers(self) -> None:
        """Set the security headers: scripts of this server's own run here, and no others."""
        super().set_default_headers()
        self.set_header("Content-Security-Policy", POLICY)

    async def get(self, company: str, run: str, region: str, notebook: str) -> None:
        """Show the page with a kernel, or say why there is none."""
        path = self.shelf.notebook(company, run, region, notebook)
        if not path:
            raise HTTPError(404)
        found = self.find(company, run)
        facts = notebook_facts(self, found, run, region, notebook, path)
        if not facts["explore"]:
            return self.redirect(self.request.path.removeprefix("/live"))
        within = path.relative_to(self.shelf.outputs)
        self.folder = str(within.parent.parent)
        self.digest, self.program, self.shared_start = facts["digest"], program.read(path), None
        if not await self.kernel_manager.take(self):
            return self.say_wait(facts)
        try:
            body = self.body(await self.rendered_page(path), facts)
            page = self.fill("page.html.j2", body=body, live=True, **facts)
            opening, _, self.closing = page.rpartition("</main>")
            self.html()
            self.write(opening)
            self.flush()
            self.shared_start = await self.kernel_manager.shared_start_for(self.program.once, path.parent.parent)
            self.begun = self in self.kernel_manager.waiting
            if self.begun:
                await super().get(path=str(within))
        finally:
            self.kernel_manager.waiting.discard(self)
            self.kernel_manager.loading.discard(self.kernel)
            # The page is whole: its scripts are now to load, and to connect, if anybody is still there.
            self.wait_for_viewer(0 if self.gone else 3 * ALONE_SECONDS)

    def get_generator(self, path: str | None = None) -> AsyncIterator[str]:
        """Stream the page, up to its end or to where its kernel does not answer."""
        return ended(super().get_generator(path), 3 * kernels.START_SECONDS)

    def on_connection_close(self) -> None:
        """Give up the place or the kernel of a viewer who left before the page was whole."""
        self.gone = True
        if not self.begun:
            self.kernel_manager.waiting.discard(self)
        self.wait_for_viewer(ALONE_SECONDS)

    def wait_for_viewer(self, seconds: float) -> None:
        """End the page's kernel, if it has one, unless a viewer is connected to it by then."""
        if self.kernel:
            IOLoop.current().call_later(seconds, self.kernel_manager.end_if_alone, self.kernel)

    def head(self, *_: str) -> None:
        """Refuse: a question costs no kernel."""
        raise HTTPError(405)

    def say_wait(self, facts: dict[str, Any]) -> None:
        """Say that all kernels are taken; the page asks again by itself."""
        self.set_status(503)
        self.set_header("Retry-After", "15")
        places, user = self.kernel_manager, self.current_user
        own = places.own(user) if places.held(user) >= places.own(user) and not user.shared else 0
        self.draw("waiting.html.j2", own=own, most=places.most, idle=places.cull_idle_timeout // 60, **facts)
