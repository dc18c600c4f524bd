"""Is a spoiled source read right, set aside with its money, or refused in a plain sentence; and never read wrong in silence?

Mutates the CSV files of a small demo company, and of that company as Salesforce and HubSpot export it: encodings, separators,
decimal commas, dates, duplicates, orphans, blanks, case, hostile strings, empty and huge. Each source is drafted by `init` (the
CRM exports), read and checked; what comes out is held against a count that the mutation itself gives. Prints a line per way in
which it ended, each source that ended badly, and a line of JSON last.
"""

import collections
import contextlib
import io
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

sys.path.append(str(Path(__file__).parent.parent / "tests" / "data"))
import crm_exports
from quarterdeck import cli
from quarterdeck.data import contract, demo, source
from quarterdeck.errors import QuarterdeckError

SCALE, AS_OF, LONGEST, PATIENCE = 0.02, "2026-11-15", 300, 120  # characters of a sentence's value; seconds of a trial
RIGHT, ASIDE, NOTED, SAID = "right total", "rows set aside", "noted with its money", "plain sentence"
BAD = ["silently wrong", "traceback", "hang"]
DEMO = """title: Demo
regions: all
files: {orders: {}, customers: {}, products: {}, reps: {}}
tables: {orders: SELECT * FROM orders, customers: SELECT * FROM customers, products: SELECT * FROM products,
         reps: SELECT * FROM reps}
"""


@dataclass(frozen=True)
class Base:
    """A company's files before they are spoiled, and the names of the columns that a mutation touches."""

    name: str
    files: dict[str, pd.DataFrame]
    main: str  # the file with the money
    table: str  # of the contract, that it becomes
    money: str
    day: str
    link: str
    region: str
    key: str
    rows: int  # from the first on, that are the company's own
    total: float


@dataclass(frozen=True)
class Source:
    """A source as it is written: its main table, how that is written, and the total that a right reading gives."""

    frame: pd.DataFrame
    total: float
    write: dict = field(default_factory=dict)
    encoding: str = "utf-8"
    edit: Callable[[str], str] = str  # of the file's text
    noted: bool = False  # a note on the rows is right as well


def bases(folder: Path) -> list[Base]:
    """Make the three companies; every value of a file is text."""
    tables = contract.check(demo.generate(7, SCALE, AS_OF)[0])
    own = crm_exports.write(folder / "demo", {n: tables[n] for n in ("orders", "customers", "products", "reps")})
    crm_exports.salesforce(tables, folder / "salesforce")
    crm_exports.hubspot(tables, folder / "hubspot")
    lines, deals = tables["orders"], tables["opportunities"]
    total = (len(deals), float(deals["amount"].sum()))
    orders = ("orders", "orders", "revenue", "order_date", "customer_id", "region", "order_id")
    force = ("Opportunity", "opportunities", "Amount", "CreatedDate", "AccountId", "Region__c", "Id")
    spot = (
        "deal_data",
        "opportunities",
        "property_amount",
        "property_createdate",
        "owner_id",
        "property_region",
        "deal_id",
    )
    return [
        Base("demo", _text(own), *orders, len(lines), float(lines["revenue"].sum())),
        Base("salesforce", _text(folder / "salesforce"), *force, *total),
        Base("hubspot", _text(folder / "hubspot"), *spot, *total),
    ]


def _text(folder: Path) -> dict[str, pd.DataFrame]:
    return {p.stem: pd.read_csv(p, dtype=str, keep_default_na=False) for p in sorted(folder.glob("*.csv"))}


# ---- Mutations: each takes the base, its main table (which it may change) and a source of chance ----

Mutation = Callable[[Base, pd.DataFrame, np.random.Generator], Source]


def written(encoding: str = "utf-8", edit: Callable[[str], str] = str, **write: object) -> Mutation:
    """Write the same table in another way."""
    return lambda base, frame, chance: Source(frame, base.total, write, encoding, edit)


def each(column: str, change: Callable[[str], str], **write: object) -> Mutation:
    """Write every value of a column in another way; what it means stays."""

    def mutated(base: Base, frame: pd.DataFrame, chance: np.random.Generator) -> Source:
        name = getattr(base, column)
        return Source(frame.assign(**{name: frame[name].map(lambda v: change(v) if v else v)}), base.total, write)

    return mutated


def one(
    column: str, value: str | Callable[[str], str], meant: Callable[[float], float] = float, rows: int = 1
) -> Mutation:
    """Put another value into a row; `meant` gives of the row's money what it is then."""

    def mutated(base: Base, frame: pd.DataFrame, chance: np.random.Generator) -> Source:
        name, total, frame = getattr(base, column), base.total, frame.copy()
        filled = np.flatnonzero((frame[base.money] != "").to_numpy()[: base.rows])
        for row in chance.choice(filled, rows, replace=False):
            money = float(frame[base.money].iloc[row])
            before = frame[name].iloc[row]
            frame.iloc[row, frame.columns.get_loc(name)] = value(before) if callable(value) else value
            total += meant(money) - money
        return Source(frame, total)

    return mutated


def again(change: Callable[[Base, pd.DataFrame], pd.DataFrame], noted: bool = False) -> Mutation:
    """Repeat some rows at the end, changed."""

    def mutated(base: Base, frame: pd.DataFrame, chance: np.random.Generator) -> Source:
        rows = frame.iloc[chance.integers(0, base.rows, 3)]
        return Source(pd.concat([frame, change(base, rows.copy())]), base.total, noted=noted)

    return mutated


def columns(change: Callable[[Base, pd.DataFrame], pd.DataFrame]) -> Mutation:
    """Change the columns of the table."""
    return lambda base, frame, chance: Source(change(base, frame), base.total)


def _huge(base: Base, frame: pd.DataFrame, chance: np.random.Generator) -> Source:
    parts = [frame.assign(**{base.key: frame[base.key] + (f"-{k}" if k else "")}) for k in range(40)]
    gone = frame.iloc[base.rows :]
    live = [part.iloc[: base.rows] for part in parts]
    return Source(pd.concat([*live, gone]), 40 * base.total)


def _none(base: Base, frame: pd.DataFrame, chance: np.random.Generator) -> Source:
    return Source(frame.iloc[:0], float("nan"))


def _cut(text: str) -> str:
    return text[: int(len(text) * 0.7)]


def _de(value: str) -> str:
    return f"{float(value):,.2f}".translate(str.maketrans(",.", ".,"))


def _day(form: str) -> Callable[[str], str]:
    return lambda value: pd.Timestamp(value).tz_localize(None).strftime(form)


def _zero(money: float) -> float:
    return 0.0


HOSTILE = [
    *(
        "<script>alert(1)</script>",
        "'; DROP TABLE orders; --",
        '"',
        "a,b;c|d",
        "two\nlines",
        "=1+1",
        "$x$ $y$",
        "\u202eabc",
    ),
    *(
        "\U0001f600",
        "x" * 100_000,
        "{{7*7}}",
        "../../etc",
        "\\",
        "NULL",
        "nan",
        "-",
        "  ",
        "\u00a0",
        "#REF!",
        "%s%n",
        "a\tb",
    ),
]
MUTATIONS: dict[str, Mutation] = {
    "as it is": written(),
    **{f"separator {s!r}": written(sep=s) for s in ";\t|"},
    **{
        f"encoding {e}": written(e)
        for e in ("utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252", "utf-32", "shift_jis")
    },
    "accents in latin-1": lambda b, f, c: replace(one("region", "Köln")(b, f, c), encoding="latin-1"),
    "line ends CR LF": written(lineterminator="\r\n"),
    "line ends mixed": written(edit=lambda text: text.replace("\n", "\r\n", 7)),
    "line ends CR": written(lineterminator="\r"),
    "all quoted": written(quoting=1),
    "sep= line": written(edit="sep=;\n".__add__, sep=";"),
    "title lines": written(edit="Report\n\n".__add__),
    "blank lines at the end": written(edit=lambda text: text + "\n\n\n"),
    "commas at the end": written(edit=lambda text: text + ",,,,\n"),
    "cut short": lambda b, f, c: Source(f, float("nan"), edit=_cut),
    "without a header": written(header=False),
    "header in capitals": columns(lambda b, f: f.rename(columns=str.upper)),
    "header with blanks": columns(lambda b, f: f.rename(columns=" {} ".format)),
    "columns in another order": columns(lambda b, f: f[list(reversed(f.columns))]),
    "one column more": columns(lambda b, f: f.assign(extra="x")),
    "a column twice": columns(lambda b, f: f.assign(**{"x": f[b.money]}).rename(columns={"x": b.money})),
    "no money column": lambda b, f, c: Source(f.drop(columns=b.money), 0.0),
    "no region column": columns(lambda b, f: f.drop(columns=b.region)),
    "empty": _none,
    "no byte": lambda b, f, c: Source(f, float("nan"), edit=lambda text: ""),
    "huge": _huge,
    "decimal comma": each("money", lambda v: v.replace(".", ",")),
    "decimal comma, semicolons": each("money", lambda v: v.replace(".", ","), sep=";"),
    "thousands": each("money", lambda v: f"{float(v):,.2f}"),
    "German numbers": each("money", _de, sep=";"),
    "Swiss numbers": each("money", lambda v: f"{float(v):,.2f}".replace(",", "’")),
    "French numbers": each("money", lambda v: f"{float(v):,.2f}".replace(",", "\u202f").replace(".", ",")),
    "currency signs": each("money", lambda v: f"€ {v}"),
    "brackets for minus": each("money", lambda v: f"({v[1:]})" if v[0] == "-" else v),
    "blanks around money": each("money", " {} ".format),
    "scientific": each("money", lambda v: f"{float(v):.17e}"),
    **{
        f"days as {form}": each("day", _day(form))
        for form in (
            "%d.%m.%Y",
            "%m/%d/%Y",
            "%d/%m/%Y",
            "%Y%m%d",
            "%d-%b-%Y",
            "%Y/%m/%d",
            "%m/%d/%y",
            "%Y-%m-%d %H:%M:%S",
        )
    },
    "days as Excel counts": each(
        "day", lambda v: str((pd.Timestamp(v).tz_localize(None) - pd.Timestamp("1899-12-30")).days)
    ),
    "days as seconds": each("day", lambda v: str(int(pd.Timestamp(v).timestamp()))),
    **{
        f"a day {v!r}": one("day", v)
        for v in ("2026-13-01", "2026-02-30", "soon", "", "0000-00-00", "1026-01-01", "2226-01-01")
    },
    **{f"a day in {f}": one("day", _day(f)) for f in ("%d.%m.%Y", "%m/%d/%Y")},
    **{f"money {v!r}": one("money", v, _zero) for v in ("", "n/a", "NULL", "-", "two", "#N/A", "nan", "inf", "TRUE")},
    "money in brackets": one("money", lambda v: f"({v})", lambda m: -m),
    "money with a sign": one("money", "€ {}".format),
    "money with thousands": one("money", "1,234,567.50", lambda m: 1234567.5),
    "money with a comma": one("money", "1234,50", lambda m: 1234.5),
    "money with a long minus": one("money", "\u2212{}".format, lambda m: -m),
    "money without end": one("money", "1e308", lambda m: 1e308),
    "money below zero": one("money", "-{}".format, lambda m: -m),
    "rows repeated": again(lambda b, f: f),
    "rows repeated with other money": again(lambda b, f: f.assign(**{b.money: "1.0"})),
    "rows repeated with a line": again(lambda b, f: f.assign(line_no=str(999)) if "line_no" in f else f, noted=True),
    "an orphan": one("link", "nobody"),
    "orphans": one("link", "nobody", rows=60),
    "a link in other case": one("link", str.swapcase),
    "a link with blanks": one("link", " {} ".format),
    "no link": one("link", ""),
    "a key missing": one("key", ""),
    "a key in other case": one("key", str.lower),
    "a key with zeros": one("key", "00{}".format),
    "keys as numbers": columns(lambda b, f: f),
    "a region in capitals": one("region", str.upper),
    "a region with blanks": one("region", " {} ".format),
    "no region in a row": one("region", ""),
    "a total at the end": lambda b, f, c: Source(
        pd.concat([f, f.tail(1).assign(**dict.fromkeys(f, "")).assign(**{b.key: "Total", b.money: str(b.total)})]),
        b.total,
    ),
    **{f"region {v[:12]!r}": one("region", v) for v in HOSTILE},
    **{f"key {v[:12]!r}": one("key", v) for v in HOSTILE},
    **{f"link {v[:12]!r}": one("link", v) for v in HOSTILE[:8]},
    "a byte that is none": lambda b, f, c: replace(
        one("region", "\ue000")(b, f, c), edit=lambda t: t.replace("\ue000", "\x00")
    ),
}


def trial(base: Base, made: Source, folder: Path) -> tuple[str, str]:
    """Read one source; give how it ended, and what was said."""
    data = folder / "files"
    for name, frame in base.files.items():
        crm_exports.write(data, {name: frame})
    text = made.edit(made.frame.to_csv(index=False, **made.write))
    (data / f"{base.main}.csv").write_bytes(text.encode(made.encoding, "replace"))
    try:
        if (drafted := _drafted(base, data)) is not None:
            return SAID, drafted
        read = source.read(Path("params/acme"), Path("outputs"), data)
        checked = contract.check(read)
    except QuarterdeckError as error:
        said = str(error)
        return (SAID if "\n" not in said and "Traceback" not in said else "traceback"), said
    return _counted(base, made, read, checked)


def _drafted(base: Base, data: Path) -> str | None:
    """Write source.yaml; give what `init` says where it refuses, or finds no table with money."""
    Path("params/acme").mkdir(parents=True)
    if base.name == "demo":
        Path("params/acme/source.yaml").write_text(DEMO, encoding="utf-8")
        return None
    said, wrong = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(wrong):
        status = cli.main(["init", "acme", "--from", str(data)])
    if status:
        return wrong.getvalue().strip()
    lacks = f"not in the data: {base.table}:" in said.getvalue()
    return said.getvalue().strip().splitlines()[-1] if lacks else None


def _counted(base: Base, made: Source, read: dict, checked: contract.Checked) -> tuple[str, str]:
    """Hold what was read against what the mutation meant."""
    column = {"orders": "revenue", "opportunities": "amount"}[base.table]
    kept, aside = (
        checked.get(base.table, pd.DataFrame({column: []})),
        checked.aside.get(base.table, pd.DataFrame({"money": []})),
    )
    total, outside = float(kept[column].sum()), float(aside["money"].sum())
    if len(read[base.table]) != len(kept) + len(aside):
        return BAD[0], "rows are neither read nor set aside"
    same = [bool(np.isclose(found, made.total, rtol=1e-9, atol=0.01)) for found in (total, total + outside)]
    if any(same):
        return (ASIDE if len(aside) else RIGHT), f"{len(aside)} rows aside"
    if made.noted and any(r.severity == "note" for r in checked.remarks):
        return NOTED, "; ".join(r.sentence() for r in checked.remarks)
    return BAD[0], f"read {total:,.2f}, aside {outside:,.2f}, meant {made.total:,.2f}"


def tried(base: Base, made: Source) -> tuple[str, str]:
    """Try one source in a folder of its own, with a time limit."""

    def late(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, late)
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        signal.alarm(PATIENCE)
        try:
            return trial(base, made, Path(scratch))
        except TimeoutError:
            return "hang", ""
        except Exception as error:  # whatever it is, a user would have seen a traceback
            return "traceback", f"{type(error).__name__}: {error}"
        finally:
            signal.alarm(0)
            os.chdir(here)


def main(most: int = 400, only: str = "", seed: int = 1) -> None:
    """Try `most` sources, the mutations in turn, or 0 for each once; `only` is a part of "company: mutation"."""
    ended: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as scratch:
        companies = bases(Path(scratch))
    every = [(n, b) for n in MUTATIONS for b in companies if only in f"{b.name}: {n}"]
    plan = [(n, b, seed + k) for k in range(-(-most // len(every)) or 1) for n, b in every][: most or None]
    for name, base, number in tqdm(plan, unit="source", file=sys.stderr):
        made = MUTATIONS[name](base, base.files[base.main], np.random.default_rng(number))
        how, said = tried(base, made)
        ended[how] += 1
        if how in BAD or ended.total() == len(plan) == 1:
            print(f"{how}: {base.name}: {name}: {said[:LONGEST]}", flush=True)
    for how in (RIGHT, ASIDE, NOTED, SAID, *BAD):
        print(f"{how:22} {ended[how]:5,} of {len(plan):,}")
    figures = {how: {"value": ended[how], "goal": 0, "better": "lower", "unit": "sources"} for how in BAD}
    print(json.dumps({"benchmark": "intake", "sources": len(plan), "ended": dict(ended), "figures": figures}))


if __name__ == "__main__":
    main(*(int(word) if word.isdigit() else word for word in sys.argv[1:]))
