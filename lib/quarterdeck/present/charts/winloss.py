"""What moves the odds of winning, and what is at stake?"""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from quarterdeck.analysis.winloss import SIZES
from quarterdeck.present import style

MOST_ROWS = 14
DUEL = LinearSegmentedColormap.from_list("duel", [style.LOSS, "white", style.GOOD])


def odds_dots(odds: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what each condition adds to the log-odds of winning (`analysis.winloss.odds`)."""
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
    clear = odds[odds["clear"]]
    finding = "No condition surely moves the odds"
    if len(clear):
        top = clear.iloc[0]
        finding = f"{top['level']} moves the odds most: {style.points(top['points'])} of win rate"
    return style.title(
        ax,
        finding,
        "Which conditions move the odds? Others being equal; line: 90 % interval; grey: may be chance",
    )


def calibration_dots(calibration: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what became of deals by their predicted chance (`analysis.winloss.calibration`)."""
    ax = style.truth_dots(ax, calibration)
    row = calibration.iloc[0]
    finding = (
        f"Predictions miss by {style.points(row['error']).lstrip('+')} on average; Brier score {row['brier']:.3f}, "
        f"{row['brier_base']:.3f} without them"
    )
    return style.title(
        ax, finding, "Do predicted chances come true? Tenths of deals, predicted from other days; line: 90 % interval"
    )


def trend_lines(trend: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the win rate by quarter with and without a rival (`analysis.winloss.trend`)."""
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
    both = trend.groupby("kind")[["won", "n"]].sum()
    rate = both["won"] / both["n"]
    words = {"contested": "against a rival", "uncontested": "without one"}
    finding = f"We win {' and '.join(f'{style.percent(r, 0)} {words[k]}' for k, r in rate.items())}"
    return style.title(
        ax, finding, "Does the win rate move? Won over closed by quarter of closing, %; shaded: 90 % interval"
    )


def duel_map(rates: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw shrunken win rates by group and rival (`analysis.winloss.win_rate_by`)."""
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
    low = rates.loc[rates["rate"].idxmin()]
    finding = f"Hardest: {low['competitor']}, {low['group']}: we win {style.percent(low['rate'], 0)}"
    return style.title(
        ax,
        finding,
        f"Where do we win? Shrunken win rate of twelve months, all {style.percent(whole, 0)}; *: its interval leaves that out",
    )


def risk_bars(risk: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw the open pipeline that each rival is in and is likely to take (`analysis.winloss.at_risk`)."""
    ax = style.rows(ax, len(risk))
    spots = list(range(len(risk) - 1, -1, -1))
    ax.barh(spots, risk["amount"], color=style.LINE, height=0.6)
    ax.barh(spots, risk["risk"], color=style.LOSS, height=0.6, alpha=0.85)
    ax.hlines(spots, risk["low"], risk["high"], color=style.INK, linewidth=1.6)
    for spot, row in zip(spots, risk.itertuples(), strict=True):
        ax.annotate(
            f"  {style.money(row.risk, currency)} of {style.money(row.amount, currency)}, {row.deals:,.0f} deals",
            (row.amount, spot),
            va="center",
            fontsize=9.5,
        )
    ax.set_yticks(spots, risk["competitor"])
    ax.set_xlim(0, 1.45 * risk["amount"].max())
    style.money_axis(ax.xaxis, currency)
    finding = f"Rivals are likely to take {style.money(risk['risk'].sum(), currency)} of the open pipeline"
    return style.title(
        ax,
        finding,
        f"What is at risk? Open deals with a rival named, {currency}; red: at the win rate of past deals, line 90 %",
    )
