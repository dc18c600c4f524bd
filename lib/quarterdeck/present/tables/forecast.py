"""How do models compare, which deals matter most, and what would have to be true?"""

import great_tables as gt
import pandas as pd

from quarterdeck.analysis.pipeline.crm_chances import OURS, THEIRS
from quarterdeck.analysis.planning.goal_seek import SLOWER
from quarterdeck.present import style
from quarterdeck.present.facts.forecast import LEVER_WORDS, UNITS
from quarterdeck.present.numbers import VOID
from quarterdeck.present.stated import PERIOD, facts
from quarterdeck.present.tables import lay

MOST_ROWS = 10
VIEW_WORDS = {
    "pace": "Pace: sales so far over their usual share by this day",
    "growth": "Growth: last year's quarter grown on",
    "pipeline": "Pipeline: what the open deals bring",
}
QUARTER_VIEWS = {
    "series": "the four methods joined",
    "pace": "sales so far over their usual share",
    "growth": "last year grown on",
    "pipeline": "the open deals",
}


def model_accuracy(accuracy: pd.DataFrame) -> gt.GT:
    """Lay out how wrong each way of forecasting was, best first (`analysis.forecasting.months_ahead.accuracy`)."""
    columns = {
        "model": ("Way", "text", "way of forecasting"),
        "mase": ("MASE", "decimal", "mase"),
        "value_added": ("Value added", "change"),
        "wape": ("WAPE", "ratio", "forecast_error"),
        "near": ("Near", "ratio"),
        "far": ("Far", "ratio"),
        "bias": ("Bias", "change", "forecast_bias"),
        "coverage": ("Interval held", "whole ratio", "interval_coverage"),
        "n": ("Forecasts", "count"),
    }
    note = (
        "MASE below one beats repeating last year; value added is against that, of all regions, segments and channels alike. "
        "Near is up to three months ahead, far beyond."
    )
    return lay(accuracy, columns, note)


def quarters_ahead(by_quarter: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out the next quarters with their intervals beside last year's (`analysis.forecasting.months_ahead.by_quarter`)."""
    columns = {
        "label": ("Quarter", "text", "period"),
        "before": ("A year before", "money"),
        "p10": ("Low", "money"),
        "p50": ("Median", "money", "revenue_ahead"),
        "p90": ("High", "money"),
        "change": ("Change", "change"),
    }
    rows = by_quarter.copy()
    used = [view for view in QUARTER_VIEWS if (rows[f"{view}_weight"] > 0).any()]
    alone = rows.melt("label", used, "view", "forecast")
    for view in used:
        joined = zip(rows[view], rows[f"{view}_weight"], strict=True)
        rows[view] = [f"{style.money(v, currency)}, {style.percent(w, 0)}" if w > 0 else VOID for v, w in joined]
    columns |= {view: (view.capitalize(), "figures") for view in used}
    names = ", ".join(QUARTER_VIEWS[view] for view in used)
    note = "The open quarter is the forecast from the top of the page. On the right what each view that is joined tells, and how "
    table = lay(rows, columns, f"{note}much it counts: {names}. {_moved(by_quarter, currency)}", currency)
    table.facts += facts(alone, {"view": "view", "label": PERIOD}, {"forecast": ("forecast_view", "money")})
    table.facts += facts(
        by_quarter.assign(label=rows["label"]), {"label": PERIOD}, {"alone": ("forecast_joined", "money")}
    )
    return table


def _moved(by_quarter: pd.DataFrame, currency: str) -> str:
    """Say by how much the quarters' numbers were moved so that the regions add up to the company."""
    off = by_quarter["moved"].abs().max()
    return (
        f"Each was then moved, by {style.money(off, currency)} at most, so that regions add up to the company."
        if off > 0
        else ""
    )


def views(views: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out what each view tells of the quarter, and how much it counts (`analysis.forecasting.quarter_end.views`)."""
    columns = {
        "label": ("View", "text"),
        "forecast": ("Tells", "money"),
        "wape": ("Missed by", "ratio"),
        "weight": ("Counts", "whole ratio"),
        "n": ("Quarters", "count"),
    }
    note = "A view counts the more the less wrong it was on this same day of past quarters."
    return lay(views.assign(label=views["view"].map(VIEW_WORDS)), columns, note, currency)


def deals_that_matter(chances: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out the open deals that put most doubt on the quarter (`analysis.pipeline.win_chances.chances`)."""
    columns = {
        "opportunity_id": ("Deal", "text", "deal"),
        "stage": ("Stage", "text"),
        "amount": ("Amount", "money", "deal_amount"),
        "expected_close": ("Seller's date", "day"),
        "likely_close": ("Likely day, if won", "day"),
        "close_high": ("90 % by", "day"),
        "chance": ("Won this quarter", "chance", "deal_chance"),
        "next_chance": ("By the next one's end", "chance", "deal_next_chance"),
        "swing": ("Swing", "money"),
    }
    columns = {c: head for c, head in columns.items() if chances[c].notna().any()}
    note = (
        "Swing: what not knowing this deal's end puts on the quarter's bookings (standard deviation). Largest first. Likely day: "
        "of deals in the same state on this day of past quarters and were won, half had been won by then; a seller's date "
        "before it is early."
    )
    return lay(chances.head(MOST_ROWS), columns, note, currency)


def trial(tried: pd.DataFrame) -> gt.GT:
    """Lay out how true each way of telling a chance was (`analysis.pipeline.win_chances.trial`)."""
    names = {"model": "This page's model", "by stage": "Share won by stage", "fixed": "A fixed chance per stage"}
    columns = {
        "way": ("Way", "text"),
        "brier": ("Brier score", "fine"),
        "error": ("Off on average", "ratio"),
        "n": ("Deals looked at", "count"),
    }
    note = "Four quarters, each estimated from the eight before it. Brier score: mean squared error, zero is perfect."
    return lay(tried.assign(way=tried["way"].map(names)), columns, note)


def crm_scores(name: str, scores: pd.DataFrame | None = None) -> gt.GT | None:
    """Lay out how true the CRM's probabilities were beside this page's chances (`analysis.pipeline.crm_chances.scores`); nothing
    where the history holds none of them."""
    if scores is None or scores.empty:
        return None
    columns = {
        "who": ("Chance by", "text"),
        "event": ("Of what", "text"),
        "brier": ("Brier score", "fine"),
        "error": ("Off on average", "ratio"),
        "n": ("Deals looked at", "count"),
    }
    note = (
        f"{name}: the deals of four quarters whose probability the CRM's history holds, as it stood while they were open. A CRM's "
        "probability speaks of winning at all, this page's chance of winning by the quarter's end."
    )
    names = {OURS: "This page's model", THEIRS: "The CRM's probability"}
    return lay(scores.assign(who=scores["who"].map(names)), columns, note)


def crm_categories(name: str, categories: pd.DataFrame | None = None) -> gt.GT | None:
    """Lay out what came of deals in each of the CRM's forecast categories (`analysis.pipeline.crm_chances.by_category`); nothing
    where the history holds none of them."""
    if categories is None or categories.empty:
        return None
    columns = {
        "category": ("CRM's category", "text"),
        "rate": ("Won by the quarter's end", "whole ratio"),
        "interval": ("90 % interval", "interval whole ratio"),
        "n": ("Deals looked at", "count"),
    }
    note = f"{name}: the category that each deal had on four days of four quarters, while it was open."
    return lay(categories.assign(interval=None), columns, note)


def levers(seek: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out what each lever would have to be to reach the goal (`analysis.planning.goal_seek.seek`)."""
    written = {
        column: [style.amount(v, UNITS[lever], currency) for lever, v in zip(seek["lever"], seek[column], strict=True)]
        for column in ("usual", "needed", "together")
    }
    shown = seek.assign(**written, lever=seek["lever"].map(LEVER_WORDS))
    columns = {
        "lever": ("Lever", "text"),
        "usual": ("Usual", "figures"),
        "needed": ("Needed alone", "figures"),
        "change": ("Change", "change"),
        "reached": ("Quarters so good", "of quarters"),
        "percentile": ("Better than in", "whole ratio"),
        "together": ("Needed together", "figures"),
        "together_percentile": ("Better than in", "whole ratio"),
    }
    fewer = ", ".join(LEVER_WORDS[lever].lower() for lever in SLOWER)
    note = (
        f"Usual: the mean of four quarters. Of {fewer}, less is better. Deals opened in a quarter and sellers stand behind the "
        "open deals. Together: the least unusual move of four, in their own usual swings, that each has reached before; what it "
        "would cost in money is not known."
    )
    return lay(shown, columns, note)


def tornado(tornado: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out what a usual swing of each lever does, this quarter and later (`analysis.planning.scenarios.tornado`)."""
    usual = [
        style.amount(v, UNITS.get(k, "ratio"), currency)
        for k, v in zip(tornado["lever"], tornado["usual"], strict=True)
    ]
    shown = tornado.assign(
        lever=tornado["lever"].map(LEVER_WORDS),
        usual=usual,
    )
    columns = {
        "lever": ("Lever", "text"),
        "usual": ("Usual", "figures"),
        "swing": ("Usual swing", "ratio"),
        "less": ("Bookings if lower", "money"),
        "more": ("if higher", "money"),
        "chance_less": ("Goal if lower", "chance"),
        "chance_more": ("if higher", "chance"),
        "later_change_less": ("Later if lower", "change"),
        "later_change_more": ("if higher", "change"),
    }
    note = (
        "Usual: the mean of four quarters; swing: the standard deviation of the lever's own history. Later: the quarters after "
        "this one together. A price also moves quantities; new sellers bring nothing before their own deals are won."
    )
    return lay(shown, columns, note, currency)


def call_values(values: pd.DataFrame) -> gt.GT:
    """Lay out what calls were worth beside this page's forecast of the same day
    (`analysis.forecasting.quarter_end.call_values`)."""
    columns = {
        "category": ("Leads' call", "text"),
        "call_wape": ("Missed by", "ratio"),
        "machine_wape": ("This forecast", "ratio"),
        "gain": ("Call was closer by", "points"),
        "low": ("Low", "points"),
        "high": ("High", "points"),
        "n": ("Quarters", "count"),
    }
    days = values["by_day"].iloc[0] if len(values) else 0
    note = f"The last calls by day {days:.0f} of each quarter, and the forecast as it would have been on that day; 90 % interval."
    return lay(values, columns, note)


def ledger_scores(scores: pd.DataFrame) -> gt.GT:
    """Lay out how true the published forecasts were, by how early they were made (`analysis.forecasting.ledger.scores`)."""
    columns = {
        "lead": ("Weeks left", "text"),
        "wape": ("Missed by", "ratio"),
        "naive_wape": ("Plain guess", "ratio"),
        "added": ("Value added", "points"),
        "mase": ("MASE", "decimal"),
        "bias": ("Bias", "change"),
        "crps": ("CRPS", "ratio"),
        "coverage": ("Range held", "whole ratio"),
        "n": ("Forecasts", "count"),
        "spans": ("Quarters", "count"),
    }
    note = (
        "Plain guess: the same span of last year; value added: by how much it missed more. CRPS weighs the whole range, "
        "in parts of the outcome. The range should hold in 80 % of cases."
    )
    return lay(scores.assign(metric=scores["metric"].str.capitalize()), columns, note, by="metric")
