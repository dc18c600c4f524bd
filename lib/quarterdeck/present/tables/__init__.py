"""Which figures does a page open and close with? KPI tiles, their definitions, and where they come from."""

import html
import zlib
from collections.abc import Callable
from typing import Any

import great_tables as gt
import pandas as pd
from IPython.display import HTML

from quarterdeck import __version__
from quarterdeck.analysis.brief.status import stands
from quarterdeck.analysis.methods.intervals import difference, growth
from quarterdeck.data.snapshot import COMPANY, Desk
from quarterdeck.present import style
from quarterdeck.present.inline_style import styled
from quarterdeck.present.numbers import PARTS
from quarterdeck.present.sentences import SAID_MIME, Sentence
from quarterdeck.present.stated import DIGITS, facts

KPI_MIME = "application/vnd.quarterdeck.kpis+json"
FORECAST_MIME = "application/vnd.quarterdeck.forecasts+json"
RECORDED = ["metric", "period", "value", "n", "low", "high", "unit"]


class Tiles:
    """KPI tiles for people, with the same figures as data for the run's record."""

    def __init__(self, markup: str, records: list[dict[str, Any]], said: list[dict[str, Any]]) -> None:
        self.markup, self.records, self.said = markup, records, said

    def __repr__(self) -> str:
        return ", ".join(f"{r['metric']} {r['value']:g}" for r in self.records)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"text/html": self.markup, KPI_MIME: self.records, SAID_MIME: self.said}


class Forecasts:
    """A table of forecasts for people, with the same forecasts as data for the company's ledger."""

    def __init__(self, table: gt.GT, records: list[dict[str, Any]]) -> None:
        self.table, self.records = table, records

    def __repr__(self) -> str:
        return ", ".join(f"{r['metric']} to {r['period_end']} {r['p50']:g}" for r in self.records)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"text/html": self.table.as_raw_html(), FORECAST_MIME: self.records}


def published(forecasts: pd.DataFrame, currency: str = "EUR") -> Forecasts:
    """Lay out forecasts, and record them for the ledger that later runs hold against what came (`ledger.published`)."""
    columns = {
        "metric": ("Of", "text"),
        "period_end": ("Through", "day"),
        "p10": ("Low (10 %)", "money"),
        "p50": ("Median", "money"),
        "p90": ("High (90 %)", "money"),
        "naive": ("Plain guess", "money"),
    }
    note = "Kept in the company's ledger once the run is whole. Plain guess: the same span of last year."
    shown = lay(forecasts.assign(metric=forecasts["metric"].str.capitalize()), columns, note, currency)
    days = {c: forecasts[c].dt.strftime("%Y-%m-%d") for c in ("period_start", "period_end")}
    return Forecasts(shown, plain(forecasts.assign(**days)))


def kpi_tiles(kpis: pd.DataFrame, currency: str = "EUR") -> Tiles:
    """Lay out measured metrics as tiles, and record them.

    Parameters
    ----------
    kpis : DataFrame
        As `metrics.measure` gives it: metric, title, period, value, n, low, high, unit, better, previous, missing.
    currency : str
        ISO 4217 code of the money.
    """
    known = stands(kpis[kpis["value"].notna()])
    said = [status(kpi, currency) for kpi in known.itertuples()]
    tiles = "".join(_tile(kpi, words, currency) for kpi, words in zip(known.itertuples(), said, strict=True))
    markup = f'<section class="tiles">{tiles}</section>{not_shown(kpis)}'
    return Tiles(styled(markup), plain(known[RECORDED]), [*map(_record, known["state"], said)])


def _record(state: str, words: Sentence) -> dict[str, Any]:
    return words.record("tile") | {"state": state}


def status(kpi: Any, currency: str = "EUR") -> Sentence:
    """Say in a few words how a figure stands against last year (a row of `brief.status.stands`), with the claim that this is; an
    empty sentence where nothing can be said."""
    if kpi.claim is None:
        return Sentence("")
    if "chance" in kpi.claim.figures:
        aim = getattr(kpi, "aim", "quotas" if "quotas" in kpi.title else "target")
        return Sentence(f"{kpi.claim.predicate} to reach the {aim}", [kpi.claim])
    words = {"no clear change": "no clear change on last year", "stood still": "as last year"}
    return Sentence(words.get(kpi.claim.predicate) or f"{_change(kpi, currency)} on last year", [kpi.claim])


def _change(kpi: Any, currency: str) -> str:
    side = "up" if "rose" in kpi.claim.predicate else "down"
    moved = abs(difference(kpi.value, kpi.previous))
    if kpi.unit in PARTS:
        return f"{side} {style.points(moved).lstrip('+')}"
    rate = growth(kpi.value, kpi.previous)
    return f"{side} {style.amount(moved, kpi.unit, currency) if pd.isna(rate) else style.percent(abs(rate))}"


def not_shown(kpis: pd.DataFrame) -> str:
    """Say which metrics are missing, or have no last year, those for the same reason in one sentence (`metrics.measure`)."""
    void = kpis[kpis["missing"].ne("")]
    names = {row.missing: row.title.lower() for row in void.itertuples()}
    why = pd.Series({said: said.removeprefix(f"Not shown: {name} ") for said, name in names.items()}, dtype=object)
    sentences = []
    for reason, alike in why.groupby(why, sort=False):
        *others, last = (names[said] for said in alike.index)
        comma, also = ("; ", "; and ") if any("," in name for name in (*others, last)) else (", ", " and ")
        sentences.append(f"Not shown: {comma.join(others)}{also}{last}; each {reason}" if others else alike.index[0])
    past = kpis.get("uncompared", pd.Series("", kpis.index))
    alone = kpis[past.ne("")]
    sentences += [
        f"Not compared with last year: {', '.join(rows['title'].str.lower())}; that {reason}"
        for reason, rows in alone.groupby(past[alone.index], sort=False)
    ]
    notes = "".join(f'<p class="missing">{html.escape(sentence)}</p>' for sentence in sentences)
    if len(sentences) < 2:
        return notes
    count = style.counted(len(why) + len(alone), "figure")
    return f'<details class="lacking"><summary>Why {count} are not shown, or not compared</summary>{notes}</details>'


def house(frame: pd.DataFrame, by: str | None = None) -> gt.GT:
    """Give a table in the house style, its rows grouped `by` a column: nothing in it competes with the numbers."""
    content = zlib.crc32(frame.to_csv().encode())  # the same table has the same identity in every run
    return (
        gt.GT(frame, groupname_col=by, id=f"table-{content:08x}")
        .opt_table_font(font=["Inter", "system-ui", "sans-serif"])
        .tab_options(
            table_width="100%",
            table_font_size="14px",
            table_border_top_style="hidden",
            table_border_bottom_style="hidden",
            column_labels_font_weight="600",
            column_labels_border_top_style="hidden",
            source_notes_font_size="12px",
            table_background_color="transparent",
        )
    )


WRITERS: dict[str, Callable[..., str]] = {
    "ratio": style.percent,
    "whole ratio": lambda v: style.percent(v, 0),
    "chance": style.chance,
    "change": style.change,
    "points": style.points,
    "count": style.number,
    "tenths": lambda v: style.number(v, 1),
    "decimal": lambda v: style.number(v, 2),
    "fine": lambda v: style.number(v, 3),
    "parameter": lambda v: style.number(v, 0 if abs(v) >= 100 else 3),
    "times": style.times,
    "day": lambda v: "–" if pd.isna(v) else style.day(v),
    "text": lambda v: "–" if pd.isna(v) else str(v),
    "figures": lambda v: "–" if pd.isna(v) else str(v),  # written already, and set with the numbers
}


def written(value: float, unit: str) -> str:
    """Write a figure as a table or a sentence writes its unit, whatever the currency.

    >>> written(0.2738, "whole ratio"), written(3.34, "times"), written(31_340_000, "money")
    ('27 %', '3.3×', '€31.3m')
    """
    more = {"money": style.money, "money/day": style.money, "score": WRITERS["fine"], "none": WRITERS["fine"]}
    whole = dict.fromkeys(("days", "months", "index"), style.number)
    return (WRITERS | more | whole)[unit](value)


def lay(
    frame: pd.DataFrame,
    columns: dict[str, tuple[str, ...]],
    note: str,
    currency: str = "EUR",
    by: str | None = None,
    whole: tuple[str, ...] = (),
    period: str = "",
) -> gt.GT:
    """Lay out a frame: which columns, under what heading, in which unit, and which facts they state.

    Parameters
    ----------
    columns : dict
        Column to (heading, unit): one of WRITERS, "money", or a unit after "interval " for the pair `low` and `high`, or
        "of COLUMN" for a part of a whole ("3 of 12"). A third entry says what a column of names names, and of which measure a
        column of figures is (`present.stated.facts`).
    note : str
        What stands under the table.
    by : str, optional
        Column whose values head groups of rows.
    whole : tuple of str, optional
        Columns whose rows are all parts of something.
    period : str, optional
        When the facts are of, where no column and no measure's definition says so.
    """
    writers = WRITERS | {"money": lambda v: style.money(v, currency)}
    shown = pd.DataFrame({name: _written(frame, name, unit, writers) for name, (_, unit, *_) in columns.items()})
    if by:
        shown[by] = frame[by].to_numpy()
    numbers = [name for name, (_, unit, *_) in columns.items() if unit != "text"]
    table = (
        house(shown, by=by)
        .cols_label(**{name: heading for name, (heading, *_) in columns.items()})
        .cols_align("right", columns=numbers)
        .tab_source_note(note)
    )
    table.facts = _stated(frame, columns, whole, period)
    return table


def _stated(
    frame: pd.DataFrame, columns: dict[str, tuple[str, ...]], whole: tuple[str, ...], period: str
) -> list[dict[str, Any]]:
    """Give the facts that a table states by the third entries of its columns."""
    entries = {name: (unit, *rest) for name, (_, unit, *rest) in columns.items() if rest}
    names = {name: of for name, (unit, of) in entries.items() if unit == "text"}
    return facts(
        frame, names, {name: (of, unit) for name, (unit, of) in entries.items() if unit != "text"}, whole, period
    )


def method(kpis: pd.DataFrame) -> HTML:
    """Define each metric shown, folded away: its formula and where the definition comes from."""
    table = (
        house(kpis[["title", "formula", "source"]])
        .cols_label(title="Metric", formula="How it is computed", source="Definition from")
        .tab_source_note("One definition per metric, the same on every page.")
    )
    heading = (
        f"How {'this' if len(kpis) == 1 else 'these'} {style.counted(len(kpis), 'figure is', 'figures are')} computed"
    )
    return HTML(f'<details class="method"><summary>{heading}</summary>{table.as_raw_html()}</details>')


def provenance(desk: Desk) -> str:
    """Say what the page stands on: company, region, day, snapshot, the rows that it has read so far, and library."""
    rows = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in desk.rows_read.items())
    region = "all regions" if desk.region == COMPANY else desk.region
    return (
        f"{desk.title}, {region}, as of {style.day(desk.as_of)}. Snapshot {desk.snapshot[:12]}, "
        f"Quarterdeck {__version__}. Rows read: {rows}."
        + "".join(f" {said[:1].upper()}{said[1:]}." for said in desk.remarked())
    )


def _written(frame: pd.DataFrame, name: str, unit: str, writers: dict[str, Callable[..., str]]) -> list[str]:
    if unit.startswith("interval "):
        write = writers[unit.removeprefix("interval ")]
        pairs = zip(frame["low"], frame["high"], strict=True)
        return ["–" if pd.isna(low) else f"{write(low)} to {write(high)}" for low, high in pairs]
    if unit.startswith("of "):
        return [f"{style.number(v)} of {style.number(w)}" for v, w in zip(frame[name], frame[unit[3:]], strict=True)]
    return [writers[unit](v) for v in frame[name]]


def plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Write a frame as data; the last digits of a float, which hang on the machine, are left out."""
    rounded = frame.map(lambda v: float(f"{v:.{DIGITS}g}") if isinstance(v, float) else v)
    return rounded.astype(object).where(rounded.notna(), None).to_dict("records")


def _tile(kpi: Any, words: Sentence, currency: str) -> str:
    line = f'<span class="status"><i></i>{words}</span>' if words else ""
    return (
        f'<div class="tile {kpi.state}"><span class="label">{html.escape(kpi.title)}</span>'
        f"<strong>{style.amount(kpi.value, kpi.unit, currency)}</strong>"
        f'<span class="sub">{spread(kpi, currency)}</span>{line}'
        f'<span class="foot">{html.escape(kpi.period)}{_against(kpi, currency)}</span></div>'
    )


def spread(kpi: Any, currency: str) -> str:
    """Write a figure's interval and the rows behind it."""
    parts = []
    if pd.notna(kpi.low):
        low, high = (style.amount(v, kpi.unit, currency) for v in (kpi.low, kpi.high))
        parts.append(f"{low} to {high}")
    if pd.notna(kpi.n):
        parts.append(f"n {kpi.n:,.0f}")
    return " · ".join(parts)


def _against(kpi: Any, currency: str) -> str:
    return "" if pd.isna(kpi.previous) else f" · last year {style.amount(kpi.previous, kpi.unit, currency)}"
