"""How do models compare, which deals matter most, and what would have to be true?"""

import great_tables as gt
import pandas as pd

from quarterdeck.analysis.goals import SLOWER
from quarterdeck.present import style
from quarterdeck.present.charts.forecast import LEVER_WORDS
from quarterdeck.present.tables import lay

MOST_ROWS = 10
VIEW_WORDS = {
    "pace": "Pace: sales so far over their usual share by this day",
    "growth": "Growth: last year's quarter grown on",
    "pipeline": "Pipeline: what the open deals bring",
}
UNITS = {
    "open_deals": "count",
    "opened": "count",
    "win_rate": "ratio",
    "average_won": "money",
    "cycle_days": "days",
    "sellers": "count",
}


def model_accuracy(accuracy: pd.DataFrame) -> gt.GT:
    """Lay out how wrong each way of forecasting was, best first (`analysis.outlook.accuracy`)."""
    columns = {
        "model": ("Way", "text"),
        "mase": ("MASE", "decimal"),
        "value_added": ("Value added", "change"),
        "wape": ("WAPE", "ratio"),
        "near": ("Near", "ratio"),
        "far": ("Far", "ratio"),
        "bias": ("Bias", "change"),
        "coverage": ("Interval held", "whole ratio"),
        "n": ("Forecasts", "count"),
    }
    note = (
        "MASE below one beats repeating last year; value added is against that, of all regions, segments and channels alike. "
        "Near is up to three months ahead, far beyond."
    )
    return lay(accuracy, columns, note)


def quarters_ahead(by_quarter: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out the next quarters with their intervals beside last year's (`analysis.outlook.by_quarter`)."""
    columns = {
        "label": ("Quarter", "text"),
        "before": ("A year before", "money"),
        "p10": ("Low", "money"),
        "p50": ("Middle", "money"),
        "p90": ("High", "money"),
        "change": ("Change", "change"),
        "series": ("Series", "money"),
        "growth": ("Growth", "money"),
        "pipeline": ("Pipeline", "money"),
    }
    rows = by_quarter.assign(label=[f"Q{day.quarter} {day.year}" for day in by_quarter["start"]])
    columns = {c: head for c, head in columns.items() if rows[c].notna().any()}
    said = {"series": "the four methods joined", "growth": "last year grown on", "pipeline": "the open deals"}
    alone = ", ".join(words for view, words in said.items() if view in columns)
    note = "The open quarter is the forecast from the top of the page."
    note += f" On the right what each view alone tells: {alone}." if alone else ""
    return lay(rows, columns, note, currency)


def views(views: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out what each view tells of the quarter, and how much it counts (`analysis.forecast.views`)."""
    columns = {
        "label": ("View", "text"),
        "told": ("Tells", "money"),
        "wape": ("Missed by", "ratio"),
        "weight": ("Counts", "whole ratio"),
        "n": ("Quarters", "count"),
    }
    note = "A view counts the more the less wrong it was on this same day of past quarters."
    return lay(views.assign(label=views["view"].map(VIEW_WORDS)), columns, note, currency)


def deals_that_matter(chances: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out the open deals that put most doubt on the quarter (`analysis.deals.chances`)."""
    columns = {
        "opportunity_id": ("Deal", "text"),
        "stage": ("Stage", "text"),
        "amount": ("Amount", "money"),
        "expected_close": ("Seller's date", "day"),
        "likely_close": ("Likely day, if won", "day"),
        "close_high": ("Nine in ten by", "day"),
        "chance": ("Won this quarter", "chance"),
        "next_chance": ("By the next one's end", "chance"),
        "swing": ("Swing", "money"),
    }
    columns = {c: head for c, head in columns.items() if chances[c].notna().any()}
    note = (
        "Swing: what not knowing this deal's end puts on the quarter's bookings (standard deviation). Largest first. Likely day: "
        "of deals that stood likewise on this day of past quarters and were won, half had been won by then; a seller's date "
        "before it is early."
    )
    return lay(chances.head(MOST_ROWS), columns, note, currency)


def trial(tried: pd.DataFrame) -> gt.GT:
    """Lay out how true each way of telling a chance was (`analysis.deals.trial`)."""
    names = {"model": "This page's model", "by stage": "Share won by stage", "fixed": "A fixed chance per stage"}
    columns = {
        "way": ("Way", "text"),
        "brier": ("Brier score", "fine"),
        "error": ("Off on average", "ratio"),
        "n": ("Deals looked at", "count"),
    }
    note = "Four quarters, each told from the eight before it. Brier score: mean squared error, nought is perfect."
    return lay(tried.assign(way=tried["way"].map(names)), columns, note)


def levers(seek: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out what each lever would have to be to reach the goal (`analysis.goals.seek`)."""
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
    """Lay out what a usual swing of each lever does, this quarter and later (`analysis.scenarios.tornado`)."""
    usual = [
        style.amount(v, UNITS.get(k, "ratio"), currency)
        for k, v in zip(tornado["lever"], tornado["usual"], strict=True)
    ]
    shown = tornado.assign(
        lever=tornado["lever"].map(LEVER_WORDS),
        usual=usual,
        later_less=tornado["later_less"] / tornado["later_base"] - 1,
        later_more=tornado["later_more"] / tornado["later_base"] - 1,
    )
    columns = {
        "lever": ("Lever", "text"),
        "usual": ("Usual", "figures"),
        "swing": ("Usual swing", "ratio"),
        "less": ("Bookings if lower", "money"),
        "more": ("if higher", "money"),
        "chance_less": ("Goal if lower", "chance"),
        "chance_more": ("if higher", "chance"),
        "later_less": ("Later if lower", "change"),
        "later_more": ("if higher", "change"),
    }
    note = (
        "Usual: the mean of four quarters; swing: the standard deviation of the lever's own history. Later: the quarters after "
        "this one together. A price also moves quantities; new sellers bring nothing before their own deals are won."
    )
    return lay(shown, columns, note, currency)


def call_values(values: pd.DataFrame) -> gt.GT:
    """Lay out what calls were worth beside this page's forecast of the same day (`analysis.forecast.call_values`)."""
    columns = {
        "category": ("Leads' call", "text"),
        "call_wape": ("Missed by", "ratio"),
        "machine_wape": ("This forecast", "ratio"),
        "gain": ("Call was closer by", "points"),
        "low": ("Low", "points"),
        "high": ("High", "points"),
        "n": ("Quarters", "count"),
    }
    days = values["day"].iloc[0] + 1 if len(values) else 0
    note = f"The last calls by day {days:.0f} of each quarter, and the forecast as it would have been on that day; 90 % interval."
    return lay(values.assign(category=values["category"].str.capitalize()), columns, note)


def ledger_scores(scores: pd.DataFrame) -> gt.GT:
    """Lay out how true the forecasts given out were, by how early they were made (`analysis.ledger.scores`)."""
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
        "in parts of the outcome. The range should hold eight times of ten."
    )
    return lay(scores.assign(metric=scores["metric"].str.capitalize()), columns, note, by="metric")
