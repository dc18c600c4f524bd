"""What moves the odds of winning, and what is at stake?"""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from quarterdeck.analysis.methods.claims import amounts, apart, first, least, part
from quarterdeck.analysis.pipeline.win_loss import SIZES, trend_totals
from quarterdeck.present import style
from quarterdeck.present.numbers import listed
from quarterdeck.present.sentences import Sentence
from quarterdeck.present.stated import states

MOST_ROWS = 14
DUEL = LinearSegmentedColormap.from_list("duel", [style.LOSS, "white", style.GOOD])


def odds_dots(odds: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what each condition adds to the log-odds of winning (`analysis.pipeline.win_loss.odds`)."""
    table = odds.head(MOST_ROWS)
    ax = style.rows(ax, len(table), each=0.36)
    spots = list(range(len(table) - 1, -1, -1))
    tones = [
        style.SOFT if not c else style.GOOD if v > 0 else style.LOSS
        for c, v in zip(table["clear"], table["log_odds"], strict=True)
    ]
    ax.hlines(spots, table["low"], table["high"], color=tones, linewidth=2.2)
    ax.scatter(table["log_odds"], spots, s=46, color=tones, zorder=3)
    right = {"xycoords": ("axes fraction", "data"), "va": "center", "ha": "right", "fontsize": 9, "color": style.SOFT}
    for spot, points in zip(spots, table["points"], strict=True):
        ax.annotate(style.points(points), (1.0, spot), **right)
    ax.axvline(0, color=style.INK, linewidth=1)
    ax.set_yticks(spots, table["condition"].replace("competitor", "rival") + ": " + table["level"])
    ax.margins(x=0.2)
    ax.set_xlabel("log-odds of winning against the mean of its kind")
    return style.title(
        ax,
        _condition(odds),
        "Which conditions move the odds? Others being equal; line: 90 % interval; grey: may be chance",
    )


def calibration_dots(calibration: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what became of deals by their predicted chance (`analysis.pipeline.win_loss.calibration`)."""
    ax = style.truth_dots(ax, calibration)
    row = calibration.iloc[0]
    finding = (
        f"Predictions miss by {style.points(row['error']).lstrip('+')} on average; Brier score {row['brier']:.3f}, "
        f"{row['brier_base']:.3f} without them"
    )
    names = {"error": "mean distance", "brier": "Brier", "brier_base": "Brier of the mean rate"}
    claims = [amounts("chance_score", row[k], name) for k, name in names.items()]
    return style.title(
        ax,
        Sentence(finding, claims),
        "Do predicted chances come true? Tenths of deals, predicted from other days; line: 90 % interval",
    )


def trend_lines(trend: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the win rate by quarter with and without a rival (`analysis.pipeline.win_loss.trend`)."""
    ax = style.axes(ax)
    starts = sorted(trend["start"].unique())
    places = {s: i for i, s in enumerate(starts)}
    for kind, ink in (("contested", style.US), ("uncontested", style.SOFT)):
        rows = trend[trend["kind"] == kind]
        x = rows["start"].map(places)
        ax.fill_between(x, rows["low"], rows["high"], color=ink, alpha=0.15, linewidth=0)
        ax.plot(x, rows["rate"], color=ink, marker="o", markersize=3.5)
        if len(rows):
            ax.annotate(f" {kind}", (x.iloc[-1], rows["rate"].iloc[-1]), color=ink, va="center", fontsize=9.5)
    labels = trend.drop_duplicates("start").sort_values("start")["label"].tolist()
    ax.set_xticks(range(0, len(labels), 2), labels[::2])
    ax.set_xlim(-0.3, 1.15 * max(len(labels) - 1, 1))
    ax.set_ylim(bottom=0)
    style.percent_axis(ax.yaxis)
    both = trend_totals(trend)
    rate = both["rate"]
    words = {"contested": "against a rival", "uncontested": "without one"}
    finding = f"We win {listed(f'{style.percent(r, 0)} {words[k]}' for k, r in rate.items())}"
    claims = [amounts("win_rate", r, words[k], n=both["n"][k]) for k, r in rate.items()]
    return style.title(
        ax,
        Sentence(finding, claims),
        "Does the win rate move? Won over closed by quarter of closing, %; shaded: 90 % interval",
    )


@states({"group": "group", "competitor": "rival"}, rate=("win_rate", "whole ratio"))
def duel_map(rates: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw shrunk win rates by group and rival (`analysis.pipeline.win_loss.win_rate_by`)."""
    wide = rates.pivot(index="group", columns="competitor", values="rate")
    wide = wide.reindex(SIZES if set(wide.index) <= set(SIZES) else wide.index).dropna(how="all")
    clear = ((rates["high"] < rates["all"]) | (rates["low"] > rates["all"])).to_numpy()
    said = rates.assign(
        said=[style.percent(r, 0) + ("*" if c else "") for r, c in zip(rates["rate"], clear, strict=True)]
    )
    said = said.pivot(index="group", columns="competitor", values="said").reindex(wide.index).fillna("")
    whole = rates["all"].iloc[0]
    reach = max((wide - whole).abs().max().max(), 0.05)
    ax = style.axes(ax, height=1.6 + 0.45 * len(wide))
    sns.heatmap(
        wide,
        annot=said,
        fmt="",
        cmap=DUEL,
        vmin=whole - 1.6 * reach,
        vmax=whole + 1.6 * reach,
        cbar=False,
        linewidths=1.5,
        ax=ax,
    )
    ax.set(xlabel="", ylabel="")
    ax.tick_params(axis="x", rotation=0, length=0)
    ax.tick_params(axis="y", rotation=0, length=0, labelcolor=style.INK)
    return style.title(
        ax,
        _hardest(rates),
        f"Where do we win? Shrunk win rate of twelve months, all {style.percent(whole, 0)}; *: its interval leaves that out",
    )


@states({"competitor": "rival"}, risk=("pipeline_at_risk", "money"))
def risk_bars(risk: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw the open pipeline that each rival is in and is likely to take (`analysis.pipeline.win_loss.at_risk`)."""
    ax = style.rows(ax, len(risk))
    spots = list(range(len(risk) - 1, -1, -1))
    ax.barh(spots, risk["amount"], color=style.LINE, height=0.6)
    ax.barh(spots, risk["risk"], color=style.LOSS, height=0.6, alpha=0.85)
    ax.hlines(spots, risk["low"], risk["high"], color=style.INK, linewidth=1.6)
    for spot, row in zip(spots, risk.itertuples(), strict=True):
        ax.annotate(
            f"  {style.money(row.risk, currency)} of {style.money(row.amount, currency)}, {style.counted(row.deals, 'deal')}",
            (row.amount, spot),
            va="center",
            fontsize=9.5,
        )
    ax.set_yticks(spots, risk["competitor"])
    ax.set_xlim(0, 1.45 * risk["amount"].max())
    style.money_axis(ax.xaxis, currency)
    ends = risk[["risk", "amount"]].sum()
    taken, whole = (style.money(v, currency) for v in ends)
    claim = amounts("pipeline_at_risk", ends["risk"], amount=ends["amount"])
    return style.title(
        ax,
        Sentence(f"At past win rates rivals take {taken} of {whole} of open deals", [claim]),
        f"What is at risk? Open deals with a rival named, {currency}; red: at the win rate of past deals, line 90 %",
    )


def _condition(odds: pd.DataFrame) -> Sentence:
    """Say which of the conditions whose effect is clear moves the odds most."""
    clear = odds[odds["clear"]]
    if clear.empty:
        return Sentence(
            "No condition surely moves the odds", [part("win_odds", 0, len(odds), "conditions surely move")]
        )
    top, log_odds = clear.iloc[0], clear["log_odds"]
    name = f"{top['condition'].replace('competitor', 'rival')}: {top['level']}"
    ends = {"now": log_odds.iloc[0], "most": log_odds.max(), "least": log_odds.min()}
    claims = [
        first("win_odds", ("did most",), ends, f"log-odds of {name}"),
        apart("win_odds", top["low"], top["high"], name, now=top["points"]),
        part("win_odds", len(clear), len(odds), "conditions clear of chance"),
    ]
    return Sentence(f"{top['level']} moves the odds most: {style.points(top['points'])} of win rate", claims)


def _hardest(rates: pd.DataFrame) -> Sentence:
    """Say in which cell we win least, and whether that is clear of the rate of all."""
    names = rates["competitor"] + ", " + rates["group"]
    low = rates.loc[rates["rate"].idxmin()]
    claim = least("win_rate", rates.set_axis(names)["rate"], "cell")
    clear = apart("win_rate", low["low"], low["high"], claim.subject, against=low["all"])
    word = {"below": "below all", "above": "above all", "not clear": "may be chance"}[clear.predicate]
    return Sentence(f"Lowest: {claim.name}, {style.percent(low['rate'], 0)}: {word}", [claim, clear])
