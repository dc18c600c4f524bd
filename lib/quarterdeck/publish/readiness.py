"""Is the server fit to serve, and what do its operators want to know of it?

`/readyz` says whether, by the rules in `unfit`; the details are for this machine, or for anyone who has the token. `/metrics`
gives the same as Prometheus reads it. A stranger learns no company's name.
"""

import asyncio
import hmac
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from voila.app import Voila

from quarterdeck.errors import ParamsError
from quarterdeck.present.numbers import counted
from quarterdeck.publish import connections
from quarterdeck.publish.access.shelf import LATEST, Shelf
from quarterdeck.publish.pages import page_frame, prerender
from quarterdeck.publish.pages.handler import HELD_BACK, is_here
from quarterdeck.publish.pages.handlers import Health

TOKEN, SHORTEST = "QUARTERDECK_TOKEN", 16  # the environment variable, and how many characters it has at least
FRESH = 2.0  # seconds for which what was found out is given again
QUIET = 300.0  # seconds without a look for new runs
NEARLY_ALL = 0.9  # of the descriptors
FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip")
ONLY = "Only for this machine itself, or with the bearer token.\n"


def token() -> str:
    """Take the token out of the environment, in which kernels and other processes would find it.

    Raises
    ------
    ParamsError
        Where it is short enough to be guessed.
    """
    given = os.environ.pop(TOKEN, "")
    if given and len(given) < SHORTEST:
        raise ParamsError(
            f"{TOKEN} has fewer than {SHORTEST} characters; take a longer one, such as: openssl rand -hex 32"
        )
    return given


class Readiness:
    """The state of a server, found out again when it is asked for and a moment old."""

    def __init__(self, pages: Voila) -> None:
        self.pages, self.found, self.until = pages, None, 0.0

    async def facts(self) -> dict[str, Any]:
        """Give the state of the server; those who ask at the same time get the same.

        Returns
        -------
        dict
            fit (bool), because (the rules that fail), companies (the newest run of each), unreadable (runs), pages_to_render,
            descriptors, connections and live (each with what is used and the limit).
        """
        if self.found is None or (self.found.done() and time.monotonic() > self.until):
            self.found = asyncio.ensure_future(self.find_out())
            self.until = time.monotonic() + FRESH
        return await asyncio.shield(self.found)

    async def find_out(self) -> dict[str, Any]:
        """Find out the state of the server; what reads the disk runs in another thread than the one that serves."""
        facts = await asyncio.to_thread(self._of_runs) | self._of_process()
        because = [*unfit(facts, time.monotonic() - self.pages.watch.looked), *self._stuck()]
        return {"fit": not because, "because": because} | facts

    def _of_runs(self) -> dict[str, Any]:
        shelf = self.pages.shelf
        return {
            "companies": {company: latest(shelf, company) for company in shelf.companies()},
            "unreadable": [f"{company}/{run}" for company, run, _ in shelf.unreadable()],
            "pages_to_render": to_render(shelf, self.pages.prerenderer),
        }

    def _of_process(self) -> dict[str, Any]:
        server, kernels = self.pages.connections, self.pages.kernel_manager
        places = len(kernels.list_kernel_ids()) + len(getattr(kernels, "waiting", ()))
        return {
            "descriptors": {"used": descriptors(), "limit": connections.raise_limit()},
            "connections": {"open": server.count(), "limit": server.most},
            "live": {"used": places, "of": self.pages.live},
        }

    def _stuck(self) -> Iterator[str]:
        """Say where `latest` does not lead to the run that its link names."""
        shelf = self.pages.shelf
        absent = {(company, run) for company, run, _ in shelf.unreadable()}
        for company in sorted({*shelf.companies(), *(c for c, _ in absent)}):
            linked = shelf.linked(company) or ""
            run = shelf.find(company, linked)
            if (company, linked) in absent:
                yield f"latest: {company}/{linked}, which it names, cannot be read"
            elif run and shelf.shown.get(company, linked) != linked:
                held = time.monotonic() - self.pages.watch.first_seen.get(run, time.monotonic())
                if held > HELD_BACK + QUIET:
                    yield f"latest: of {company} it stays with a run before {linked}, for {counted(held, 'second')}"


def unfit(facts: dict[str, Any], quiet: float) -> Iterator[str]:
    """Say by which rules a server is not fit; `quiet` is for how many seconds it has not looked for new runs."""
    if not facts["companies"]:
        yield "runs: there is no finished run that can be read"
    if quiet > QUIET:
        yield f"look: the last look for new runs was {counted(quiet, 'second')} ago"
    used, limit = facts["descriptors"].values()
    if used and used > NEARLY_ALL * limit:
        yield f"descriptors: {used} of {limit} are taken"


def latest(shelf: Shelf, company: str) -> dict[str, Any]:
    """Describe the run that a company's readers see: run, as_of, age_seconds, stale, and set_aside (by table and rule)."""
    run = shelf.find(company, LATEST) or shelf.runs(company)[0]
    facts = run.outline.facts
    age = (datetime.now(UTC) - page_frame.moment(facts["created_at"])).total_seconds()
    return {
        "run": run.name,
        "as_of": facts["as_of"],
        "age_seconds": round(age),
        "stale": age > page_frame.STALE.total_seconds(),
        "set_aside": facts.get("set_aside", {}),
    }


def to_render(shelf: Shelf, prerenderer: prerender.Prerenderer) -> int:
    """Count the pages of the newest runs that are not rendered yet."""
    names = ((c, name) for c in shelf.companies() for name in {LATEST, shelf.linked(c) or LATEST})
    runs = {run for company, name in names if (run := shelf.find(company, name))}
    return sum(not prerenderer.find(path) for run in runs for path in prerender.pages(shelf, run))


def descriptors() -> int | None:
    """Count the descriptors that the process has; None where the system does not say."""
    own = Path("/proc/self/fd")
    return len(os.listdir(own)) if own.is_dir() else None


class Measures(Collector):
    """The facts, and what the server counts, as Prometheus metrics."""

    def __init__(self, facts: dict[str, Any], server: connections.LimitedServer) -> None:
        self.facts, self.server = facts, server

    def collect(self) -> Iterator[Any]:
        """Give each fact as a family of metrics."""
        facts = self.facts
        for name, says, value in (
            ("fit", "Whether the server is fit to serve", facts["fit"]),
            ("unreadable_runs", "Runs whose run.json cannot be read", len(facts["unreadable"])),
            ("pages_to_render", "Pages of the newest runs that are not rendered yet", facts["pages_to_render"]),
            ("descriptors_used", "Descriptors of the process", facts["descriptors"]["used"] or 0),
            ("descriptors_limit", "Descriptors that it may have", facts["descriptors"]["limit"]),
            ("connections_open", "Connections", facts["connections"]["open"]),
            ("connections_limit", "Connections that it lets in", facts["connections"]["limit"]),
            ("live_places_used", "Places of live pages that are taken", facts["live"]["used"]),
            ("live_places_limit", "Places of live pages", facts["live"]["of"]),
        ):
            yield GaugeMetricFamily(f"quarterdeck_{name}", says, float(value))
        age = GaugeMetricFamily("quarterdeck_latest_age_seconds", "Age of the run that readers see", labels=["company"])
        for company, newest in facts["companies"].items():
            age.add_metric([company], newest["age_seconds"])
        yield age
        yield CounterMetricFamily("quarterdeck_requests", "Requests that were read", float(self.server.requests))
        ended = CounterMetricFamily("quarterdeck_connections_ended", "Connections ended by the server", labels=["why"])
        for why, count in self.server.ended.items():
            ended.add_metric([why], count)
        yield ended


class Ready(Health):
    """`/readyz`: is the server fit to serve?"""

    async def get(self) -> None:
        """Answer 200 or 503; the rules that fail, and the details, are for those who run the server."""
        facts = await self.settings["readiness"].facts()
        self.set_status(200 if facts["fit"] else 503)
        self.set_header("Cache-Control", "no-store")
        self.finish(facts if self.trusted() else {"fit": facts["fit"]})

    def trusted(self) -> bool:
        """Tell whether the request comes from this machine itself, and no proxy, or has the token."""
        given, secret = self.request.headers.get("Authorization", ""), self.settings["token"]
        if given:
            return bool(secret) and hmac.compare_digest(given.encode(), f"Bearer {secret}".encode())
        proxied = self.settings["proxied"] or any(name in self.request.headers for name in FORWARDED)
        here = is_here(self.request.remote_ip or "") and is_here(self.request.host_name.strip("[]"))
        return here and not proxied


class Metrics(Ready):
    """`/metrics`: the same for Prometheus."""

    async def get(self) -> None:
        """Answer in Prometheus' text format, or 401."""
        if not self.trusted():
            self.set_status(401)
            self.set_header("WWW-Authenticate", "Bearer")
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            return self.finish(ONLY)
        readiness, registry = self.settings["readiness"], CollectorRegistry()
        registry.register(Measures(await readiness.facts(), readiness.pages.connections))
        ProcessCollector(registry=registry)
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.finish(generate_latest(registry))
