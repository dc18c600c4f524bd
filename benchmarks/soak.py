"""How many pages are lost when processes are killed at random, two hundred times?

`make bench NAME=soak`. Runs of a tiny company go on, one after the other; at a random moment of each, one of its processes is
killed with -9: the runner, the one that forks, or that of a notebook or a kernel. After each kill every page that a reader
could see is held against what it must say, and whatever was finished must still be there for the next run. The last line is
JSON.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests" / "batch")]

from acme import Acme  # noqa: E402  (the tests' company)
from quarterdeck.batch import folders, fork_server  # noqa: E402
from quarterdeck.batch.finished import facts  # noqa: E402
from quarterdeck.present.tables import KPI_MIME  # noqa: E402

KILLS = int(sys.argv[1]) if len(sys.argv) > 1 else 200
SOLD = {"company": 450.75, "north": 240.75, "south": 210.0}
FRESH_EVERY = 4  # kills, after which the company's invoices change and everything has to run again


def main() -> None:
    """Kill, look, and run again; print the losses."""
    chance, losses, hit = random.Random(7), [], dict.fromkeys(("runner", "forking process", "notebook or kernel"), 0)
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        acme = Acme(Path(name))
        begun = time.monotonic()
        subprocess.run(command(acme), capture_output=True, check=True)
        span = time.monotonic() - begun  # that a run takes here, its forking process included
        for number in range(KILLS):
            if number % FRESH_EVERY == 0:
                acme.write_notebook("market_research", f'show(tables.kpi_tiles, measure(desk, "revenue"))  # {number}')
            before = made_of(acme)
            hit[kill_one(acme, chance, span)] += 1
            losses += partial(acme) + lost(before, acme)
        done = subprocess.run(command(acme), capture_output=True, text=True, check=False)
        losses += [f"the last run ended with {done.returncode}: {done.stderr}"] * (done.returncode != 0) + partial(acme)
        losses += [f"left over: {p}" for p in (acme.out / "acme").glob("20*") if not facts(p)]
        os.chdir(ROOT)
    print(f"{KILLS} kills ({', '.join(f'{n} of a {k}' for k, n in hit.items())}): {len(losses)} losses")
    for loss in losses:
        print(f"  {loss}")
    figure = {
        "value": len(losses),
        "peer": KILLS,
        "ratio": len(losses) / KILLS,
        "goal": 0,
        "better": "lower",
        "unit": "losses",
    }
    print(json.dumps({"benchmark": "soak", "figures": {"losses": figure}}))


def command(acme: Acme) -> list[str]:
    """Give the command of a run of both notebooks."""
    return [sys.executable, "-m", "quarterdeck.cli", *acme.command("--notebook", "executive_brief", "market_research")]


def kill_one(acme: Acme, chance: random.Random, span: float) -> str:
    """Begin a run, and kill one of its processes at a moment within the time that such a run takes."""
    runner = psutil.Popen(command(acme), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + chance.uniform(0.2, span)
    while time.monotonic() < end and runner.poll() is None:
        time.sleep(0.01)
    which = chance.choice(["runner", "forking process", "notebook or kernel", "notebook or kernel"])
    try:
        children = runner.children(recursive=True)
        forking, others = children[:1], children[1:]
        victims = {"runner": [runner], "forking process": forking, "notebook or kernel": others}[which] or [runner]
        chance.choice(victims).kill()
    except psutil.NoSuchProcess:
        which = "runner"  # it had ended: nothing was hit, and the page is looked at all the same
    runner.wait(120)
    return which


def made_of(acme: Acme) -> dict[tuple[str, str], str]:
    """Give what the pages that can be taken over were made of, by region and notebook."""
    found = {}
    for run in reversed(folders.runs(acme.out / "acme")):
        for region, notebook in folders.pages(run):
            held = json.loads((run / region / f"{notebook}.ipynb").read_text(encoding="utf-8"))
            found[region, notebook] = json.dumps(held["metadata"]["quarterdeck"]["made_of"])
    return found


def lost(before: dict, acme: Acme) -> list[str]:
    """Name the pages that were finished before and are nowhere now."""
    after = made_of(acme)
    return [f"{key} was finished and is gone" for key in before if key not in after]


def partial(acme: Acme) -> list[str]:
    """Name what a reader could see that is not whole or not true."""
    found = []
    for run in folders.runs(acme.out / "acme"):
        for region, notebook in folders.pages(run):
            try:
                held = json.loads((run / region / f"{notebook}.ipynb").read_text(encoding="utf-8"))
                kpis = folders.recorded(held, {"kpis": KPI_MIME})["kpis"]
                revenue = [k["value"] for k in kpis if k["metric"] == "revenue"]
            except ValueError as fault:
                revenue = [str(fault)]
            found += [f"{run.name}/{region}/{notebook} says {revenue}"] * (revenue != [SOLD[region]])
    latest = acme.out / "acme" / "latest"
    whole = facts(latest) if latest.exists() else {"notebooks": []}
    states = [e for e in whole.get("notebooks", [{"state": "none"}]) if e["state"] not in ("done", "fresh")]
    there = all((latest / e["region"] / f"{e['notebook']}.ipynb").is_file() for e in whole.get("notebooks", []))
    return found + [f"latest points to {latest.resolve().name}, which is not whole"] * (bool(states) or not there)


if __name__ == "__main__":
    if not fork_server.FORKS:
        sys.exit("the soak kills what forks, on Linux alone")
    main()
