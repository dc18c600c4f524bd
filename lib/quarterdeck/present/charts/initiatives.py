"""What do the initiatives' effects look like, beside what would have been?"""

import pandas as pd
from matplotlib.axes import Axes

from quarterdeck.analysis.initiatives.next_test import best
from quarterdeck.analysis.initiatives.results import FAILED, WORKED, explained, outside, verdicts
from quarterdeck.analysis.methods.claims import amounts, part
from quarterdeck.present import style
from quarterdeck.present.charts.steps import steps
from quarterdeck.present.sentences import Sentence
from quarterdeck.present.stated import states

INKS = {WORKED: style.GOOD, FAILED: style.LOSS}
MARKS = {WORKED: "o", FAILED: "X"}
MOST_STEPS = 5


@states({"name": "initiative"}, effect=("initiative_effect", "change"))
def effect_intervals(estimated: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw each initiative's effect with its interval and the smallest effect of interest
    (`analysis.initiatives.results.estimated`)."""
    known = estimated.iloc[::-1]
    ax = style.rows(ax, len(known), 0.36)
    spots = range(len(known))
    inks = [INKS.get(v, style.SOFT) for v in known["verdict"]]
    ax.hlines(spots, known["low"], known["high"], color=inks, linewidth=2.2)
    words = verdicts(known)
    for spot, ink, row in zip(spots, inks, known.assign(said=words).itertuples(), strict=True):
        ax.scatter(row.effect, spot, s=46, color=ink, marker=MARKS.get(row.verdict, "s"), zorder=3)
        ax.annotate(
            row.said, (1.0, spot), xycoords=("axes fraction", "data"), ha="right", va="center", color=ink, fontsize=9
        )
    ax.scatter(
        known["minimum_effect"],
        spots,
        marker="|",
        s=150,
        color=style.PLAN,
        zorder=2,
        label="smallest effect of interest",
    )
    ax.axvline(0, color=style.NAVY, linewidth=1.2)
    ax.set_yticks(spots, known["name"])
    ax.set_ylim(-0.7, len(known) - 0.3)
    reach = known["high"].max() - known["low"].min()  # layout
    ax.set_xlim(known["low"].min() - 0.04 * reach, known["high"].max() + 0.24 * reach)  # layout
    style.percent_axis(ax.xaxis)
    ax.legend(loc="upper right", bbox_to_anchor=(1, 0), fontsize=9, borderaxespad=2.7)
    worked = int(known["verdict"].eq(WORKED).sum())
    of = f"{worked or 'None'} of {style.counted(len(known), 'initiative')}"
    said = f"{of} can be said to have moved {'its' if worked == 1 else 'their'} figure"
    finding = Sentence(said, [part("initiatives_worked", worked, len(known), WORKED)])
    return style.title(ax, finding, "What did each bring? Change of what it was to move, %; line: 90 % interval")


@states({"name": "initiative"}, gain=("initiatives_gain", "money"), spend=("initiatives_spend", "money"))
def gain_bars(valued: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw what each initiative gained with its interval, against what was spent on it (`analysis.initiatives.results.valued`)."""
    known = valued.iloc[::-1]
    ax = style.rows(ax, len(known), 0.36)
    spots = range(len(known))
    ax.hlines(spots, known["gain_low"], known["gain_high"], color=style.US, linewidth=2.2)
    ax.scatter(known["gain"], spots, s=46, color=style.US, zorder=3, label="gross margin gained")
    ax.scatter(known["spend"], spots, marker="|", s=170, linewidth=2.4, color=style.PLAN, zorder=4, label="spent")
    ax.axvline(0, color=style.NAVY, linewidth=1.2)
    ax.set_yticks(spots, known["name"])
    ax.set_ylim(-0.7, len(known) - 0.3)
    ax.legend(loc="upper left", bbox_to_anchor=(0, 0), ncols=2, fontsize=9, borderaxespad=2.7)
    style.money_axis(ax.xaxis, currency)
    sure = int((known["gain_low"] > known["spend"]).sum())
    claim = part("initiatives_gain", sure, len(known), "surely brought in what was spent")
    finding = Sentence(f"{sure or 'None'} of {len(known)} {claim.subject}", [claim])
    return style.title(
        ax, finding, f"Was it worth its money? Incremental gross margin, {currency}; line: 90 % interval"
    )


def event_study(path: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw an initiative's gap to what would have been, period by period around its start (`analysis.initiatives.results.path`)."""
    own, name = path, path["name"].iloc[0]
    ax = style.axes(ax, height=3.2)
    weeks = own["since"] * own["days"] / 7  # layout
    after = own["since"] >= 0
    band = own["low"] - own["gap"], own["high"] - own["gap"]  # layout
    ax.fill_between(weeks, *band, color=style.LINE, linewidth=0, label="chance")
    ax.axhline(0, color=style.NAVY, linewidth=1)
    ax.plot(weeks, own["gap"], color=style.SOFT, linewidth=1.2)
    ax.scatter(weeks[~after], own["gap"][~after], s=26, color=style.SOFT, zorder=3)
    ink = INKS.get(own["verdict"].iloc[0], style.US)
    ax.scatter(weeks[after], own["gap"][after], s=40, color=ink, zorder=3)
    ax.axvline(-own["days"].iloc[0] / 14, color=style.PLAN, linewidth=1.4)  # layout
    style.percent_axis(ax.yaxis)
    ax.set_xlabel("weeks since the start")
    far, periods = outside(path)
    said = f"{name}: {far} of {style.counted(periods, 'period')} lie outside what chance gave before"
    finding = Sentence(said, [part("initiative_periods", far, periods, f"initiative: {name}")])
    return style.title(
        ax, finding, "When did it part from its control? Gap to it, %; brass: the start; grey band: 90 % interval"
    )


def placebo_dots(placebos: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw each initiative's effect among those of units that underwent nothing (`analysis.initiatives.results.placebos`)."""
    names = placebos["name"].unique()[::-1]
    ax = style.rows(ax, len(names), 0.36)
    place = {name: k for k, name in enumerate(names)}
    tried = placebos[~placebos["treated"]]
    ax.scatter(tried["z"], tried["name"].map(place), s=60, marker="|", color=style.SOFT, alpha=0.6)
    own = placebos[placebos["treated"]]
    inks = [INKS.get(v, style.US) for v in own["verdict"]]
    ax.scatter(own["z"], own["name"].map(place), s=52, color=inks, zorder=3)
    ax.axvline(0, color=style.NAVY, linewidth=1)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(-0.7, len(names) - 0.3)
    ax.set_xlabel("effect over the noise before")
    widest = tried.groupby("name")["z"].agg(lambda z: z.abs().max())
    beyond = int((own.set_index("name")["z"].abs() > widest.reindex(own["name"])).sum())
    claim = part("placebo_effect", beyond, len(names), "lie outside every placebo")
    finding = Sentence(f"{beyond or 'None'} of {len(names)} {claim.subject}", [claim])
    return style.title(
        ax, finding, "Would doing nothing have looked the same? Dot: the initiative; ticks: where nothing was done"
    )


def plan_lines(choices: pd.DataFrame, summary: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how small an effect tests of some weeks in some places would find (`analysis.initiatives.next_test.shown`)."""
    ax, row = style.axes(ax, height=3.0), summary.iloc[0]
    inks = [style.SOFT, style.NAVY, style.US]
    for ink, (count, own) in zip(inks, choices.groupby("treated"), strict=False):
        ax.plot(own["periods"], own["detectable"], color=ink, marker="o", linewidth=1.8)
        end = own.iloc[-1]
        words, spot = style.counted(count, "place"), (end["periods"], end["detectable"])
        ax.annotate(words, spot, (9, 0), textcoords="offset points", color=ink, va="center", fontsize=9)
    ax.axhline(row["effect"], color=style.PLAN, linewidth=1.6)
    weeks = choices["periods"]
    ax.annotate(
        "effect of interest",
        (weeks.min(), row["effect"]),
        (0, 4),
        textcoords="offset points",
        color=style.PLAN,
        fontsize=9,
    )
    ax.set_xticks(sorted(weeks.unique()))
    ax.set_xlim(weeks.min() - 1, weeks.max() + 4)  # layout
    ax.set_ylim(0, None)
    ax.set_xlabel("weeks that the test lasts")
    style.percent_axis(ax.yaxis)
    choice = best(choices)
    smallest = style.percent(choice["detectable"], 0)
    said = f"{choice['periods']} weeks in {style.counted(choice['treated'], 'place')} would find {smallest}"
    claim = amounts(
        "detectable_effect", choice["detectable"], f"next test: {choice['periods']} weeks", n=choice["treated"]
    )
    return style.title(ax, Sentence(said, [claim]), "How small an effect would a test find in 8 of 10 cases? %")


def bridge(reconciled: pd.DataFrame, ax: Axes | None = None, currency: str = "EUR") -> Axes:
    """Draw the steps from sales without initiatives to those seen (`analysis.initiatives.results.reconciled`)."""
    inner = reconciled.iloc[1:-1]
    order = inner["amount"].abs().sort_values(ascending=False).index
    shown = inner.loc[sorted(order[:MOST_STEPS])]
    rest = inner["amount"].drop(shown.index)
    changes, names = shown["amount"].tolist(), shown["part"].tolist()
    if len(rest):
        changes, names = [*changes, rest.sum()], [*names, style.counted(len(rest), "other")]
    ends = reconciled["amount"].iloc[[0, -1]].tolist()
    words = [name.replace(" ", "\n") for name in ["Without them", *names, "As seen"]]
    ax = steps([ends[0], *changes, ends[1]], words, ax, currency)
    ax.tick_params(axis="x", labelsize=9)
    sums = explained(reconciled)
    touched, brought = (style.money(v, currency) for v in sums)
    claims = [
        amounts("initiative_sales", sums["touched"], "touched"),
        amounts("initiative_sales", sums["explained"], "explained"),
    ]
    finding = Sentence(f"Together they explain {brought} of {touched} that they touched", claims)
    return style.title(
        ax, finding, f"Do the parts add up to what was seen? Day-to-day sales under any initiative, {currency}"
    )
