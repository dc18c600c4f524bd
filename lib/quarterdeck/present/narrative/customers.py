"""What do retention, risk and room among customers say, in sentences? Every figure in them is computed, and claimed."""

import pandas as pd

from quarterdeck.analysis.customers.cohorts import by_span
from quarterdeck.analysis.customers.retention import flow
from quarterdeck.analysis.methods.claims import BESIDE, Claim, amounts, apart, first, most, part
from quarterdeck.present import style
from quarterdeck.present.facts.customers import METRIC, kept, places
from quarterdeck.present.numbers import among
from quarterdeck.present.sentences import Sentence

SURE = {"above": "surely more", "below": "surely less", "not clear": "neither surely more nor less"}
WENT = {  # of one, and of many
    "lost": ("customer was lost with", "customers were lost with"), "contraction": ("bought less by", "bought less by"),
    "new": ("new one brought", "new ones brought"), "won back": ("won back", "won back"),
}  # fmt: skip

LACKS = (
    "account that counts as kept lacks what many of its peers buy",
    "accounts that count as kept lack what many of their peers buy",
)


def retention_takeaway(lines: pd.DataFrame) -> Sentence:
    """Say whether customers stay and buy more (`analysis.customers.retention.retention_lines`)."""
    last = lines[lines["day"] == lines["day"].max()].set_index("kind", drop=False)
    net, gross, logo = (last.loc[kind] for kind in ("net", "gross", "logo"))
    sure = apart(METRIC["net"], net["low"], net["high"], against=1.0)
    return Sentence(
        f"**Customers of a year ago bring {style.percent(net['value'], 0)} of what they brought then "
        f"({_span(net)}, n {net['n']:,.0f}): {SURE[sure.predicate]}.** Growth left out, it is "
        f"{style.percent(gross['value'], 0)} ({_span(gross)}); "
        f"{style.percent(logo['value'], 0)} of them still buy ({_span(logo)}).",
        [kept(net), sure, kept(gross), kept(logo)],
    )


def bridge_takeaway(bridge: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say what came in and what fell away (`analysis.customers.retention.customer_bridge`)."""
    table = bridge.set_index("step")
    amount, n = table["amount"], table["customers"]
    gained, gone, times = flow(bridge)
    beside = first("customer_flow", BESIDE, {"now": gained, "than": gone}, "came in on what went", "money")
    ratio = f"{style.times(times)} as much came in as went" if gone > 0 else "Nothing went"
    moved = [step for step in WENT if n[step] and amount[step]]
    row, words = bridge.iloc[0], WENT
    if not row["knows"]:
        words = WENT | {"new": [f"new or won back (the data begin {style.day(row['begin'])}) brought"] * 2}
    steps = [f"{style.counted(n[s], *words[s])} {style.money(abs(amount[s]), currency)}" for s in moved]
    claims = [first("customer_flow", BESIDE, {"now": amount[s], "than": 0.0, "n": n[s]}, f"step: {s}") for s in moved]
    return Sentence(f"**{ratio}.** {', '.join(steps)}." if steps else f"**{ratio}.**", [beside, *claims])


def groups_takeaway(groups: pd.DataFrame) -> Sentence:
    """Say which groups keep their revenue surely better or worse than all (`analysis.customers.retention.retention_by`)."""
    words = {"net": "net retention", "gross": "gross retention", "logo": "customers kept"}
    claims, rows = places(groups), [row for _, row in groups[groups["place"] != ""].iterrows()]
    if not rows:
        return Sentence(
            "**No group is surely better or worse than all together**, once all of them are allowed for.", claims
        )
    said = [
        f"{claim.name} is {claim.predicate} in {words[row['kind']]}: {style.percent(row['value'], 0)} "
        f"({_span(row)}, n {row['n']:,.0f}) against {style.percent(row['all'], 0)}"
        for claim, row in zip(claims, rows, strict=True)
    ]
    of_all = [amounts(METRIC[row["kind"]], row["all"], "groups together") for row in rows]
    return Sentence(f"**{said[0]}.**" + "".join(f" {s}." for s in said[1:]), [*claims, *map(kept, rows), *of_all])


def risk_takeaway(states: pd.DataFrame, totals: pd.DataFrame, scores: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say how much money is at stake with how many accounts (`analysis.customers.accounts.states`, `.totals`, `.scores`)."""
    sure = _better_than_base(scores)
    if sure.predicate != "above":
        return Sentence(
            "**No account is named as at risk: chances estimated a year ago were not surely better than one chance for all.** "
            "Silence tells little where customers buy rarely or at fixed times, and chances are hard to prove of few.",
            [sure],
        )
    row, by = totals.iloc[0], states.set_index("state").reindex(["at risk", "almost gone"]).fillna(0)
    risk, gone = by.loc["at risk"], by.loc["almost gone"]
    stake = amounts("revenue_at_risk", row["at_stake"], low=row["stake_low"], high=row["stake_high"], n=row["n"])
    doubt = [
        f"in doubt because {who} rarely, not because {fell} silent"
        for who, fell in (("it buys", "it fell"), ("they buy", "they fell"))
    ]
    rare = f", {style.counted(risk['rarely'], *(f'of them {why}' for why in doubt))}" if risk["rarely"] else ""
    rarely = part("customers_active", risk["rarely"], risk["accounts"], "at risk because they buy rarely")
    return Sentence(
        f"**{style.money(row['at_stake'], currency)} of the next twelve months is at stake** "
        f"({style.money(row['stake_low'], currency)} to {style.money(row['stake_high'], currency)}): "
        f"{style.counted(risk['accounts'], 'account')} may still be kept ({style.money(risk['at_stake'], currency)}){rare}; "
        f"{style.counted(gone['accounts'], 'is', 'are')} almost gone "
        f"({style.money(gone['at_stake'], currency)}), "
        f"and the rest is spread thinly over the others (n {row['n']:,.0f}).",
        [
            stake,
            *([rarely] if rare else []),
            *(amounts("revenue_at_risk", r["at_stake"], f"state: {s}", n=r["accounts"]) for s, r in by.iterrows()),
        ],
    )


def trust_takeaway(scores: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say how true chances and money estimated a year ago were (`analysis.customers.accounts.scores`)."""
    row, sure = scores.iloc[0], _better_than_base(scores)
    verdict = "are not surely better than one chance for all"
    if sure.predicate == "above":
        verdict = f"miss by {style.percent(row['relative_gain'], 0)} less than one chance for all would"
    learned = "corrected by what was known then" if row["corrected"] else "as the model had them, for the past is short"
    off = f": {style.change(row['off'], 0)}" if pd.notna(row["off"]) else ""
    beside = first("expected_revenue", BESIDE, {"now": row["expected"], "than": row["actual"]}, unit="money")
    score = first("brier_score", BESIDE, {"now": row["brier"], "than": row["base"], "n": row["n"]}, "accounts", "score")
    return Sentence(
        f"**Chances estimated a year ago {verdict}** (Brier score {row['brier']:.3f} against {row['base']:.3f}, n {row['n']:,.0f}; "
        f"{learned}). Revenue expected of these accounts was {style.money(row['expected'], currency)}, "
        f"{style.money(row['actual'], currency)} came{off}.",
        [sure, score, beside],
    )


def growth_takeaway(room: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say how much room there is with accounts likely to stay (`analysis.customers.accounts.to_grow`)."""
    whole, top = room["room"].sum(), most("account_room", room.set_index("name")["room"], "account")
    category = room["category"].iloc[room["room"].argmax()]
    return Sentence(
        f"**{style.counted(len(room), *LACKS)}: {style.money(whole, currency)} a year.** "
        f"The {among(len(room), 'most room', 'room')} is with {top.name}: "
        f"{style.money(top.figures['now'], currency)}, most of it in {category}.",
        [amounts("account_room", whole, n=len(room)), top],
    )


def cohorts_takeaway(cohorts: pd.DataFrame, cohort: str = "year") -> Sentence:
    """Say how many customers are still there later in their life (`analysis.cohorts.cohorts`)."""
    later = cohorts[cohorts["span"] > 1]
    if later.empty:
        return Sentence(f"**No cohort has lived through its second {cohort} yet.**")
    by = by_span(later).head(4)
    said = [f"{style.percent(r.rate, 0)} in the {_nth(s)} (n {r.n:,.0f})" for s, r in by.iterrows()]
    return Sentence(
        f"**Of the customers of all cohorts, so many still buy, by {cohort} of their life: {', '.join(said)}.**",
        [amounts("cohort_retention", r.rate, f"{cohort}: {_nth(s)}", n=r.n) for s, r in by.iterrows()],
    )


def value_takeaway(totals: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say what a customer is worth (`analysis.customers.accounts.totals`)."""
    row = totals.iloc[0]
    if pd.isna(row["value"]):
        return Sentence("**Not shown: a customer's value needs the cost of goods.**")
    low, high = (style.money(row[c], currency) for c in ("low", "high"))
    worth = amounts("customer_lifetime_value", row["value"], low=row["low"], high=row["high"], n=row["n"])
    sign = first("customer_lifetime_value", BESIDE, {"now": row["value"], "than": 0.0})
    said = (
        f"**An active customer is worth {style.money(row['value'], currency)} of gross margin in three years** "
        f"({low} to {high}, n {row['n']:,.0f})."
    )
    why = " It is below zero because gross margin is." if sign.predicate == "less than" else ""
    return Sentence(said + why, [worth, sign])


def hanging_takeaway(few: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say how much depends on few customers (`analysis.customers.buyers.customer_concentration`)."""
    row = few.iloc[0]
    parts = [amounts("revenue_concentration", row[c], c.replace("_", " ")) for c in ("top_ten", "largest", "gini")]
    alike = row["alike"]
    return Sentence(
        f"**The largest tenth of {style.counted(row['n'], 'customer')} brings "
        f"{style.percent(row['top_tenth'], 0)} of revenue, the ten largest "
        f"{style.percent(row['top_ten'], 0)}, the largest {style.money(row['largest'], currency)}.** "
        f"Revenue is as concentrated as if {style.counted(alike, 'customer bought all', 'customers bought alike')} "
        f"(Gini {row['gini']:.2f}, HHI {row['hhi']:,.0f}).",
        [
            amounts("revenue_concentration", row["top_tenth"], "top tenth", n=row["n"]),
            *parts,
            amounts("revenue_concentration", row["hhi"], "HHI of customers", alike=alike),
        ],
    )


def acquisition_takeaway(costs: pd.DataFrame, currency: str = "EUR") -> Sentence:
    """Say what a new customer cost and when that is paid back (`analysis.customers.retention.acquisition`)."""
    row = costs[costs["kind"] == "all"].iloc[0]
    low, high = (style.money(row[c], currency) for c in ("low", "high"))
    said = f"**A new customer cost {style.money(row['cost'], currency)}** ({low} to {high}, n {row['n']:,.0f})"
    if row["unseen"] < 24:  # who comes back after longer counts as new
        said = f"{said[:-1]}; new: without an order in the {style.counted(row['unseen'], 'month')} before, where the data begin)"
    cost = amounts("acquisition_cost", row["cost"], low=row["low"], high=row["high"], n=row["n"])
    margin = amounts("acquisition_cost", row["margin"], "gross margin a month", months=row["months"])
    if pd.isna(row["months"]):
        return Sentence(f"{said}; it brings no gross margin that could pay for it.", [cost, margin])
    monthly = style.money(row["margin"], currency)
    said = (
        f"{said}; at {monthly} of gross margin a month it is paid back after {style.counted(row['months'], 'month')}."
    )
    return Sentence(said, [cost, margin])


def _better_than_base(scores: pd.DataFrame) -> Claim:
    """Claim whether chances estimated a year ago were surely better than one chance for all."""
    row = scores.iloc[0]
    return apart("chance_gain", row["gain_low"], row["gain_high"], now=row["gain"])


def _span(row: pd.Series) -> str:
    return f"{style.percent(row['low'], 0)} to {style.percent(row['high'], 0)}"


def _nth(n: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(n, f"{n}th")
