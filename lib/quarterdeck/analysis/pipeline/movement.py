"""How did the pipeline get from one day to another, and which open deals cannot be believed?"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.analysis.pipeline.kinds import renewals
from quarterdeck.data.coverage import EVER, looks_back
from quarterdeck.data.periods import Period, last_quarters
from quarterdeck.data.reasons import no_rows

STEPS = ["opening", "created", "pulled in", "reopened", "raised", "cut", "moved out", "won", "lost", "closing"]
MOVED = ["step", "amount", "deals"]
GRACE = 14  # days over the usual stay in a stage after which a deal is stuck
PUSHES = 3
STUCK = "stuck in its stage"
FAULTS = ["past its date", STUCK, "pushed three times or more", "no amount", "no date"]


@no_rows(
    "opportunity_history.expected_close",
    "opportunity_history.amount",
    needs="open deals due in a quarter, on record when it began, and their amounts",
)
@looks_back(opportunity_history=lambda period: period.start - pd.Timedelta(days=1))
def waterfall(opportunity_history: pd.DataFrame, period: Period, since: pd.Timestamp | None = None) -> pd.DataFrame:
    """The quarter's pipeline from one day to another, in steps that add up exactly.

    The pipeline is the open deals that are expected to close in the quarter. A deal that comes or goes counts with its
    last amount; what changed of a deal that was there at the start is raised or cut. A deal created and won between the
    days is in both. Moved out are open deals that are now expected in another quarter. A deal whose amount is known on one of the
    days alone counts with that on both; one that has none on either is no money, and counted beside.

    Parameters
    ----------
    opportunity_history : DataFrame
        The contract's, to the day `period.through`.
    since : Timestamp, optional
        The first day's evening; the one before the quarter where not given.

    Returns
    -------
    DataFrame
        One row per step, in the order of STEPS: `step`, `amount` (money; what leaves is negative), `deals`, `unknown` (of these
        deals, without an amount on either day), and in every row `without` (deals of any step without one); no rows where there is
        no history of either day, no deal was due in the quarter, or none of these has an amount.
    """
    begin = since if since is not None else period.start - pd.Timedelta(days=1)
    table = _both_days(opportunity_history, begin, period)
    if table["unknown"].all():
        return pd.DataFrame(columns=[*MOVED, "unknown", "without"])
    entered, inside = ~table["in_0"], table["amount_1"].where(table["in_1"], 0.0)
    steps = [("opening", table["in_0"], table["amount_0"])]
    came = np.select([table["status_0"].isna(), table["status_0"].eq("open")], ["created", "pulled in"], "reopened")
    steps += [(name, entered & (came == name), table["amount_1"]) for name in ("created", "pulled in", "reopened")]
    moved = (table["amount_1"] - table["amount_0"]).where(table["in_0"], 0.0)
    steps += [("raised", moved > 0, moved), ("cut", moved < 0, moved)]
    left = (table["in_0"] | entered) & ~table["in_1"]
    went = table["status_1"].replace({"open": "moved out"})
    steps += [(name, left & (went == name), -table["amount_1"]) for name in ("moved out", "won", "lost")]
    steps.append(("closing", table["in_1"], inside))
    rows = [
        (name, amounts[mask].sum(), int(mask.sum()), int(table["unknown"][mask].sum())) for name, mask, amounts in steps
    ]
    rows = rows if any(deals for _, _, deals, _ in rows) else []
    return pd.DataFrame(rows, columns=[*MOVED, "unknown"]).assign(without=int(table["unknown"].sum()))


def waterfall_sums(waterfall: pd.DataFrame) -> pd.Series:
    """The quarter's pipeline in six amounts.

    Returns
    -------
    Series
        `opening`, `came in` (created, pulled in and reopened), `won`, `lost`, `moved out` (none of them negative by sign),
        `closing` (money).
    """
    steps = waterfall.set_index("step")["amount"]
    came = steps["created"] + steps["pulled in"] + steps["reopened"]
    gone = {step: -steps[step] for step in ("won", "lost", "moved out")}
    sums = {"opening": steps["opening"], "came in": came} | gone | {"closing": steps["closing"]}
    return pd.Series(sums) + 0.0


@no_rows(
    "opportunity_history.amount",
    "opportunity_history.expected_close",
    needs="open deals due in a quarter, on record when it began",
)
def slips(
    opportunity_history: pd.DataFrame,
    period: Period,
    quarters: int = 8,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> pd.DataFrame:
    """What became of the deals that were due when a quarter began: the part of their money that was won, lost or slipped.

    Returns
    -------
    DataFrame
        One row per whole quarter, oldest first: `label`, `due` (money), `deals`, `won`, `lost`, `slipped` (parts of the money,
        adding up to one); quarters without a deal due are left out.
    """
    rows = []
    for span in last_quarters(period, quarters, begins["opportunity_history"]):
        state = _state(opportunity_history, span.start - pd.Timedelta(days=1))
        due = state[state["status"].eq("open") & state["expected_close"].between(span.start, span.end)]
        if due["amount"].sum() > 0:
            end = _state(opportunity_history, span.end)["status"].reindex(due.index)
            part = due["amount"].groupby(end.to_numpy()).sum() / due["amount"].sum()
            rows.append(
                [
                    span.label,
                    due["amount"].sum(),
                    len(due),
                    part.get("won", 0.0),
                    part.get("lost", 0.0),
                    part.get("open", 0.0),
                ]
            )
    return pd.DataFrame(rows, columns=["label", "due", "deals", "won", "lost", "slipped"])


def slipped_total(slips: pd.DataFrame) -> float:
    """The part of all money due that slipped out of its quarter, over the quarters of `slips` (ratio)."""
    return float((slips["slipped"] * slips["due"]).sum() / slips["due"].sum())


@no_rows(none="there is no open deal")
def hygiene(
    opportunities: pd.DataFrame, as_of: pd.Timestamp, opportunity_history: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Open deals that cannot be believed as they stand, with the money in them; a deal may have several faults.

    Stuck: longer in its stage than deals of that stage stayed on average before they moved on, and fourteen days more.
    Pushed: its expected close moved later three times or more. No amount: none, or zero, but for a renewal (`kinds.renewals`).

    Returns
    -------
    DataFrame
        One row per fault, in the order of FAULTS, and one for any of them: `fault`, `deals`, `amount` (money), `part` (of
        the open money, ratio; both missing where no amount is known), `open_deals`; faults that need a history are left out
        without one, and "past its date" where no deal has a date; no rows without open deals.
    """
    deals = opportunities[opportunities["status"].eq("open")].set_index("opportunity_id")
    if deals.empty:
        return pd.DataFrame(columns=["fault", "deals", "amount", "part", "open_deals"])
    late = deals["expected_close"] < as_of
    empty = deals["amount"].isna() | (deals["amount"].eq(0) & ~renewals(deals))
    undated = deals["expected_close"].isna()
    found = {"no amount": empty, "no date": undated} | ({} if undated.all() else {"past its date": late})
    if opportunity_history is not None:
        found[STUCK] = _stuck(deals, opportunity_history, as_of)
        found["pushed three times or more"] = _pushes(opportunity_history).reindex(deals.index).fillna(0) >= PUSHES
    masks = {name: found[name] for name in FAULTS if name in found}
    masks["any of these"] = pd.concat(masks, axis=1).any(axis=1)
    amounts = deals["amount"].fillna(0.0) if deals["amount"].notna().any() else deals["amount"].astype(float)
    money = {name: amounts[m].sum(min_count=int(m.any())) for name, m in masks.items()}
    whole = max(amounts.sum(), 1e-9)
    rows = [(name, int(m.sum()), money[name], money[name] / whole) for name, m in masks.items()]
    return pd.DataFrame(rows, columns=["fault", "deals", "amount", "part"]).assign(open_deals=len(deals))


def stage_stays(opportunity_history: pd.DataFrame) -> pd.DataFrame:
    """Every stay of a deal in a stage: how long, and whether it has ended.

    Returns
    -------
    DataFrame
        One row per stay: `opportunity_id`, `stage`, `entered_on` (day), `left_on` (day; missing while it lasts), `next` (the
        stage or "won" or "lost" that it went to; missing while it lasts).
    """
    past = opportunity_history.sort_values(["opportunity_id", "changed_on"], kind="stable")
    state = past["stage"].where(past["status"].eq("open"), past["status"])
    same = past["opportunity_id"].eq(past["opportunity_id"].shift()) & state.eq(state.shift())
    first = past[~same].assign(state=state[~same])
    following = first["opportunity_id"].eq(first["opportunity_id"].shift(-1))
    first["left_on"] = first["changed_on"].shift(-1).where(following)
    first["next"] = first["state"].shift(-1).where(following)
    stays = first[first["status"].eq("open")].rename(columns={"changed_on": "entered_on"})
    return stays[["opportunity_id", "stage", "entered_on", "left_on", "next"]].reset_index(drop=True)


def _state(history: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Give each deal's state at the end of a day, by its number."""
    known = history[history["changed_on"] <= day].sort_values("changed_on", kind="stable")
    return known.drop_duplicates("opportunity_id", keep="last").set_index("opportunity_id")


def _both_days(history: pd.DataFrame, begin: pd.Timestamp, period: Period) -> pd.DataFrame:
    """Give the deals that were due in the quarter on either day, or came and were closed between, as they stood on both."""
    columns = ["status", "amount", "expected_close", "changed_on"]
    first, last = (_state(history, day)[columns] for day in (begin, period.through))
    if first.empty or last.empty:
        return pd.DataFrame({"unknown": pd.Series(dtype=bool)})
    table = last.add_suffix("_1").join(first.add_suffix("_0"), how="left")
    for k in ("0", "1"):
        table[f"in_{k}"] = table[f"status_{k}"].eq("open") & table[f"expected_close_{k}"].between(
            period.start, period.end
        )
    first, last = table["amount_0"], table["amount_1"]
    table["unknown"] = first.isna() & last.isna()
    table["amount_0"], table["amount_1"] = first.fillna(last).fillna(0.0), last.fillna(first).fillna(0.0)
    between = table["changed_on_1"].between(max(begin + pd.Timedelta(days=1), period.start), period.through)
    table["closed_inside"] = table["status_1"].ne("open") & between & ~table["status_0"].isin(["won", "lost"])
    return table[table["in_0"] | table["in_1"] | table["closed_inside"]]


def _stuck(deals: pd.DataFrame, history: pd.DataFrame, as_of: pd.Timestamp) -> pd.Series:
    stays = stage_stays(history)
    over = stays.dropna(subset=["left_on"])
    usual = (over["left_on"] - over["entered_on"]).dt.days.groupby(over["stage"]).mean()
    now = stays[stays["left_on"].isna()].drop_duplicates("opportunity_id", keep="last").set_index("opportunity_id")
    stayed = (as_of - now["entered_on"]).dt.days.reindex(deals.index)
    return stayed > looked_up(now["stage"], usual).reindex(deals.index) + GRACE


def _pushes(history: pd.DataFrame) -> pd.Series:
    past = history[history["status"].eq("open")].sort_values(["opportunity_id", "changed_on"], kind="stable")
    later = past["expected_close"] > past.groupby("opportunity_id")["expected_close"].shift()
    return later.groupby(past["opportunity_id"]).sum()
