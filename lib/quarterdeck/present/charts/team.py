"""What do quotas, win rates and the pipeline look like, seller by seller?"""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from quarterdeck.analysis.methods.claims import amounts, apart, first, part
from quarterdeck.analysis.pipeline.movement import slipped_total
from quarterdeck.analysis.pipeline.stages import funnel_ends
from quarterdeck.analysis.team.skill import first_months
from quarterdeck.present import style
from quarterdeck.present.charts.steps import pipeline
from quarterdeck.present.facts.team import against_plan, likely_sellers, pipeline_steps, reached_quota, stand_out
from quarterdeck.present.sentences import Sentence
from quarterdeck.present.stated import listed, states

NAMED = 32  # sellers whose names still fit beside their rows
MANY, ENDS = 60, 10  # rows beyond which only so many at each end are named
CLOSE = 0.155  # inches from one of many rows to the next
MOST_BARS = 12
FEW = 8  # sellers who can all be named beside their points
NEAR = 0.2  # of attainment and growth: as much is shown on either side of quota and of no growth
HIGH_ENOUGH = 0.11  # part of a bar that has room for two lines
LEAST_REACH = 0.25  # log-odds that an axis of skill shows on either side
PLACES = {"above": style.US, "below": style.WARN}


@states({"name": "seller", "quarter": "period"}, attainment=("quota_attainment", "ratio"))
def attainment_dots(attained: pd.DataFrame, spread: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw each seller's attainment, last quarter's and the open one's, against quota and the days gone.

    Parameters
    ----------
    attained, spread : DataFrame
        As `analysis.team.performance.attainment` and `attainment_spread` give them.
    """
    order = attained.drop_duplicates("rep_id")["rep_id"].tolist()
    ax = _rows(ax, len(order))
    place = {rep: i for i, rep in enumerate(order)}
    for quarter in spread.itertuples():
        own = attained[attained["quarter"].eq(quarter.quarter)]
        ink = {"color": style.US} if quarter.whole else {"facecolor": "white", "edgecolor": style.US}
        ink |= {"s": 30, "zorder": 3, "clip_on": False, "label": quarter.quarter}
        ax.scatter(own["attainment"], own["rep_id"].map(place), **ink)
        if not quarter.whole:
            _upright(ax, quarter.elapsed, f"{style.percent(quarter.elapsed, 0)} of days gone", style.SOFT, "--")
    _upright(ax, 1, "quota", style.PLAN, drop=24)
    style.legend_below(ax)
    _names(ax, attained.drop_duplicates("rep_id")["name"], above=34)
    ax.set_xlim(left=min(0, attained["attainment"].min()))
    style.percent_axis(ax.xaxis)
    finding = reached_quota(spread.iloc[0])
    return style.title(ax, finding, "How far is each seller? Bookings over the whole quarter's quota, %")


def attainment_course(spread: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how attainment went from quarter to quarter: all together, the median seller, and the part of sellers at quota.

    Parameters
    ----------
    spread : DataFrame
        As `analysis.team.performance.attainment_spread` gives it, of several quarters.
    """
    ax, spots = style.axes(ax), np.arange(len(spread))
    ax.bar(spots, spread["share"], width=0.62, color=style.LINE, label="sellers at quota")
    over = spread["whole"].astype(bool).to_numpy()
    lines = [("together", style.US, "all together"), ("median", style.NAVY, "the median seller")]
    if _alone(spread):
        lines = [("together", style.US, "the one seller")]
    for column, ink, said in lines:
        ax.plot(spots[over], spread.loc[over, column], color=ink, marker="o", label=said)
        ax.scatter(spots[~over], spread.loc[~over, column], facecolor="white", edgecolor=ink, zorder=3)
    ax.axhline(1, color=style.PLAN, linewidth=1.4, label="quota")
    counts = [f"{row.at_quota:,.0f} of {row.reps:,.0f}" for row in spread.itertuples()]
    ax.set_xticks(spots, spread["quarter"].str.replace(" to ", "\nto ") + "\n" + pd.Series(counts, spread.index))
    ax.set_ylim(0, 1.22 * max(spread[["together", "median", "share"]].max().max(), 1))
    ax.legend(loc="upper left", ncols=4, fontsize=9)
    style.percent_axis(ax.yaxis)
    question = "How did attainment go? Bookings over quota, and part of sellers, %; below: sellers at quota"
    return style.title(ax, _course(spread[over]), question)


def growth_map(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw each seller's growth against attainment (`analysis.team.performance.growth_and_attainment`)."""
    ax = style.axes(ax, height=4.4)
    quarters = table["growth"].quantile([0.25, 0.75])
    growth = table["growth"].clip(upper=quarters.iloc[1] + 3 * (quarters.iloc[1] - quarters.iloc[0]))
    sizes = 25 + 320 * table["booked"] / table["booked"].max()  # layout
    inks = [
        style.SOFT if not c else style.US if g >= 0 else style.WARN for c, g in zip(table["clear"], growth, strict=True)
    ]
    ax.scatter(table["attainment"], growth, s=sizes, color=inks, alpha=0.75, linewidth=0)
    ax.axvline(1, color=style.PLAN, linewidth=1.4)
    ax.axhline(0, color=style.INK, linewidth=1)
    for axis in (ax.xaxis, ax.yaxis):
        style.percent_axis(axis)
    ax.margins(0.1)
    ax.set(xlim=_around(ax.get_xlim(), 1), ylim=_around(ax.get_ylim(), 0))
    ax.set(xlabel="attainment of four quarters", ylabel="bookings on the four before")
    _name_the_clear(ax, table, growth, sizes)
    both = table[table["field"] == "ahead and growing"]
    claims = [
        part("quota_attainment", len(both), len(table), "sellers are ahead of quota and growing"),
        part("bookings", int(both["clear"].sum()), len(both), "sellers clearly growing"),
    ]
    finding = Sentence(_both(len(both), len(table), int(both["clear"].sum())), claims)
    return style.title(ax, finding, "Who grows, and who is ahead? Area: bookings; grey: growth may be chance")


def _both(both: int, sellers: int, clear: int) -> str:
    """Say how many sellers are ahead and growing, and how many of these clearly grow."""
    if sellers == 1:
        sure = ", clearly" if clear else ""
        return (
            f"The one seller is ahead of quota and growing{sure}"
            if both
            else "The one seller is not both ahead and growing"
        )
    if not both:
        return f"None of {style.counted(sellers, 'seller')} is ahead of quota and growing"
    if both == 1:
        return f"1 of {style.counted(sellers, 'seller')} is ahead of quota and growing, {'clearly' if clear else 'not clearly'}"
    return f"{both} of {sellers} sellers are ahead of quota and growing, {clear or 'none'} of these clearly"


def _around(limits: tuple[float, float], middle: float) -> tuple[float, float]:
    """Widen an axis so that what lies next to `middle` does not look far from it."""
    return min(limits[0], middle - NEAR), max(limits[1], middle + NEAR)


def _name_the_clear(ax: Axes, table: pd.DataFrame, drawn: pd.Series, areas: pd.Series) -> None:
    """Name those whose growth is clear, all where they are few, and with its size those whose growth is beyond what is drawn."""
    far = table["growth"] > drawn
    named = (
        table.assign(far=far)[table["clear"] | far | (len(table) <= FEW)]
        .sort_values(["far", "booked"], ascending=False)
        .head(FEW)
    )
    rows = named.itertuples(index=False)
    names = [f"{row.name}, {style.change(row.growth, 0)}" if row.far else row.name for row in rows]
    style.name_points(ax, named["attainment"], drawn[named.index], names, areas[named.index])


@states({"name": "seller"}, skill=("seller_skill", "fine"))
def skill_intervals(skills: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how much better each seller wins than chance and mix explain, with the ends of the rank (`skill.skills`)."""
    ax = _rows(ax, len(skills))
    spots = list(range(len(skills) - 1, -1, -1))
    tones = [PLACES.get(place, style.SOFT) for place in skills["place"]]
    ax.hlines(spots, skills["low"], skills["high"], color=tones, linewidth=2)
    ax.scatter(skills["skill"], spots, s=32, color=tones, zorder=3)
    _upright(ax, 0, "the mean seller", style.NAVY)
    ends = skills["rank_low"].map(style.number) + " to " + skills["rank_high"].map(style.number)
    _names(ax, (skills["name"] + "  rank " + ends)[::-1], above=14)
    reach = max(LEAST_REACH, -skills["low"].min(), skills["high"].max())
    ax.set_xlim(-1.05 * reach, 1.05 * reach)  # differences next to zero are not to look large
    ax.set_xlabel("log-odds of winning, deals being equal")
    counted, clear = stand_out(skills)
    sellers = style.counted(len(skills), "seller")
    finding = f"{len(clear) or 'None'} of {sellers} stand{'s' if len(clear) == 1 else ''} out from chance and mix"
    return style.title(
        ax,
        Sentence(finding, [counted, *clear]),
        "Who wins more with the same deals? Three years; dot shrunk, line 90 % interval; ranks 90 %",
    )


@states({"name": "seller"}, chance=("quota_chance", "chance"))
def chance_bars(chances: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what each seller has attained and what the open deals are likely to add (`pace.quota_chances`)."""
    ax = _rows(ax, len(chances))
    spots = list(range(len(chances)))
    ax.barh(spots, chances["attainment"], color=style.US, height=0.62)
    ax.barh(spots, chances["pipeline"], left=chances["attainment"], color=style.US, alpha=0.3, height=0.62)
    right = {"xycoords": ("axes fraction", "data"), "va": "center", "ha": "left", "fontsize": 9}
    for spot, chance in zip(spots, chances["chance"], strict=True):
        ax.annotate(style.chance(chance), (1.01, spot), color=style.INK, **right)
    _upright(ax, 1, "quota", style.PLAN)
    _names(ax, chances["name"], above=14)
    ax.set_xlim(0, 1.15 * max(chances["expected"].quantile(0.95), 1.2))
    style.percent_axis(ax.xaxis)
    claim = likely_sellers(chances)
    return style.title(
        ax,
        Sentence(f"{claim.figures['n'] or 'None'} of {len(chances)} {claim.subject}", [claim]),
        "Who will end the quarter at quota? Booked and weighted open deals over quota, %; right: the chance",
    )


def waterfall_bars(waterfall: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw how the quarter's pipeline got from one day to another (`movement.waterfall`)."""
    ax = pipeline(waterfall, ax, currency)
    _, came, won, lost, out, _ = claims = pipeline_steps(waterfall)
    came, won, lost, out = (style.money(c.figures["now"], currency) for c in (came, won, lost, out))
    return style.title(
        ax,
        Sentence(f"{came} came in; {won} was won, {lost} lost, {out} moved out of the quarter", claims),
        f"How did the quarter's pipeline get here? Open deals due in it, from its first day to this, {currency}",
    )


def slip_bars(slips: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what became of the deals that were due when each quarter began (`movement.slips`)."""
    ax = style.axes(ax)
    spots, base = range(len(slips)), pd.Series(0.0, index=slips.index)
    for end, ink in (("won", style.US), ("slipped", style.WARN), ("lost", style.LOSS)):
        ax.bar(spots, slips[end], bottom=base, color=ink, alpha=0.7 if end == "lost" else 1.0, width=0.66)
        middle = base + slips[end] / 2  # layout
        for spot, y, value in zip(spots, middle, slips[end], strict=True):
            said = f"{end}\n" * (value >= HIGH_ENOUGH) + style.percent(value, 0) * (value >= HIGH_ENOUGH / 2)
            ax.annotate(said, (spot, y), ha="center", va="center", fontsize=8.5, color="white")
        base = base + slips[end]  # layout
    ax.set_xticks(list(spots), slips["label"])
    style.percent_axis(ax.yaxis)
    slipped = slipped_total(slips)
    finding = f"{style.percent(slipped, 0)} of the money that was due slipped out of its quarter"
    claim = amounts("due_deals", slipped, "slipped")
    return style.title(
        ax,
        Sentence(finding, [claim]),
        "What became of the deals due when a quarter began? Parts of their money at its end, %",
    )


def incidence_areas(incidence: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what has become of opened deals so many days later (`durations.incidence`)."""
    ax = style.axes(ax)
    days = incidence["days"]
    ax.fill_between(days, 0, incidence["won"], step="post", color=style.US, alpha=0.85, linewidth=0)
    ax.fill_between(days, incidence["won"], 1 - incidence["lost"], step="post", color=style.LINE, linewidth=0)  # layout
    ax.fill_between(days, 1 - incidence["lost"], 1, step="post", color=style.LOSS, alpha=0.7, linewidth=0)  # layout
    low, high = (incidence[c].ffill() for c in ("won_low", "won_high"))  # the last deal leaves no doubt to compute
    ax.fill_between(days, low, high, step="post", color=style.NAVY, alpha=0.5, linewidth=0)
    last = incidence.iloc[-1]
    end = days.max()
    for y, text, ink in ((last["won"] / 2, "won", "white"), (1 - last["lost"] / 2, "lost", "white")):  # layout
        ax.annotate(text, (0.9 * end, y), color=ink, fontweight="bold", va="center", ha="center")
    ax.annotate("still open", (0.12 * end, 0.5), color=style.INK, va="center", ha="center")
    ax.set(xlim=(0, end), ylim=(0, 1), xlabel="days since the deal was opened")
    style.percent_axis(ax.yaxis)
    claim = amounts("deal_outcome", last["won"], n=last["n"])
    return style.title(
        ax,
        Sentence(f"Of all deals opened, {style.percent(last['won'], 0)} are won in the end", [claim]),
        f"How does a deal end, and when? Deals opened in two years; dark: 90 % interval of won; n {last['n']:,.0f}",
    )


def ramp_line(ramp: pd.DataFrame, length: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the win rate by months in the job (`skill.ramp`), and say of it what all these months together allow (`ramp_length`)."""
    ax = style.axes(ax)
    ax.vlines(ramp["month"], ramp["low"], ramp["high"], color=style.US, linewidth=1.6)
    ax.scatter(ramp["month"], ramp["rate"], color=style.US, s=36, zorder=3)
    usual = ramp["usual"].iloc[0]
    ax.axhline(usual, color=style.NAVY, linewidth=1.4)
    beside = {"xytext": (4, 0), "textcoords": "offset points", "xycoords": ("axes fraction", "data"), "va": "center"}
    ax.annotate(f"usual {style.percent(usual, 0)}", (1, usual), color=style.NAVY, **beside)
    ax.set_ylim(bottom=0)
    ax.set_xlabel("months in the job when the deal was opened")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    style.percent_axis(ax.yaxis)
    return style.title(
        ax,
        _early(ramp, usual, bool(length["clear"].iloc[0])),
        "How long does a new seller take? Won over closed by months in the job, %; line: 90 % interval",
    )


def funnel_bars(funnel: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how many deals reached each stage, and the share of them that went on (`analysis.pipeline.stages.funnel`)."""
    ax = _rows(ax, len(funnel), 0.44)
    spots = list(range(len(funnel) - 1, -1, -1))
    ax.barh(spots, funnel["reached"], color=style.US, height=0.62)
    for spot, row in zip(spots, funnel.itertuples(), strict=True):
        onward = "" if pd.isna(row.conversion) else f"  {style.percent(row.conversion, 0)} go on"
        ax.annotate(f" {row.reached:,.0f}{onward}", (row.reached, spot), va="center", fontsize=9.5)
    _names(ax, funnel["stage"][::-1])
    ax.set_xlim(right=1.2 * funnel["reached"].max())
    ax.set_xlabel("deals")
    style.count_axis(ax.xaxis)
    ends = funnel_ends(funnel)
    span = "opened" if funnel["basis"].iloc[0] == "status" else "closed"
    finding = f"Of {style.counted(ends[0], 'deal')} that came in, {ends[1]:,.0f} were won"
    claim = part("stage_conversion", ends[1], ends[0], "deals won of those that came in")
    return style.title(
        ax,
        Sentence(finding, [claim]),
        f"Where do deals stop? Deals {span} in twelve months that reached each stage, count",
    )


def cycle_histogram(cycle: pd.DataFrame, total: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the days that won deals took, with their median and its interval.

    Parameters
    ----------
    cycle, total : DataFrame
        As `analysis.pipeline.stages.cycle` and `analysis.team.performance.cycle_days_total` give them.
    """
    ax = style.axes(ax)
    ax.hist(cycle["days"], bins=30, color=style.US, edgecolor="white")
    median = total.iloc[0]
    if pd.notna(median["low"]):
        ax.axvspan(median["low"], median["high"], color=style.NAVY, alpha=0.15, linewidth=0)
    _upright(ax, median["value"], f"median {median['value']:.0f}", style.NAVY)
    ax.set_xlabel("days from opening to closing")
    ax.set_ylabel("deals won")
    style.count_axis(ax.yaxis)
    finding = f"Half of the deals won took {style.counted(median['value'], 'day')} or fewer"
    claim = amounts("sales_cycle_days", median["value"], "median")
    return style.title(
        ax, Sentence(finding, [claim]), f"How long does a sale take? Deals won in twelve months, n {median['n']:,.0f}"
    )


def overdue_bars(overdue: pd.DataFrame, total: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw the open money past its expected close, seller by seller, the most first.

    Parameters
    ----------
    overdue, total : DataFrame
        As `analysis.pipeline.stages.overdue` and `overdue_total` give them.
    """
    late = overdue[overdue["overdue_deals"] > 0].head(MOST_BARS)
    ax = _rows(ax, len(late), 0.3)
    spots = list(range(len(late) - 1, -1, -1))
    ax.barh(spots, late["overdue_amount"], color=style.WARN, height=0.62)
    for spot, row in zip(spots, late.itertuples(), strict=True):
        said = f" {row.overdue_deals:,.0f} of {style.counted(row.open_deals, 'deal')}, {style.counted(row.days_late, 'day')} late"
        ax.annotate(said, (row.overdue_amount, spot), va="center", fontsize=9)
    _names(ax, late["name"][::-1])
    ax.set_xlim(0, 1.35 * max(late["overdue_amount"].max(), 1) if len(late) else 1)
    style.money_axis(ax.xaxis, currency)
    row = total.iloc[0]
    finding = f"{style.money(row['overdue_amount'], currency)} of open deals is past its expected close"
    claim = amounts("pipeline_overdue", row["overdue_amount"])
    return style.title(
        ax,
        Sentence(finding, [claim]),
        f"Whose dates need a new look? Open amount past due, {currency}; median days late",
    )


def capacity_bars(capacity: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw what the sellers would book at past attainment against the plan, quarter by quarter (`analysis.capacity.capacity`)."""
    ax = style.axes(ax)
    spots = range(len(capacity))
    ax.bar(spots, capacity["capacity"], width=0.5, color=style.US, alpha=0.45)
    ax.vlines(spots, capacity["low"], capacity["high"], color=style.NAVY, linewidth=2)
    for spot, row in zip(spots, capacity.itertuples(), strict=True):
        if pd.notna(row.plan):
            ax.hlines(row.plan, spot - 0.34, spot + 0.34, color=style.PLAN, linewidth=2.6, linestyle=_dash(row))
            above = {"xytext": (0, 5), "textcoords": "offset points", "ha": "center", "fontsize": 9}
            said = f"plan {style.money(row.plan, currency)}"
            ax.annotate(said, (spot, max(row.plan, row.high)), color=style.PLAN, **above)
    ax.set_xticks(spots, capacity["quarter"] + "\n" + capacity["ramped"].map(_ramped))
    ax.set_ylim(0, 1.12 * np.nanmax(capacity[["high", "plan"]]))
    named = {"capacity": "can be booked", "plan": "plan", "low": "low, 10 %", "high": "high, 90 %"}
    ax.facts = [
        fact
        for column, name in named.items()
        for fact in listed(
            "capacity_course", "line", zip(capacity["quarter"], capacity[column], strict=True), period=name
        )
    ]
    style.money_axis(ax.yaxis, currency)
    return style.title(
        ax,
        _burden(capacity, currency),
        f"Can the team carry the plan? Bookings, {currency}; dark: 80 % range, brass: plan",
    )


def _alone(spread: pd.DataFrame) -> bool:
    """Tell whether there never was more than one seller with a quota."""
    return spread["reps"].max() == 1


def _course(whole: pd.DataFrame) -> Sentence:
    """Say in how many whole quarters all together, and the median seller, reached the quota."""
    if whole.empty:
        return Sentence("No whole quarter with quotas is on record yet")
    counts = [int((whole[column] >= 1).sum()) for column in ("together", "median")]
    subjects = ("quarters in which all together reached the quota", "quarters in which the median seller did")
    claims = [part("quota_attainment", n, len(whole), subject) for n, subject in zip(counts, subjects, strict=True)]
    together, median = (n or "none" for n in counts)
    if _alone(whole):
        return Sentence(
            f"The one seller reached the quota in {together} of {style.counted(len(whole), 'quarter')}", claims[:1]
        )
    quarters = style.counted(len(whole), "quarter")
    finding = f"All together reached the quota in {together} of {quarters}, the median seller in {median}"
    return Sentence(finding, claims)


def _early(ramp: pd.DataFrame, usual: float, ramps: bool) -> Sentence:
    """Say what a seller wins in the first three months, and, where a ramp is there at all, whether that clearly differs."""
    early = first_months(ramp)
    months = "In the first months" if early["month"] < 3 else f"After {style.counted(early['month'], 'month')}"
    now, ends = early["rate"], early[["low", "high"]]
    claim = apart("win_rate", *ends, "first months in the job", against=usual, now=now, usual=usual)
    word = {"below": "less than", "above": "more than", "not clear": "not distinguishable from"}[claim.predicate]
    rate, others = style.percent(now, 0), style.percent(usual, 0)
    if not ramps and claim.predicate != "not clear":
        word, claim = "which may be chance beside", amounts("win_rate", now, claim.subject, usual=usual)
    return Sentence(f"{months} a seller wins {rate}, {word} the usual {others}", [claim])


def _burden(capacity: pd.DataFrame, currency: str) -> Sentence:
    """Say which quarter's plan is farthest beyond what the sellers can carry, and whether it is still within reach."""
    planned = capacity.dropna(subset=["plan"])
    if planned.empty:
        claim = amounts("sales_capacity", capacity["capacity"].iloc[0], capacity["quarter"].iloc[0])
        return Sentence(
            f"The sellers there are can book {style.money(claim.figures['now'], currency)} a quarter", [claim]
        )
    worst = planned.loc[planned["gap"].idxmax()]
    side, gap = against_plan(worst), style.money(worst["gap"], currency)
    if not worst["gap"] > 0:
        none = part("sales_capacity", 0, len(planned), "quarters whose plan is beyond what the sellers can carry")
        return Sentence("The sellers there are can carry the plan", [none])
    middle = first(
        "sales_capacity",
        ("more than",),
        {"now": worst["plan"], "than": worst["capacity"]},
        f"plan of {worst['quarter']}",
    )
    words = f"{gap} beyond what the sellers can carry"
    if side.predicate == "within reach of":
        words = f"within reach, {gap} beyond the sellers' middle case"
    return Sentence(f"The plan of {worst['quarter']} is {words}", [side, middle])


def _ramped(sellers: float) -> str:
    """Count ramped sellers, in tenths where they are not whole."""
    said = style.number(sellers, 1).removesuffix(".0")
    return f"{said} seller" + ("" if said == "1" else "s")


def _dash(row: Any) -> str:
    return "--" if row.assumed else "-"


def _rows(ax: Axes | None, rows: int, inches: float = 0.25) -> Axes:
    """Give axes high enough for one row each; many rows are set closer, and their names smaller."""
    ax = style.axes(ax, height=1.5 + rows * (inches if rows <= NAMED else CLOSE))
    ax.grid(axis="x")
    ax.grid(visible=False, axis="y")
    return ax


def _names(ax: Axes, names: pd.Series, above: float = 0) -> None:
    """Name the rows, of very many those at both ends, and leave so many points `above` the topmost one."""
    fits, count = len(names) <= NAMED, len(names)
    spots = [i for i in range(count) if count <= MANY or min(i, count - 1 - i) < ENDS]
    ax.set_yticks(spots, names.iloc[spots])
    ax.tick_params(axis="y", labelcolor=style.INK, labelsize=10 if fits else 8)
    ax.set_ylim(-0.7, max(count, 1) - 0.3 + above / 72 / (0.25 if fits else CLOSE))
    if count > MANY:
        ax.set_ylabel(f"{style.counted(count, 'seller')}, ranked")


def _upright(ax: Axes, x: float, text: str, ink: str, dashes: str = "-", drop: float = 10) -> None:
    ax.axvline(x, color=ink, linewidth=1.4, linestyle=dashes, zorder=2)
    ax.annotate(
        text,
        (x, 1),
        xycoords=("data", "axes fraction"),
        xytext=(4, -drop),
        textcoords="offset points",
        color=ink,
        fontsize=9,
        bbox=style.CLEARED,
    )
