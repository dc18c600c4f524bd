"""Which run do readers see as `latest`, and when does a new one take its place?

A new run is shown once its pages are rendered, so that the first reader waits for none of them.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from quarterdeck.publish.access.shelf import Run, Shelf
from quarterdeck.publish.pages import page_frame, prerender
from quarterdeck.publish.pages.handler import HELD_BACK
from quarterdeck.publish.pages.response_cache import ResponseCache


class RunWatch:
    """Looks for new runs now and then, has their pages rendered, and lets `latest` lead to them.

    Parameters
    ----------
    shelf : Shelf
        The runs that the server shows.
    prerenderer : Prerenderer
        What renders their pages.
    cache : ResponseCache
        The finished answers, which are dropped when a new run is shown.
    after_show : callable
        Called when a new run has been shown.
    log : Logger
        Where to say that a run cannot be read.
    """

    def __init__(
        self,
        shelf: Shelf,
        prerenderer: prerender.Prerenderer,
        cache: ResponseCache,
        after_show: Callable[[], None],
        log: logging.Logger,
    ) -> None:
        self.shelf, self.prerenderer, self.cache, self.after_show = shelf, prerenderer, cache, after_show
        self.log = log
        self.seen: list = []  # runs and pages at the last look
        self.first_seen: dict[Run, float] = {}  # when `latest` was first found to name a run
        self.absent: set[str] = set()  # what was logged of runs that cannot be read
        self.looked = time.monotonic()  # when the last look ended

    async def look(self) -> None:
        """Look for new runs; after a failure of the system (no descriptor left, say) the next look tries again."""
        try:
            await self.look_for_runs()
            self.looked = time.monotonic()
        except OSError as error:
            self.log.warning("new runs cannot be looked for: %s", error)

    async def look_for_runs(self) -> None:
        """Have pages rendered where a run, or a page of one under way, has come since the last look."""
        self.say_absent()
        runs = [r for company in self.shelf.companies() for r in self.shelf.runs(company)]
        seen = [*runs, *prerender.under_way(self.shelf)]
        self.prerenderer.look(seen != self.seen)
        self.seen = seen
        linked = [self.shelf.find(c, self.shelf.linked(c) or "") for c in self.shelf.companies()]
        new = [r for r in linked if r and self.shelf.shown.get(r.company) != r.name]
        self.show([r for r in new if await self.ready(r)])

    def say_absent(self) -> None:
        """Log each run that cannot be read, once."""
        absent = {f"{company}/{run} is not shown: {why}" for company, run, why in self.shelf.unreadable()}
        if lines := sorted(absent - self.absent):
            self.log.warning("%s", "\n".join(lines))
        self.absent = absent

    async def ready(self, run: Run) -> bool:
        """Tell whether `latest` may lead to a run: its pages are rendered, or there is no other, or it has waited long enough."""
        since = self.first_seen.setdefault(run, time.monotonic())
        if run.company not in self.shelf.shown or time.monotonic() - since > HELD_BACK:
            return True
        return await asyncio.to_thread(self.prerenderer.all_rendered, self.shelf, run)

    def show(self, runs: list[Run]) -> None:
        """Let `latest` lead to these runs from now on, for all of their pages at once; cached answers are dropped."""
        self.shelf.shown.update({run.company: run.name for run in runs})
        for failure in (line for run in runs for line in page_frame.failures(run)):
            logging.getLogger("quarterdeck").warning("%s", failure)
        if runs:
            self.cache.clear()
            self.after_show()
