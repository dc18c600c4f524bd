"""Will the quarter be made: what do those who lead sales commit to, what does the forecast say, and where is the gap?"""

import pandas as pd

from quarterdeck.analysis.methods.lookup import looked_up
from quarterdeck.analysis.pipeline.credit import credited, with_owners
from quarterdeck.analysis.pipeline.stages import named
from quarterdeck.analysis.team.performance import bookings
from quarterdeck.data import COMPANY
from quarterdeck.data.periods import Period
from quarterdeck.data.reasons import no_rows

CATEGORIES = ["commit", "best", "pipeline"]
REGIONS = ["region", "owner", "seen", "p10", "p50", "p90", "target", "gap", "chance", "moved", "commit", "of_quotas"]
MOST = 5  # deals that decide a quarter
CALLED = ["deal", "customer", "next_step", "crm_chance", "crm_category"]
TEAMS = ["manager", "sellers", "booked", "open_worth", "end", "quota", "gap"]


@no_rows(needs="a call of this quarter by those who lead sales")
def called(forecast_calls: pd.DataFrame, period: Period) -> pd.DataFrame:
    """What those who lead sales called for the open quarter, day by day: each one's newest call by then, added up.

    Days before all who call have called are left out: sums of a part of them would rise with each one more.

    Returns
    -------
    DataFrame
        One row per day with a call, oldest first: `day`, `commit`, `best`, `pipeline` (money; missing where nobody called it).
    """
    now = _of_quarter(forecast_calls, period)
    who = now.assign(who=now["region"] + "\0" + now["rep_id"].fillna("").astype(str))
    parts = {c: _added(rows) for c, rows in who.groupby("category")}
    table = pd.DataFrame({c: parts.get(c, pd.Series(dtype="float64")) for c in CATEGORIES})
    return table.dropna(how="all").rename_axis("day").reset_index()


@no_rows(needs="a commit of this quarter by those who lead sales")
def commit(forecast_calls: pd.DataFrame, period: Period) -> pd.DataFrame:
    """The newest commit for the open quarter of all who lead sales, added up.

    Returns
    -------
    DataFrame
        One row: `value` (money), `n` (regions or people that committed).
    """
    newest = _newest_commits(forecast_calls, period)
    return pd.DataFrame({"value": [newest["amount"].sum()], "n": [len(newest)]}) if len(newest) else newest


def commits(forecast_calls: pd.DataFrame, period: Period) -> pd.Series:
    """Newest commit of each region for the open quarter: money by region."""
    return _newest_commits(forecast_calls, period).groupby("region")["amount"].sum()


def leads(reps: pd.DataFrame) -> pd.Series:
    """Who leads each region: the manager of most of the sellers who are in the job; name by region."""
    there = reps[reps["left_on"].isna()].dropna(subset=["manager"])
    most = there.groupby(["region", "manager"]).size().sort_values(ascending=False, kind="stable")
    return most.reset_index().drop_duplicates("region").set_index("region")["manager"]


@no_rows(needs="more than one region, and three past quarters to forecast from")
def regions(
    course: pd.DataFrame,
    period: Period,
    forecast_calls: pd.DataFrame | None = None,
    reps: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Where each region's quarter will end, the largest gap to its target first.

    Parameters
    ----------
    course : DataFrame
        As `landings.course` gives it.

    Returns
    -------
    DataFrame
        One row per region: `region`, `owner` (as `leads` gives it, or empty), `seen` (in so far), `p10`, `p50`, `p90`, `target`,
        `gap` (p50 less target), `commit` (money), `chance` (of the target, ratio), `moved` (of the chance, on the week before),
        `of_quotas` (1 where quotas stand in for the target);
        what is not known is missing. No rows where there is one region alone, or no forecast of any.
    """
    own = course[course["region"] != COMPANY]
    if own["region"].nunique() < 2 or own.loc[own["day"] == own["day"].max(), "p50"].isna().all():
        return pd.DataFrame(columns=REGIONS)
    now = own[own["day"] == own["day"].max()].set_index("region")
    table = now.assign(gap=now["p50"] - now["target"], chance=now["probability"])
    table["moved"] = table["chance"] - table["week_before"]
    calls = pd.Series(dtype="float64") if forecast_calls is None else commits(forecast_calls, period)
    owners = pd.Series(dtype="str") if reps is None else leads(reps)
    table = table.assign(commit=calls.reindex(table.index), owner=owners.reindex(table.index).fillna(""))
    return table.reset_index().sort_values("gap", kind="stable", ignore_index=True).reindex(columns=REGIONS)


@no_rows(needs="quotas of this quarter, managers of sellers, and chances of open deals")
def teams(
    chances: pd.DataFrame,
    quotas: pd.DataFrame,
    reps: pd.DataFrame,
    opportunities: pd.DataFrame,
    period: Period,
    orders: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """What each manager's sellers have booked and what their open deals are worth, against their quotas; the largest gap first.

    Deals yet to be opened are not in it: towards a quarter's beginning every team is short.

    Parameters
    ----------
    chances : DataFrame
        As `win_chances.chances` gives it.

    Returns
    -------
    DataFrame
        One row per manager: `manager`, `sellers` (with a quota), `booked`, `open_worth` (chance × amount), `end` (both together),
        `quota`, `gap` (end less quota; money).
    """
    due = quotas[quotas["period_start"].ge(period.start) & quotas["period_end"].le(period.end)]
    manager = reps.set_index("rep_id")["manager"]
    sums = {
        "quota": due.groupby("rep_id")["quota"].sum(),
        "booked": bookings(period, orders, opportunities).groupby("rep_id")["amount"].sum(),
        "open_worth": credited(with_owners(chances, opportunities), "worth").groupby("rep_id")["worth"].sum(),
    }
    table = pd.DataFrame(sums).fillna(0.0)
    table["manager"] = manager.reindex(table.index)
    by = table.assign(sellers=table["quota"] > 0).groupby("manager").sum()
    by = by[by["quota"] > 0].assign(end=by["booked"] + by["open_worth"])
    return by.assign(gap=by["end"] - by["quota"]).reset_index().sort_values("gap", ignore_index=True)[TEAMS]


@no_rows(needs="open deals, and three hundred looks at deals that were open in past quarters")
def deciding(
    chances: pd.DataFrame,
    opportunities: pd.DataFrame,
    period: Period,
    opportunity_history: pd.DataFrame | None = None,
    customers: pd.DataFrame | None = None,
    reps: pd.DataFrame | None = None,
    anonymise: bool = False,
) -> pd.DataFrame:
    """The open deals that move the quarter most: those whose amount and chance leave most money in doubt.

    Parameters
    ----------
    chances : DataFrame
        As `win_chances.chances` gives it.
    anonymise : bool
        Give the deal's number in place of its own and its customer's name, and no next step.

    Returns
    -------
    DataFrame
        At most `MOST` rows, the largest swing first: `opportunity_id`, `deal` (its name, else the customer's, else the deal's
        number), `customer` (where the deal bears a name of its own), `next_step`, `crm_chance` (the CRM's probability, ratio),
        `crm_category`, `seller`, `manager`, `region`, `stage`, `amount` (money), `chance` (of being won this quarter, ratio),
        `likely_close`, `expected_close` (the seller's day), `late` (that day is past), `moved` (times it was put off),
        `competitor`, `changed` (day of the last change); what is not known is missing, or empty where it is a name.
    """
    known = ["opportunity_id", "customer_id", "rep_id", "competitor"]
    top = chances.head(MOST).merge(opportunities[known], on="opportunity_id", how="left")
    top = top.join(_called(top, opportunities, customers, anonymise))
    top = named(top, reps) if reps is not None else top.assign(name="", manager="")
    top = top.assign(
        manager=top["manager"].fillna(""),
        late=top["expected_close"] < period.through,
        competitor=top["competitor"].fillna(""),
    )
    top = top.rename(columns={"name": "seller"}).join(_changes(opportunity_history), on="opportunity_id")
    columns = ["opportunity_id", *CALLED, "seller", "manager", "region", "stage", "amount", "chance", "likely_close"]
    return top[[*columns, "expected_close", "late", "moved", "competitor", "changed"]]


@no_rows(none="no large account has been silent for longer than it usually is")
def silent(
    outlook: pd.DataFrame,
    orders: pd.DataFrame,
    customers: pd.DataFrame,
    reps: pd.DataFrame | None = None,
    most: int = 5,
) -> pd.DataFrame:
    """The accounts to call: those silent for longer than they usually are, with the most money at stake, also if all but gone.

    Parameters
    ----------
    outlook : DataFrame
        As `accounts.account_outlook` gives it.

    Returns
    -------
    DataFrame
        At most `most` rows, the most money first: `customer_id`, `name`, `seller` (of the last order, or empty), `spend` (money of
        twelve months), `at_stake` (money), `last` (day), `silent`, `usual` (days), `chance` (of buying again in twelve months).
    """
    quiet = outlook[outlook["why"].eq("silent") & outlook["silent"].gt(outlook["usual"]) & outlook["state"].ne("kept")]
    top = quiet.sort_values("at_stake", ascending=False).head(most)
    own = orders[orders["customer_id"].isin(top["customer_id"])].sort_values("order_date", kind="stable")
    seller = own.dropna(subset=["rep_id"]).groupby("customer_id")["rep_id"].last()
    sellers = pd.Series(dtype="str") if reps is None else reps.set_index("rep_id")["name"]
    table = top.assign(
        name=looked_up(top["customer_id"], customers.set_index("customer_id")["name"]).fillna(top["customer_id"]),
        seller=looked_up(looked_up(top["customer_id"], seller), sellers).fillna(""),
    )
    columns = ["customer_id", "name", "seller", "spend", "at_stake", "last", "silent", "usual", "chance"]
    return table[columns].reset_index(drop=True)


def _called(
    top: pd.DataFrame, opportunities: pd.DataFrame, customers: pd.DataFrame | None, anonymise: bool
) -> pd.DataFrame:
    """Give how deals are called, and what the CRM says of them (CALLED, by the index of `top`)."""
    given = opportunities.set_index("opportunity_id").reindex(top["opportunity_id"]).set_axis(top.index)
    empty = pd.Series(None, top.index, dtype="str")
    own, step = (empty if anonymise else given.get(column, empty) for column in ("name", "next_step"))
    names = pd.Series(dtype="str") if customers is None or anonymise else customers.set_index("customer_id")["name"]
    account = looked_up(top["customer_id"], names)
    return pd.DataFrame(
        {
            "deal": own.fillna(account).fillna(top["opportunity_id"]),
            "customer": account.where(own.notna()).fillna(""),
            "next_step": step.fillna(""),
            "crm_chance": given.get("probability", empty).astype(float),
            "crm_category": given.get("forecast_category", empty).fillna(""),
        }
    )


def _of_quarter(forecast_calls: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Give the calls of the open quarter, oldest first, their category in small letters."""
    now = forecast_calls["period_start"].eq(period.start) & forecast_calls["called_on"].le(period.through)
    rows = forecast_calls[now].sort_values("called_on", kind="stable")
    return rows.assign(category=rows["category"].str.lower())


def _newest_commits(forecast_calls: pd.DataFrame, period: Period) -> pd.DataFrame:
    now = _of_quarter(forecast_calls, period).query("category == 'commit'")
    return now.assign(rep_id=now["rep_id"].fillna("")).groupby(["region", "rep_id"], as_index=False).last()


def _added(rows: pd.DataFrame) -> pd.Series:
    """Add up what all who call a category had last called by each day; missing before all have."""
    by = rows.pivot_table(index="called_on", columns="who", values="amount", aggfunc="sum").ffill()
    return by.sum(axis=1, skipna=False)


def _changes(history: pd.DataFrame | None) -> pd.DataFrame:
    """Give of each deal how often its expected close was put off (`moved`) and when it last changed (`changed`)."""
    if history is None:
        return pd.DataFrame({"moved": pd.Series(dtype="float64"), "changed": pd.Series(dtype="datetime64[us]")})
    past = history.sort_values("changed_on", kind="stable")
    later = past["expected_close"] > past.groupby("opportunity_id")["expected_close"].shift(1)
    by = past.assign(later=later).groupby("opportunity_id")
    return pd.DataFrame({"moved": by["later"].sum().astype("float64"), "changed": by["changed_on"].max()})
