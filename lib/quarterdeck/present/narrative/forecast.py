"""What do the forecast and its past errors say, in sentences? Every figure in them is computed, and claimed."""

import numpy as np
import pandas as pd

from quarterdeck.analysis.forecasting.ledger import EVERY
from quarterdeck.analysis.methods.claims import BESIDE, Claim, amounts, apart, first, least, most, part
from quarterdeck.analysis.methods.hierarchy import WHOLE
from quarterdeck.analysis.methods.intervals import difference
from quarterdeck.analysis.methods.members import NAIVE
from quarterdeck.analysis.methods.regressors import UNDERTAKEN
from quarterdeck.analysis.methods.series import JOINED
from quarterdeck.analysis.pipeline.crm_chances import AT_ALL, IN_TIME, OURS, THEIRS
from quarterdeck.analysis.planning.scenarios import after, either_way, of_revenue
from quarterdeck.data.calendar import month_name
from quarterdeck.present import style
from quarterdeck.present.facts.forecast import LEVER_WORDS, UNITS, by_lever, goal_met, sure_parts
from quarterdeck.present.numbers import listed
from quarterdeck.present.sentences import Sentence, ended, gap, wanted

MOST_PEAKS = 3  # named in a sentence
SIDE = {"more than": "too high", "less than": "too low"}
CHANCE = {"above": "more than chance", "below": "more than chance", "not clear": "which may be chance"}


def landing_takeaway(landing: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say where the quarter will end, and how likely it reaches its target (`analysis.forecasting.quarter_end.landing`)."""
    row = landing.iloc[0]
    seen = style.money(row["seen"], currency)
    in_so_far = amounts("revenue", row["seen"], "so far", origins=row["n_origins"])
    if pd.isna(row["p50"]):
        few = {0: "is no past quarter", 1: "is one past quarter"}
        past = few.get(int(row["n_origins"]), f"are {style.counted(row['n_origins'], 'past quarter')}")
        said = f"There {past} to learn from{', too few for a forecast' if row['n_origins'] else ''}."
        return Sentence(f"**{seen} is in so far.** {said}", [in_so_far])
    if over := ended(row, currency):
        return Sentence(f"**{over}.**", over.claims)
    p10, p50, p90 = (style.money(row[p], currency) for p in ("p10", "p50", "p90"))
    said = f"**The quarter is heading for {p50} (80 % range {p10} to {p90})**; {seen} is in so far."
    claims = [in_so_far, amounts("forecast_p50", row["p50"], low=row["p10"], high=row["p90"])]
    if pd.notna(row["target"]) and pd.notna(row["probability"]):
        beside = first("forecast_p50", BESIDE, {"now": row["p50"], "than": row["target"]}, "target", "money")
        have, it = {"target": ("has", "it"), "quotas": ("have", "them")}[wanted(row)]
        said += (
            f" The {wanted(row)} of {style.money(row['target'], currency)} {have} a chance of "
            f"{style.chance(row['probability'])}; the forecast lies {gap(beside, currency)} {it}."
        )
        claims += [amounts("target_probability", row["probability"]), beside]
    return Sentence(said, claims)


def origins_takeaway(landing: pd.DataFrame) -> Sentence:
    """Say how wrong forecasts from this day of a quarter were (`analysis.forecasting.quarter_end.landing`)."""
    row = landing.iloc[0]
    if pd.isna(row["wape"]) and row["n_origins"] and row["p10"] == row["p90"]:
        return Sentence("**The quarter is over, and no forecast from its last day can be wrong.**")
    if pd.isna(row["wape"]):
        return Sentence("**There is no past forecast to compare this one with.**")
    quarters = style.counted(row["n_origins"], "past quarter")
    return Sentence(
        f"**On this day of {quarters} this forecast missed by {style.percent(row['wape'])}** "
        "(WAPE), made from what was known then alone.",
        [amounts("forecast_error", row["wape"], "this day of past quarters", n=row["n_origins"])],
    )


def accuracy_takeaway(accuracy: pd.DataFrame, level: float = 0.8) -> Sentence:
    """Say how wrong all ways joined were, which alone was nearest, and whether the interval held
    (`analysis.forecasting.months_ahead.accuracy`)."""
    by = accuracy.set_index("model")
    own, naive = by.loc[JOINED], by.loc[NAIVE]
    bias, off = _bias(own["bias"], "all ways joined")
    missed = amounts("forecast_error", own["wape"], "all ways joined", origins=own["origins"], n=own["n"])
    claims, scaled = [missed], "no MASE, for nothing differs from a year before"
    if pd.notna(naive["mase"]):
        alone = least("mase", by["mase"].drop([JOINED, NAIVE]), "way of forecasting")
        claims = [missed, amounts("mase", own["mase"], "all ways joined", plain=naive["mase"]), alone]
        scaled = (
            f"MASE {own['mase']:.2f}; the best way alone, {alone.name}, {alone.figures['now']:.2f}; "
            f"repeating last year {naive['mase']:.2f}"
        )
    said = (
        f"**Joined, the forecasts missed by {style.percent(own['wape'])} over {style.counted(own['origins'], 'origin')}** "
        f"({scaled}), {off} on the whole"
    )
    claims = [*claims, bias]
    if pd.isna(own["coverage"]):
        return Sentence(f"{said}.", claims)
    held = style.percent(own["coverage"], 0)
    said += (
        f"; the interval of {style.percent(level, 0)} would have held {held} of {style.counted(own['n'], 'forecast')}."
    )
    return Sentence(said, [*claims, amounts("interval_coverage", own["coverage"], level=level)])


def _bias(bias: float, subject: str) -> tuple[Claim | None, str]:
    """Say by how much forecasts were too high or too low, where that is to be seen."""
    claim = first("forecast_bias", BESIDE, {"now": bias, "than": 0.0}, subject, "ratio")
    if claim is None or claim.predicate == "as much as":
        return claim, "neither too high nor too low"
    return claim, f"{style.percent(abs(bias))} {SIDE[claim.predicate]}"


def regressors_takeaway(ahead: pd.DataFrame, gains: pd.DataFrame) -> Sentence:
    """Say what of calendar and initiatives was taken out of a forecast, and what trying it showed
    (`analysis.methods.regressors.gains`)."""
    left = "**Calendar and initiatives are left in**"
    if ahead.empty or gains.empty:
        return Sentence(f"{left}: the past is too short to try whether taking them out helps.")
    taken = listed(gains.loc[gains["taken"], "way"])
    said = f"**What {taken} moved is taken out before, and put back after**" if taken else left
    none = "" if gains["way"].eq(UNDERTAKEN).any() else "; no initiatives are on record"
    moved, claims = [], []
    for row in gains.itertuples():
        moved.append(f"{style.change(-row.gain)} ({row.way})")
        claims.append(amounts("regressor_effect", -row.gain, f"known: {row.way}", n=row.n))
        claims.append(apart("regressor_effect", -1.0, -row.low, f"known: {row.way}"))
    said += (
        f": known beforehand, they would have moved errors one month on by {', '.join(moved)} over the last "
        f"{style.counted(gains['n'].iloc[0], 'month')}{none}. Only what surely cuts them is taken out."
    )
    return Sentence(said, claims)


def peaks_takeaway(panel: pd.DataFrame, peaks: pd.DataFrame, currency: str = "EUR") -> Sentence | None:
    """Say which single peaks and dips were seen in a panel, how large, and how they were taken
    (`analysis.methods.peaks.single`)."""
    if peaks.empty:
        return None
    size = difference(peaks["value"], peaks["usual"]).abs()
    whole_first = size.mask(peaks["series"].eq(WHOLE), np.inf)
    each = (
        peaks.loc[whole_first.groupby(peaks["start"]).idxmax()].assign(size=size).sort_values("size", ascending=False)
    )
    named, claims = [], []
    for row in each.head(MOST_PEAKS).itertuples():
        whose, month = "" if row.series == WHOLE else f"{row.series}, ", month_name(row.start)
        named.append(
            f"{whose}{month}, {style.money(row.value, currency)} where {style.money(row.usual, currency)} is usual"
        )
        claims.append(amounts("single_peak", row.value, f"{whose}{month}", usual=row.usual))
    more = f"; and {style.counted(len(each) - MOST_PEAKS, 'month')} more" if len(each) > MOST_PEAKS else ""
    said = (
        f"**Taken as what came once, not as a season: {'; '.join(named)}{more}.** The forecast takes the usual figure there, "
        "and its interval is that of months without such peaks and dips."
    )
    last = " What came last may be the first of more: there the interval holds both." if each["last"].any() else ""
    return Sentence(f"{said}{last}", claims)


def parts_takeaway(parts: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say which parts surely grow or shrink next year, and to which the middle adds most
    (`analysis.forecasting.months_ahead.parts`)."""
    sure, more = sure_parts(parts), difference(parts["middle"], parts["past"])
    named = {way: [c.name for c in sure if c.predicate == way] for way in ("above", "below")}
    ways = [f"{how} from {', '.join(named[way])}" for way, how in (("above", "more"), ("below", "less")) if named[way]]
    said = f"The next twelve months bring surely {listed(ways)}" if ways else "Of no part is it sure whether it grows"
    top = most("revenue_ahead", more.set_axis(parts["part"]), "middle", ("added most", "nothing grew"))
    if top.predicate == "nothing grew":
        return Sentence(f"**{said}**; at the median, no part adds anything.", [top, *sure])
    row = parts.loc[more.idxmax()]
    change = first(
        "revenue_ahead", BESIDE, {"now": row["middle"], "than": row["past"]}, f"{row['dimension']}: {row['part']}"
    )
    size = f"{style.money(top.figures['now'], currency)} ({style.change(row['change'])})"
    return Sentence(f"**{said}**; at the median, {top.name} adds most: {size}.", [top, change, *sure])


def calls_takeaway(calls: pd.DataFrame) -> Sentence:
    """Say how far off the firmest calls were at first and at last (`analysis.forecasting.quarter_end.call_accuracy`)."""
    name = "commit" if calls["category"].eq("commit").any() else calls["category"].iloc[0]
    own = calls[calls["category"].eq(name)].sort_values("weeks_left")
    last, begun = own.iloc[0], own.iloc[-1]
    sure = apart("call_error", last["low"], last["high"], f"call: {name}")
    errors = [
        amounts("call_error", r["error"], f"call, {r['weeks_left']:.0f} to go: {name}", weeks=r["weeks_left"], n=r["n"])
        for r in (begun, last)
    ]
    return Sentence(
        f"**What the sales leads called “{name}” was off by {style.change(begun['error'])} with "
        f"{style.counted(begun['weeks_left'], 'week')} to go and by {style.change(last['error'])} with {last['weeks_left']:.0f}**, "
        f"{CHANCE[sure.predicate]} (n {style.counted(last['n'], 'quarter')}).",
        [*errors, sure],
    )


def values_takeaway(values: pd.DataFrame) -> Sentence:
    """Say whether the firmest call was closer than this page's forecast of the same day
    (`analysis.forecasting.quarter_end.call_values`)."""
    if values.empty:
        return Sentence("**There are too few past calls to hold against this page's forecast.**")
    row = values.loc[values["category"].eq("commit").idxmax()]
    subject = f"call: {row['category']}"
    beside = first("call_gain", BESIDE, {"now": row["gain"], "than": 0.0}, subject)
    sure = apart("call_gain", row["low"], row["high"], subject, n=row["n"])
    how = {"more than": "closer than", "less than": "further off than", "as much as": "apart from"}[beside.predicate]
    size, low, high = (style.points(v) for v in (abs(row["gain"]), row["low"], row["high"]))
    return Sentence(
        f"**What the sales leads called “{row['category']}” was {size.lstrip('+')} {how} this page's forecast** of the same day of "
        f"{style.counted(row['n'], 'past quarter')} ({low} to {high}), {CHANCE[sure.predicate]}.",
        [beside, sure],
    )


def bookings_takeaway(ahead: pd.DataFrame, goal: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say what the pipeline will bring and how that stands to the goal (`analysis.pipeline.win_chances.bookings_ahead`,
    `goal_seek.quarter_goal`)."""
    row = ahead.iloc[0]
    said = (
        f"**{style.money(row['booked'], currency)} is booked and "
        f"{style.counted(row['deals'], 'open deal is worth', 'open deals are worth')} {style.money(row['open_worth'], currency)} "
        f"this quarter**. By the deals' chances bookings end at {style.money(row['best'], currency)} (80 % range "
        f"{style.money(row['commit'], currency)} to {style.money(row['pipeline'], currency)})."
    )
    ends = amounts("bookings_ahead", row["best"], low=row["commit"], high=row["pipeline"])
    claims = [
        amounts("bookings", row["booked"]),
        amounts("pipeline_worth", row["open_worth"], "by the chance of each deal", deals=row["deals"]),
        ends,
    ]
    if goal.empty:
        return Sentence(said, claims)
    beside = first("bookings_ahead", BESIDE, {"now": row["best"], "than": goal["goal"].iloc[0]}, "goal", "money")
    wanted, basis = style.money(goal["goal"].iloc[0], currency), goal["from_what"].iloc[0]
    needs = "need" if basis == "quotas" else "needs"
    return Sentence(f"{said} That is {gap(beside, currency)} the {wanted} that the {basis} {needs}.", [*claims, beside])


def trial_takeaway(trial: pd.DataFrame) -> Sentence:
    """Say whether the model's chances are truer than plainer ones (`analysis.pipeline.win_chances.trial`)."""
    by = trial.set_index("way")
    best = least("brier_score", by["brier"], "chances")
    row = by.loc[best.name]
    others = "; ".join(f"{way} {score:.3f}" for way, score in by["brier"].drop(best.name).items())
    name = "The model's chances" if best.name == "model" else f"Chances {best.name}"
    plain = [amounts("brier_score", score, f"chances: {way}") for way, score in by["brier"].drop(best.name).items()]
    return Sentence(
        f"**{name} were truest in four quarters not seen before**: Brier score {row['brier']:.3f} ({others}), off by "
        f"{style.points(row['error']).lstrip('+')} on average (n {row['n']:,.0f}).",
        [best, *plain, amounts("chance_error", row["error"], best.subject, n=row["n"])],
    )


def crm_takeaway(name: str, scores: pd.DataFrame | None = None) -> Sentence | None:
    """Say whether this page's chances or the CRM's were nearer to what came (`analysis.pipeline.crm_chances.scores`); nothing
    where the CRM's are not on record."""
    if scores is None or scores.empty:
        return None
    by = scores.set_index(["who", "event"])
    ours, theirs = (by.loc[(who, IN_TIME)] for who in (OURS, THEIRS))
    side = first("brier_score", BESIDE, {"now": theirs["brier"], "than": ours["brier"]}, "chances: CRM", "score")
    how = {"more than": "farther from", "less than": "nearer to", "as much as": "as near to"}[side.predicate]
    than = "as" if side.predicate == "as much as" else "than"
    said = f"**{name}: the CRM's probabilities were {how} what came by the quarter's end {than} this page's chances**: Brier score "
    said += f"{theirs['brier']:.3f} against {ours['brier']:.3f} (n {theirs['n']:,.0f})."
    claims = [side, amounts("brier_score", ours["brier"], "chances: model, beside the CRM's", n=ours["n"])]
    if (THEIRS, AT_ALL) in by.index:
        ever = by.loc[(THEIRS, AT_ALL)]
        said += f" Of being won at all, which they speak of, theirs is {ever['brier']:.3f} (n {ever['n']:,.0f})."
        claims.append(amounts("brier_score", ever["brier"], "chances: CRM, won at all", n=ever["n"]))
    return Sentence(said, claims)


def seek_takeaway(seek: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say what closing the gap would take, each lever with its percentile in the company's own history
    (`analysis.planning.goal_seek.seek`)."""
    if met := goal_met(seek):
        return Sentence(f"**{met}.**", met.claims)
    wide = first("goal_gap", BESIDE, {"now": seek["gap"].iloc[0], "than": 0.0})
    size = style.percent(wide.figures["now"], 0)
    never = part("lever", int((seek["reached"] == 0).sum()), len(seek), "never so good before")
    hard = "each lever alone has been so good before"
    if never.figures["n"]:
        hard = f"{never.figures['n']} of {style.counted(len(seek), 'lever')} would alone have to be better than ever"
    said = f"**A usual quarter falls {size} short; {hard}.**"
    together = seek.dropna(subset=["together"], ignore_index=True)
    if together.empty:
        return Sentence(f"{said} Even all four at their best ever would not meet it together.", [wide, never])
    moves = [
        f"{LEVER_WORDS[row.lever].lower()} {style.amount(row.together, UNITS[row.lever], currency)} "
        f"({'better than in ' * (row.Index == 0)}{style.percent(row.together_percentile, 0)}"
        f"{' of past quarters' * (row.Index == 0)})"
        for row in together.itertuples()
    ]
    said += f" The easiest way, by what is usual for each, moves all four: {listed(moves)}."
    each = [
        amounts("lever", r.together, f"together: {r.lever}", percentile=r.together_percentile)
        for r in together.itertuples()
    ]
    return Sentence(said, [wide, never, *each])


def ledger_takeaway(scores: pd.DataFrame) -> Sentence:
    """Say how true the forecasts that were published were, against a plain guess (`analysis.forecasting.ledger.scores`)."""
    row = scores[scores["lead"] == EVERY].sort_values("metric", ascending=False, kind="stable").iloc[0]
    subject = f"published: {row['metric']}"
    bias, off = _bias(row["bias"], subject)
    said = (
        f"**The {style.counted(row['n'], 'forecast')} of {row['metric']} that came due missed by {style.percent(row['wape'])}**, "
        f"{off} on the whole, and 80 % ranges held "
        f"{style.percent(row['coverage'], 0)} ({style.percent(row['low'], 0)} to {style.percent(row['high'], 0)}) of the time."
    )
    held = amounts("interval_coverage", row["coverage"], subject, low=row["low"], high=row["high"])
    claims = [amounts("forecast_error", row["wape"], subject, n=row["n"]), bias, held]
    if pd.notna(row["added"]):
        added = _added(row, subject)
        said, claims = f"{said} {added}", [*claims, *added.claims]
    if row["afterwards"]:
        which = "All" if row["afterwards"] == row["n"] else f"{row['afterwards']:.0f}"
        said += f" {which} of them were computed after the event, from the tables cut back to the day they speak from."
        claims.append(part("forecast_error", row["afterwards"], row["n"], "computed afterwards"))
    return Sentence(said, claims)


def scenario_takeaway(scenario: pd.DataFrame, base: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say what a scenario does to the quarter, the goal and the quarters after it (`analysis.planning.scenarios.scenario`)."""
    row, rest = scenario.iloc[0], base.iloc[0]
    middle, low, high = (style.money(row[c], currency) for c in ("p50", "p10", "p90"))
    said = f"**{row['quarter']} ends at {middle} of bookings (80 % range {low} to {high})**"
    moved = _moved(row["p50"], rest["p50"], row["quarter"])
    claims = [amounts("bookings_ahead", row["p50"], row["quarter"], low=row["p10"], high=row["p90"]), moved]
    if moved.predicate != "as much as":
        said += f", {gap(moved, currency, ('more', 'less'))} than as now"
    if pd.notna(row["goal"]):
        was = "" if moved.predicate == "as much as" else f" (as now {style.chance(rest['chance'])})"
        goal, chance = style.money(row["goal"], currency), style.chance(row["chance"])
        said += f"; the goal of {goal} has a chance of {chance}{was}"
        claims.append(
            amounts("goal_probability", row["chance"], row["quarter"], before=rest["chance"], goal=row["goal"])
        )
    for then in after(scenario, base).itertuples():
        later = _moved(then.now, then.before, "later quarters")
        known = later.predicate != "as much as" and pd.notna(then.change)
        change = f", {style.change(then.change)} on as now" if known else ""
        whose = "quarter after it brings" if then.n == 1 else f"{style.counted(then.n, 'quarter')} after it bring"
        said += f". The {whose} {style.money(then.now, currency)}{change}"
        claims += [later, amounts("bookings_ahead", then.now, "later quarters", n=then.n)]
    return Sentence(f"{said}.", claims)


def tornado_takeaway(tornado: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say which lever moves the quarter most, and which the quarters after it (`analysis.planning.scenarios.tornado`)."""
    sizes = either_way(tornado)
    top = most("lever_effect", by_lever(sizes, "now"), "this quarter")
    row = tornado.set_index(tornado["lever"].map(LEVER_WORDS)).loc[top.name]
    later = most("lever_effect", by_lever(sizes, "later"), "later")
    moved = f"{style.percent(row['swing'])} either way, worth {style.money(top.figures['now'], currency)}"
    said = f"**{top.name} moves this quarter most**: it usually swings by {moved}"
    claims = [top, amounts("lever", row["swing"], f"usual swing: {top.name}", n=row["n"])]
    best = row[["chance_less", "chance_more"]].max()
    if pd.notna(best):
        said += f", and at its better end the goal has a chance of {style.chance(best)}"
        claims.append(amounts("goal_probability", best, f"better end: {top.name}"))
    if later and later.figures["now"] > 0:
        said += f". In the quarters after it, {later.name.lower()} weighs most: {style.money(later.figures['now'], currency)}"
        said, claims = f"{said} either way", [*claims, later]
    return Sentence(f"{said} (n {style.counted(row['n'], 'quarter')}).", claims)


def _moved(now: float, before: float, subject: str) -> Claim:
    """Claim how bookings under a scenario stand to those as now; less than one unit of money is no move."""
    return first(
        "bookings_ahead", BESIDE, {"now": now, "than": now if abs(difference(now, before)) < 1 else before}, subject
    )


def _added(row: pd.Series, subject: str) -> Sentence:
    """Say by how much forecasts beat repeating last year, and whether that may be chance."""
    added = first("forecast_gain", BESIDE, {"now": row["added"], "than": 0.0}, subject)
    better = {"more than": "closer", "less than": "further off", "as much as": "apart"}[added.predicate]
    said = f"That is {style.points(abs(row['added'])).lstrip('+')} {better} than repeating last year"
    if pd.isna(row["added_low"]):
        return Sentence(f"{said}, over too few quarters to be sure.", [added])
    low, high = style.points(row["added_low"]), style.points(row["added_high"])
    sure = apart("forecast_gain", row["added_low"], row["added_high"], subject)
    return Sentence(f"{said} ({low} to {high}), {CHANCE[sure.predicate]}.", [added, sure])


def target_takeaway(
    landing: pd.DataFrame, scenario: pd.DataFrame, goal: pd.DataFrame, currency: str = "EUR"
) -> Sentence:
    """Say how a target of revenue and its goal in bookings go together (`quarter_end.landing`, `scenarios.scenario`,
    `goal_seek.quarter_goal`)."""
    row, now = landing.iloc[0], scenario.iloc[0]
    if (
        goal.empty
        or goal["from_what"].iloc[0] != "revenue target"
        or pd.isna([row["probability"], now["chance"]]).any()
    ):
        return Sentence("**No target of revenue stands behind the goal in bookings.**")
    usual, here = of_revenue(landing, scenario)
    claims = [
        amounts("target_probability", row["probability"], target=row["target"]),
        amounts("goal_probability", now["chance"], now["quarter"], goal=now["goal"]),
        amounts("bookings_ahead", usual, "of revenue in four quarters"),
        amounts("bookings_ahead", here, "of revenue, median"),
    ]
    said = (
        f"**One target, two measures: {style.money(row['target'], currency)} of revenue has a chance of "
        f"{style.chance(row['probability'])}, the {style.money(now['goal'], currency)} of bookings that usually go with it "
        f"{style.chance(now['chance'])}.** Bookings came to {style.percent(usual, 0)} of revenue in the last four quarters "
        f"and come to {style.percent(here, 0)} by the two forecasts of this one; orders without a deal are in revenue "
        "alone. The target is of revenue, so its chance there is the one to go by."
    )
    return Sentence(said, claims)
