"""What do shares, duels and prices look like, rival by rival?"""

import pandas as pd
from matplotlib.axes import Axes

from quarterdeck.analysis.competition.competitors import OTHERS, US
from quarterdeck.analysis.methods.claims import first, least, most, part
from quarterdeck.present import style
from quarterdeck.present.facts.competitors import reason_most, rival_claims
from quarterdeck.present.numbers import among, listed
from quarterdeck.present.sentences import Sentence
from quarterdeck.present.stated import states

PLACES = {"harder": style.LOSS, "easier": style.GOOD}


def inks(sellers: pd.Series) -> dict[str, str]:
    """Give each seller its colour: ours, one for each rival, a quiet one for all others."""
    rivals = [s for s in sellers.unique() if s not in (US, OTHERS)]
    return style.rival_colours(rivals) | {US: style.US, OTHERS: style.LINE}


def share_lines(shares: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw every seller's share of four quarters over time (`analysis.competition.competitors.of_a_year`)."""
    ax = style.axes(ax, height=4.2)
    colours, places = inks(shares["seller"]), {s: i for i, s in enumerate(sorted(shares["start"].unique()))}
    ends = {}
    for seller, rows in shares.groupby("seller"):
        width = 3 if seller == US else 1.8
        ax.plot(rows["start"].map(places), rows["trailing_share"], color=colours[seller], linewidth=width)
        ends[seller] = rows["trailing_share"].iloc[-1]
    for seller, y in style.apart(ends, 0.011).items():
        said = f" {seller} {style.percent(ends[seller])}"
        ax.annotate(said, (len(places) - 1, y), va="center", color=colours[seller], fontsize=9.5)
    labels = shares.drop_duplicates("start").sort_values("start")["label"].tolist()
    ax.set_xticks(range(0, len(labels), 4), labels[::4])
    ax.set_xlim(-0.3, 1.38 * max(len(labels) - 1, 1))
    ax.set_ylim(bottom=0)
    style.percent_axis(ax.yaxis)
    return style.title(
        ax,
        _leader(pd.Series(ends).drop(OTHERS, errors="ignore")),
        "Who holds what? Share of the market, four quarters together, %",
    )


def move_bars(moves: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw what each seller's share gained or lost in a year (`analysis.competition.competitors.share_moves`)."""
    ax = style.rows(ax, len(moves))
    spots, colours = list(range(len(moves) - 1, -1, -1)), inks(moves["seller"])
    ax.barh(spots, moves["change"] * 100, color=[colours[s] for s in moves["seller"]], height=0.62)
    for spot, row in zip(spots, moves.itertuples(), strict=True):
        gap, side = (4, "left") if row.change >= 0 else (-4, "right")
        said = f"{style.points(row.change)}, {style.money(row.worth, currency)}"
        where = {"xytext": (gap, 0), "textcoords": "offset points", "va": "center", "ha": side, "fontsize": 9.5}
        ax.annotate(said, (row.change * 100, spot), **where)
    ax.axvline(0, color=style.INK, linewidth=1)
    ax.set_yticks(spots, moves["seller"])
    reach = 1.9 * moves["change"].abs().max() * 100
    ax.set_xlim(-reach, reach)
    ax.set_xlabel("percentage points")
    return style.title(
        ax,
        _movers(moves.set_index("seller")["change"]),
        "Who takes share from whom? Four quarters on the four before; the moves add up to zero",
    )


@states({"competitor": "rival"}, rate=("win_rate", "ratio"))
def win_rate_dots(rates: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw our win rate against each rival with its interval (`analysis.competition.competitors.win_rate_by_rival`)."""
    ax = style.rows(ax, len(rates))
    spots = list(range(len(rates) - 1, -1, -1))
    tones = [PLACES.get(p, style.SOFT) for p in rates["place"]]
    ax.hlines(spots, rates["low"], rates["high"], color=tones, linewidth=2.4)
    ax.scatter(rates["rate"], spots, s=50, color=tones, zorder=3)
    ax.scatter(rates["raw"], spots, s=42, marker="|", color=style.INK, zorder=4)
    whole = rates["all"].iloc[0]
    ax.axvline(whole, color=style.NAVY, linewidth=1.4)
    ax.annotate(f" all {style.percent(whole)}", (whole, len(rates) - 0.55), color=style.NAVY, fontsize=9.5)
    ax.set_yticks(spots, rates["competitor"] + "  n " + rates["n"].map(style.number))
    ax.set_ylim(-0.6, len(rates) - 0.1)
    style.percent_axis(ax.xaxis)
    return style.title(
        ax, _duels(rates), "Against whom do we win? Won over closed, %: dot shrunk, line 90 % interval, tick raw"
    )


@states({"competitor": "rival"}, now=("price_index", "count"))
def price_dots(prices: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw each rival's price level against ours, now and a year before (`analysis.competition.competitors.price_position`)."""
    ax = style.rows(ax, len(prices))
    spots, colours = list(range(len(prices))), inks(prices["competitor"])
    tones = [colours[c] for c in prices["competitor"]]
    ax.hlines(spots, prices["before"], prices["now"], color=tones, linewidth=2)
    ax.scatter(prices["before"], spots, s=40, facecolor="white", edgecolor=tones, zorder=3)
    ax.scatter(prices["now"], spots, s=56, color=tones, zorder=4)
    ax.axvline(100, color=style.US, linewidth=1.8)
    ax.annotate(" us = 100", (100, len(prices) - 0.55), color=style.US, fontsize=9.5)
    ax.set_yticks(spots, prices["competitor"])
    ax.set_ylim(-0.6, len(prices) - 0.1)
    ax.set_xlabel("price index")
    below = int((prices["now"] < 100).sum())
    claim = part("price_index", below, len(prices), "rivals cheaper than we are")
    finding = f"{below} of {style.counted(len(prices), 'rival')} {'is' if below == 1 else 'are'} cheaper than we are"
    return style.title(
        ax, Sentence(finding, [claim]), "Who is cheap, who is dear? Price index, own = 100; open dot: a year before"
    )


@states({"reason": "reason"}, share=("loss_reasons", "whole ratio"))
def reason_bars(reasons: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw why deals were lost, with the interval of each share (`analysis.competition.competitors.loss_reasons`)."""
    ax = style.rows(ax, len(reasons))
    spots = list(range(len(reasons) - 1, -1, -1))
    ax.barh(spots, reasons["share"], color=style.LOSS, height=0.6, alpha=0.85)
    ax.hlines(spots, reasons["low"], reasons["high"], color=style.INK, linewidth=1.6)
    for spot, row in zip(spots, reasons.itertuples(), strict=True):
        said = f"  {style.percent(row.share, 0)}, {style.money(row.amount, currency)}"
        ax.annotate(said, (row.high, spot), va="center", fontsize=9.5)
    ax.set_yticks(spots, reasons["reason"])
    ax.set_xlim(0, 1.35 * reasons["high"].max())
    style.percent_axis(ax.xaxis)
    claim = reason_most(reasons)
    named = among(len(reasons), "named most", "the one reason named")
    finding = f"“{claim.name}” is {named}: in {style.percent(claim.figures['now'], 0)} of lost deals"
    return style.title(
        ax,
        Sentence(finding, [claim]),
        f"Why do we lose? Share of lost deals, %; line: 90 % interval; n {reasons['n'].iloc[0]:,.0f}",
    )


def _leader(shares: pd.Series) -> Sentence:
    """Say whether we hold most of all sellers known by name, or how many are larger."""
    shares = shares.reindex(shares.index.union([US]), fill_value=0.0)  # we may not have sold yet
    if lead := first("market_share", ("is most",), {"now": shares[US], "most": shares.max()}, f"rival: {US}"):
        return Sentence(f"We lead with {style.percent(shares[US])}", [lead])
    ahead, rivals = int((shares > shares[US]).sum()), len(shares) - 1
    verb = "is" if ahead == 1 else "are"
    claim = part("market_share", ahead, rivals, "rivals larger than we are")
    return Sentence(f"{ahead} of {style.counted(rivals, 'rival')} {verb} larger than we are", [claim])


def _movers(changes: pd.Series) -> Sentence:
    """Say whose share grew most and whose fell most."""
    up, down = (
        most("market_share", changes, "a year's move of rival", ("added most",)),
        least("market_share", changes, "a year's move of rival", ("lost most",)),
    )
    if not up or not down:
        return Sentence("No share moved", [part("market_share", 0, len(changes), "shares moved")])
    winner, loser = "We" if up.name == US else up.name, "we" if down.name == US else down.name
    ends = (style.points(c.figures["now"]) for c in (up, down))
    return Sentence(f"{winner} gained most, {next(ends)}; {loser} lost most, {next(ends)}", [up, down])


def _duels(rates: pd.DataFrame) -> Sentence:
    """Say against whom we clearly win less often than against all, else against whom more often."""
    claims = rival_claims(rates)
    for side, word in (("below", "less often"), ("above", "more often")):
        clear = [c for c in claims if c.predicate == side]
        if clear:
            won = listed([style.percent(c.figures["now"], 0) for c in clear])
            return Sentence(f"Against {listed([c.name for c in clear])} we win {word} than against all: {won}", clear)
    return Sentence("No rival stands apart from the others", claims)
