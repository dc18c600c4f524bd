"""What do retention, risk and room among customers say, in sentences? Every figure in them is computed."""

import pandas as pd

from quarterdeck.analysis.accounts import proven
from quarterdeck.present import style


def retention_takeaway(lines: pd.DataFrame) -> str:
    """Say whether customers stay and buy more (`analysis.customers.retention_lines`)."""
    last = lines[lines["day"] == lines["day"].max()].set_index("kind")
    net = last.loc["net"]
    sure = "surely more" if net["low"] > 1 else "surely less" if net["high"] < 1 else "neither surely more nor less"
    return (
        f"**Customers of a year ago bring {style.percent(net['value'], 0)} of what they brought then "
        f"({_span(net)}, n {net['n']:,.0f}): {sure}.** Growth left out, it is "
        f"{style.percent(last.loc['gross', 'value'], 0)} ({_span(last.loc['gross'])}); "
        f"{style.percent(last.loc['logo', 'value'], 0)} of them still buy ({_span(last.loc['logo'])})."
    )


def bridge_takeaway(bridge: pd.DataFrame, currency: str = "EUR") -> str:
    """Say what came in and what fell away (`analysis.customers.bridge`)."""
    table = bridge.set_index("step")
    amount, n = table["amount"], table["customers"]
    gained, gone = amount[["new", "expansion", "won back"]].sum(), -amount[["contraction", "lost"]].sum()
    ratio = f"{style.times(gained / gone)} as much came in as fell away" if gone > 0 else "nothing fell away"
    return (
        f"**{ratio[0].upper()}{ratio[1:]}.** "
        f"{n['lost']:,.0f} customers were lost with {style.money(-amount['lost'], currency)}, "
        f"{n['contraction']:,.0f} bought less by {style.money(-amount['contraction'], currency)}; {n['new']:,.0f} new ones brought "
        f"{style.money(amount['new'], currency)}, {n['won back']:,.0f} won back {style.money(amount['won back'], currency)}."
    )


def groups_takeaway(groups: pd.DataFrame) -> str:
    """Say which groups keep their revenue surely better or worse than all (`analysis.customers.retention_by`)."""
    words = {"net": "net retention", "gross": "gross retention", "logo": "customers kept"}
    apart = groups[groups["place"] != ""]
    if apart.empty:
        return "**No group is surely better or worse than all together**, once all of them are allowed for."
    said = [
        f"{row.group} is {row.place} in {words[row.kind]}: {style.percent(row.value, 0)} "
        f"({style.percent(row.low, 0)} to {style.percent(row.high, 0)}, n {row.n:,.0f}) against {style.percent(row.all, 0)}"
        for row in apart.itertuples()
    ]
    return f"**{said[0]}.**" + "".join(f" {s}." for s in said[1:])


def risk_takeaway(states: pd.DataFrame, totals: pd.DataFrame, scores: pd.DataFrame, currency: str = "EUR") -> str:
    """Say how much money is at stake with how many accounts (`analysis.accounts.states`, `.totals`, `.scores`)."""
    if not proven(scores):
        return (
            "**No account is named as at risk: chances told a year ago were not surely better than one chance for all.** "
            "Silence tells little where customers buy rarely or at fixed times, and chances are hard to prove of few."
        )
    row, by = totals.iloc[0], states.set_index("state").reindex(["at risk", "as good as gone"]).fillna(0)
    risk, gone = by.loc["at risk"], by.loc["as good as gone"]
    return (
        f"**{style.money(row['at_stake'], currency)} of the next twelve months is at stake** "
        f"({style.money(row['stake_low'], currency)} to {style.money(row['stake_high'], currency)}): "
        f"{_accounts(risk['accounts'])} may still be kept ({style.money(risk['at_stake'], currency)}), "
        f"{gone['accounts']:,.0f} {'is' if gone['accounts'] == 1 else 'are'} as good as gone "
        f"({style.money(gone['at_stake'], currency)}), "
        f"and the rest is spread thinly over the others (n {row['n']:,.0f})."
    )


def trust_takeaway(scores: pd.DataFrame, currency: str = "EUR") -> str:
    """Say how true chances and money told a year ago were (`analysis.accounts.scores`)."""
    row = scores.iloc[0]
    better = row["gain"] / row["base"]
    verdict = (
        f"miss by {style.percent(better, 0)} less than one chance for all would"
        if proven(scores)
        else "are not surely better than one chance for all"
    )
    off = row["expected"] / row["actual"] - 1 if row["actual"] else float("nan")
    learnt = "corrected by what was known then" if row["corrected"] else "as the model had them, for the past is short"
    return (
        f"**Chances told a year ago {verdict}** (Brier score {row['brier']:.3f} against {row['base']:.3f}, n {row['n']:,.0f}; "
        f"{learnt}). Revenue expected of these accounts was {style.money(row['expected'], currency)}, "
        f"{style.money(row['actual'], currency)} came: {style.change(off, 0)}."
    )


def growth_takeaway(room: pd.DataFrame, currency: str = "EUR") -> str:
    """Say how much room there is with accounts likely to stay (`analysis.accounts.to_grow`)."""
    top = room.iloc[0]
    return (
        f"**{_accounts(len(room))} likely to stay {'lacks' if len(room) == 1 else 'lack'} what many of their peers buy: "
        f"{style.money(room['room'].sum(), currency)} a year.** The most room is with {top['name']}: "
        f"{style.money(top['room'], currency)}, most of it in {top['category'].lower()}."
    )


def cohorts_takeaway(cohorts: pd.DataFrame, cohort: str = "year") -> str:
    """Say how many customers are still there later in their life (`analysis.cohorts.cohorts`)."""
    later = cohorts[cohorts["span"] > 1]
    if later.empty:
        return f"**No cohort has lived through its second {cohort} yet.**"
    by = later.assign(kept=later["logos"] * later["n"]).groupby("span")[["kept", "n"]].sum()
    said = [f"{style.percent(r.kept / r.n, 0)} in the {_nth(s)} (n {r.n:,.0f})" for s, r in by.iterrows()]
    return f"**Of the customers of all cohorts, so many still buy, by {cohort} of their life: {', '.join(said[:4])}.**"


def value_takeaway(totals: pd.DataFrame, currency: str = "EUR") -> str:
    """Say what a customer is worth (`analysis.accounts.totals`)."""
    row = totals.iloc[0]
    if pd.isna(row["value"]):
        return "**Not shown: a customer's value needs the cost of goods.**"
    low, high = (style.money(row[c], currency) for c in ("low", "high"))
    worth = style.money(row["value"], currency)
    said = (
        f"**An active customer is worth {worth} of gross margin in three years** ({low} to {high}, n {row['n']:,.0f})."
    )
    return said if row["value"] >= 0 else f"{said} It is below nought because gross margin is."


def hanging_takeaway(few: pd.DataFrame, currency: str = "EUR") -> str:
    """Say how much hangs on few customers (`analysis.buyers.concentration`)."""
    row = few.iloc[0]
    return (
        f"**The largest tenth of {row['n']:,.0f} customers brings {style.percent(row['top_tenth'], 0)} of revenue, the ten largest "
        f"{style.percent(row['top_ten'], 0)}, the largest {style.money(row['largest'], currency)}.** "
        f"Revenue is as concentrated as if {10_000 / row['hhi']:,.0f} customers bought alike "
        f"(HHI {row['hhi']:,.0f}, Gini {row['gini']:.2f})."
    )


def acquisition_takeaway(costs: pd.DataFrame, currency: str = "EUR") -> str:
    """Say what a new customer cost and when that is paid back (`analysis.customers.acquisition`)."""
    row = costs[costs["kind"] == "all"].iloc[0]
    low, high = (style.money(row[c], currency) for c in ("low", "high"))
    said = f"**A new customer cost {style.money(row['cost'], currency)}** ({low} to {high}, n {row['n']:,.0f})"
    if pd.isna(row["months"]):
        return f"{said}; it brings no gross margin that could pay for it."
    margin = style.money(row["margin"], currency)
    return f"{said}; at {margin} of gross margin a month it is paid back after {row['months']:.0f} months."


def _accounts(count: float) -> str:
    return f"{count:,.0f} account" + ("" if count == 1 else "s")


def _span(row: pd.Series) -> str:
    return f"{style.percent(row['low'], 0)} to {style.percent(row['high'], 0)}"


def _nth(n: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(n, f"{n}th")
