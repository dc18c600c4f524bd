"""What do quotas, win rates and the pipeline look like, seller by seller?"""

import pandas as pd
from matplotlib.axes import Axes

from quarterdeck.present import style

NAMED = 32  # sellers whose names still fit beside their rows
MOST_BARS = 12
PLACES = {"above": style.US, "below": style.WARN}


def attainment_dots(attained: pd.DataFrame, spread: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw each seller's attainment, last quarter's and the open one's, against quota and the days gone.

    Parameters
    ----------
    attained, spread : DataFrame
        As `analysis.team.attainment` and `attainment_spread` give them.
    """
    order = attained.drop_duplicates("rep_id")["rep_id"].tolist()
    ax = _rows(ax, len(order))
    place = {rep: i for i, rep in enumerate(order)}
    for quarter in spread.itertuples():
        own = attained[attained["quarter"].eq(quarter.quarter)]
        ink = {"color": style.US} if quarter.whole else {"facecolor": "white", "edgecolor": style.US}
        ax.scatter(own["attainment"], own["rep_id"].map(place), s=30, zorder=3, label=quarter.quarter, **ink)
        if not quarter.whole:
            _upright(ax, quarter.elapsed, f"{style.percent(quarter.elapsed, 0)} of days gone", style.SOFT, "--")
    _upright(ax, 1, "quota", style.PLAN, drop=24)
    ax.legend(loc="lower right")
    _names(ax, attained.drop_duplicates("rep_id")["name"])
    ax.set_xlim(left=min(0, attained["attainment"].min()))
    style.percent_axis(ax.xaxis)
    last = spread.iloc[0]
    finding = f"{last['at_quota']:,.0f} of {last['reps']:,.0f} sellers reached their quota in {last['quarter']}"
    return style.title(ax, finding, "How far is each seller? Bookings over the whole quarter's quota, %")


def win_rate_intervals(rates: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw each seller's shrunken win rate with its interval, ranked, against the team's (`team.win_rates`)."""
    ax = _rows(ax, len(rates))
    spots = range(len(rates) - 1, -1, -1)
    for spot, row in zip(spots, rates.itertuples(), strict=True):
        ink = PLACES.get(row.place, style.SOFT)
        ax.hlines(spot, row.low, row.high, color=ink, linewidth=2, alpha=1 if row.ranked else 0.35)
        ax.scatter(row.rate, spot, s=34, color=ink if row.ranked else "white", edgecolor=ink, zorder=3)
        ax.scatter(row.raw, spot, s=36, marker="|", color=style.INK, zorder=4)
    team = rates["team"].iloc[0]
    _upright(ax, team, f"team {style.percent(team)}", style.NAVY)
    _names(ax, (rates["name"] + "  n " + rates["n"].map(style.number))[::-1])
    style.percent_axis(ax.xaxis)
    apart = rates[rates["ranked"]]["place"].isin(PLACES)
    verb = "stands" if apart.sum() == 1 else "stand"
    finding = f"{apart.sum() or 'None'} of {len(apart)} sellers {verb} out from the team"
    question = (
        "Who wins more? Won over closed, %: dot shrunken, line 90 % interval, tick raw; grey cannot be told apart"
    )
    return style.title(ax, finding, question)


def funnel_bars(funnel: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how many deals reached each stage, and the share of them that went on (`analysis.pipeline.funnel`)."""
    ax = _rows(ax, len(funnel), 0.44)
    spots = list(range(len(funnel) - 1, -1, -1))
    ax.barh(spots, funnel["reached"], color=style.US, height=0.62)
    for spot, row in zip(spots, funnel.itertuples(), strict=True):
        onward = "" if pd.isna(row.conversion) else f"  {style.percent(row.conversion, 0)} go on"
        ax.annotate(f" {row.reached:,.0f}{onward}", (row.reached, spot), va="center", fontsize=9.5)
    _names(ax, funnel["stage"][::-1])
    ax.set_xlim(right=1.2 * funnel["reached"].max())
    ax.set_xlabel("deals")
    ends = funnel["reached"].iloc[0], funnel["reached"].iloc[-1]
    span = "opened" if funnel["basis"].iloc[0] == "status" else "closed"
    finding = f"Of {ends[0]:,.0f} deals that came in, {ends[1]:,.0f} were won"
    return style.title(
        ax, finding, f"Where do deals stop? Deals {span} in twelve months that reached each stage, count"
    )


def cycle_histogram(cycle: pd.DataFrame, total: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the days that won deals took, with their median and its interval.

    Parameters
    ----------
    cycle, total : DataFrame
        As `analysis.pipeline.cycle` and `analysis.team.cycle_days_total` give them.
    """
    ax = style.axes(ax)
    ax.hist(cycle["days"], bins=30, color=style.US, edgecolor="white")
    median = total.iloc[0]
    if pd.notna(median["low"]):
        ax.axvspan(median["low"], median["high"], color=style.NAVY, alpha=0.15, linewidth=0)
    _upright(ax, median["value"], f"median {median['value']:.0f}", style.NAVY)
    ax.set_xlabel("days from opening to closing")
    ax.set_ylabel("deals won")
    finding = f"Half of the deals won took {median['value']:.0f} days or fewer"
    return style.title(ax, finding, f"How long does a sale take? Deals won in twelve months, n {median['n']:,.0f}")


def overdue_bars(overdue: pd.DataFrame, total: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw the open money past its expected close, seller by seller, the most first.

    Parameters
    ----------
    overdue, total : DataFrame
        As `analysis.pipeline.overdue` and `overdue_total` give them.
    """
    late = overdue[overdue["overdue_deals"] > 0].head(MOST_BARS)
    ax = _rows(ax, len(late), 0.3)
    spots = list(range(len(late) - 1, -1, -1))
    ax.barh(spots, late["overdue_amount"], color=style.WARN, height=0.62)
    for spot, row in zip(spots, late.itertuples(), strict=True):
        said = f" {row.overdue_deals:,.0f} of {row.open_deals:,.0f} deals, {row.days_late:,.0f} days late"
        ax.annotate(said, (row.overdue_amount, spot), va="center", fontsize=9)
    _names(ax, late["name"][::-1])
    ax.set_xlim(0, 1.35 * max(late["overdue_amount"].max(), 1) if len(late) else 1)
    style.money_axis(ax.xaxis, currency)
    row = total.iloc[0]
    finding = f"{style.money(row['overdue_amount'], currency)} of open deals is past its expected close"
    return style.title(ax, finding, f"Whose dates need a new look? Open amount past due, {currency}; median days late")


def _rows(ax: Axes | None, rows: int, inches: float = 0.25) -> Axes:
    """Give axes high enough for one row each; rows that have no room for a name are set closer."""
    ax = style.axes(ax, height=1.5 + rows * (inches if rows <= NAMED else 0.12))
    ax.grid(axis="x")
    ax.grid(visible=False, axis="y")
    return ax


def _names(ax: Axes, names: pd.Series) -> None:
    fits = len(names) <= NAMED
    ax.set_yticks(range(len(names)) if fits else [], names if fits else [])
    ax.tick_params(axis="y", labelcolor=style.INK)
    ax.set_ylim(-0.7, max(len(names), 1) - 0.3)
    if not fits:
        ax.set_ylabel(f"{len(names):,} sellers, ranked")


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
    )
