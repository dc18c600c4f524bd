"""Which pages are there, and what does each of them answer?"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tornado.ioloop import IOLoop
from tornado.web import HTTPError
from voila.static_file_handler import MultiStaticFileHandler

from quarterdeck.errors import RunError
from quarterdeck.publish.access.shelf import LATEST, Run
from quarterdeck.publish.exports import formats
from quarterdeck.publish.pages import compare, page_frame, prerender, render, search
from quarterdeck.publish.pages.handler import PAGE, Frame, Page, Unavailable

NO_EXPORT = "This run did not record what a deck or a letter says."
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
TYPES = {"webp": "image/webp", "png": "image/png", "jpeg": "image/jpeg", "svg": "image/svg+xml"}


class LandingPage(Page):
    """`/`: the companies, their runs and the pages of the newest."""

    def get(self) -> None:
        """Show the shelf."""
        shown = [(self.shelf.find(c, LATEST), *self.shelf.runs(c)) for c in self.shelf.companies()]
        # A reader of some regions learns of no run that cannot be read: it may have held none of theirs.
        absent = [(c, name) for c, name, _ in self.shelf.unreadable()] if self.shelf.sees is None else []
        self.keep((tuple(shown), tuple(absent), self.now.timestamp() // 60), lambda: self.page(absent))

    def page(self, absent: list[tuple[str, str]]) -> str:
        """Make the page."""
        return self.fill("landing.html.j2", companies=page_frame.landing(self.shelf, self.now), absent=absent)


class RunPage(Page):
    """`/<company>/<run>`: one run, region by region."""

    def get(self, company: str, run: str) -> None:
        """Show a run."""
        found = self.find(company, run)
        facts = {**page_frame.summary(found, run, self.now), "rows": page_frame.rows(found, run), "others": []}
        self.draw("landing.html.j2", companies=[facts])


class SearchPage(Page):
    """`/search?q=…`: sentences and figures of the newest runs."""

    async def get(self) -> None:
        """Show what was found."""
        words = self.get_query_argument("q", "")[:200]
        found = await IOLoop.current().run_in_executor(None, search.find, self.shelf, self.prerenderer, words)
        self.draw("search.html.j2", **found)


def notebook_facts(page: Page, found: Run, run: str, region: str, notebook: str, path: Path) -> dict[str, Any]:
    """Describe what stands around a notebook's page, and where it comes alive for this user.

    Returns
    -------
    dict
        What `page_frame.frame` gives, and explore: the address of the live page, empty where there is none.
    """
    facts = page_frame.frame(page.shelf, found, run, region, notebook, page.now)
    can = page.settings["explorable"]
    alive = page.current_user.explores and not facts["edition"] and can(path)  # its run's data are of another day
    return facts | {"explore": f"/live{facts['here']}" if alive else ""}


@dataclass(frozen=True)
class PageRequest:
    """What a request for a notebook's page leads to; an answer made from it is valid while all of this is the same.

    Parameters
    ----------
    found : Run
        The run that holds the page.
    latest : Run, optional
        The company's newest run that this reader may see.
    run, region, notebook : str
        The names in the address.
    path : Path
        The stored notebook.
    rendered : Path
        The folder of its rendered page.
    """

    found: Run
    latest: Run | None
    run: str
    region: str
    notebook: str
    path: Path
    rendered: Path


class NotebookPage(Page):
    """`/<company>/<run>/<region>/<notebook>`: the outputs that papermill stored."""

    async def get(self, company: str, run: str, region: str, notebook: str) -> None:
        """Show a page, or say why there is none."""
        found = self.find(company, run)
        path = self.shelf.notebook(company, run, region, notebook)
        if not path:
            return self.explain(found, run, region, notebook)
        rendered = await self.rendered_page(path)
        latest = found if run == LATEST else self.shelf.find(company, LATEST)
        asked = PageRequest(found, latest, run, region, notebook, path, rendered)
        age = page_frame.age(found.made(region, notebook)["created_at"], self.now)
        moved_on = self.shelf.find(company, run) != found  # while the page was being rendered
        paths = [] if moved_on else self.depends_on(found, latest, path)
        self.keep((asked, age), lambda: self.page(asked), paths)

    def depends_on(self, *parts: Run | Path | None) -> list[str]:
        """Name the files and folders on whose state this page depends."""
        runs = [part for part in parts if isinstance(part, Run)]
        files = [part for part in parts if isinstance(part, Path)]
        return [str(path) for path in (*(r.folder / "run.json" for r in runs), runs[0].folder.parent, *files)]

    def page(self, asked: PageRequest) -> str:
        """Make the page: what the run stored, with what stands around it."""
        facts = notebook_facts(self, asked.found, asked.run, asked.region, asked.notebook, asked.path)
        return self.fill("page.html.j2", body=self.body(asked.rendered, facts), **facts)

    def explain(self, found: Run, run: str, region: str, notebook: str) -> None:
        """Say why a notebook that the run lists has no page; what it does not list is simply not there."""
        entry = found.entry(region, notebook)
        if not entry:
            raise HTTPError(404)
        heading = f"{render.title(notebook)} has no page for {page_frame.region_title(found, region)} in this run"
        back = page_frame.address(found.company, run)
        self.send_error(404, card={"heading": heading, "reason": page_frame.NO_PAGE, "back": back})


class ComparePage(NotebookPage):
    """`/<company>/<run>/<region>/<notebook>/compare`: a page's figures beside those of the run before."""

    def depends_on(self, *parts: Run | Path | None) -> list[str]:
        """Name nothing: which run came before is found out each time."""
        return []

    def page(self, asked: PageRequest) -> str:
        """Make the page: a row for each figure, or none where there is no run before."""
        found, run, region, notebook = asked.found, asked.run, asked.region, asked.notebook
        before = self.shelf.before(found, region, notebook)
        facts = page_frame.frame(self.shelf, found, run, region, notebook, self.now)
        titles = self.read(prerender.said, asked.rendered)["titles"]
        figures = compare.compare(found, before, region, notebook, titles) if before else []
        then = page_frame.summary(before, before.name, self.now) if before else None
        return self.fill("compare.html.j2", figures=figures, before=then, **facts)


class Picture(Page):
    """`/<company>/<run>/<region>/<notebook>/<hash>.webp`: a picture of a page, for anyone who may see that page."""

    def get(self, company: str, run: str, region: str, notebook: str, name: str) -> None:
        """Send a picture; what its name stands for never changes."""
        path = self.shelf.notebook(company, run, region, notebook)
        file = path and self.prerenderer.picture(path, name)
        if not file:
            raise HTTPError(404)
        self.set_header("Content-Type", TYPES[file.suffix[1:]])
        self.set_header("Cache-Control", "private, max-age=31536000, immutable")  # in this browser, and nowhere between
        self.set_header("Vary", PAGE["Vary"])  # and there for this user alone
        self.finish(file.read_bytes())


class ExportFile(Page):
    """`/<company>/<run>/<region>/executive_brief/deck.pptx`, or `letter.html`: for anyone who may see that brief."""

    def names(self) -> dict[str, str]:
        """Name the page that the file is an export of."""
        return super().names() | {"notebook": formats.BRIEF}

    async def get(self, company: str, run: str, region: str, name: str) -> None:
        """Send an export; a reader who comes before it is made waits, and no other does."""
        found, path = self.find(company, run), self.shelf.notebook(company, run, region, formats.BRIEF)
        if not path:
            raise HTTPError(404)
        try:
            file = await self.settings["exports"].find(found.folder, region, name, await self.rendered_page(path))
        except RunError as error:
            logging.getLogger("quarterdeck").warning("%s", error)
            return self.send_error(
                404, card={"heading": NO_EXPORT, "reason": "", "back": self.request.path.rpartition("/")[0]}
            )
        except OSError as error:
            logging.getLogger("quarterdeck").error("%s", error)
            raise Unavailable("It could not be made; the server's log says why.") from error
        self.html()
        if file.suffix == ".pptx":
            self.set_header("Content-Type", PPTX)
            day = found.made(region, formats.BRIEF)["as_of"]
            self.set_attachment_header(f"{company}-{region}-{day}.pptx")
        self.finish(file.read_bytes())


class Health(Page):
    """`/healthz`: is the server there?"""

    def names(self) -> None:
        """Leave it out of the audit log."""

    async def prepare(self) -> None:
        """Ask nobody who it is."""

    def get(self) -> None:
        """Say so."""
        self.set_header("Content-Type", "text/plain")
        self.finish("ok\n")


class NotFound(Page):
    """Everything else."""

    async def prepare(self) -> None:
        """Answer 404, whatever was asked."""
        raise HTTPError(404)


class Stylesheet(Frame, MultiStaticFileHandler):
    """What pages load besides their pictures: one style sheet, and the typeface."""

    def get_content_type(self) -> str:
        """Name a typeface's kind, which Python does not know before 3.13."""
        return "font/woff2" if str(self.absolute_path).endswith(".woff2") else super().get_content_type()
