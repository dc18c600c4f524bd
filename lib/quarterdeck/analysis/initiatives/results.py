"""What did our initiatives achieve? Each against what would have been, none counted twice.

Effects on revenue are measured on day-to-day orders: orders that carry the number of a deal are left to the win rate, because few
large deals would drown what an initiative does.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import norm
from scipy.stats import t as student

from quarterdeck.analysis.initiatives import payoff
from quarterdeck.analysis.methods import designs
from quarterdeck.analysis.methods.finding import FINDING, chance_above
from quarterdeck.analysis.methods.intervals import discovered
from quarterdeck.analysis.methods.lookup import categories, looked_up
from quarterdeck.analysis.sales.by_period import SCOPE
from quarterdeck.data.answers import Missing, company_wide, region_row
from quarterdeck.data.coverage import EVER
from quarterdeck.data.coverage import begun as begun_by
from quarterdeck.data.reasons import LACKING, no_rows
from quarterdeck.data.snapshot import COMPANY

METRIC = {"campaign": "revenue", "price": "volume", "launch": "revenue", "training": "win_rate", "territory": "revenue"}
PERIOD = dict.fromkeys(("revenue", "volume", "price", "margin"), 28) | {"win_rate": 84}  # days, from the first one on
BEFORE = 728  # days before that are looked at: two years
FEWEST_BEFORE = 4
ROUNDS = 3  # of estimating each initiative with the others' effects taken out
SUSPECT = 0.05  # p of a trend before the start below which a comparison is not believed
UNTOUCHED = "Not shown: it needs an initiative that touches this region's sales, and none does."
ENTANGLED = 0.5  # part of what an initiative touched that another one touched too, above which their effects cannot be separated
FALSE_DISCOVERIES = 0.1
MONEY = ["spend", *(f"{what}{end}" for what in ("money", "gain") for end in payoff.ENDS)]  # what regions have parts of
NO_PATH = pd.DataFrame({"name": pd.Series(dtype="str")})
# By effect alone: whether it paid is another question (`paid`).
WORKED, UNCLEAR, FAILED = "moved its figure", "cannot tell", "moved it too little"


def register(initiatives: pd.DataFrame, as_of: pd.Timestamp, region: str = COMPANY) -> pd.DataFrame:
    """The initiatives that have begun and touch a region, and what was written down of each beforehand.

    Returns
    -------
    DataFrame
        The rows of `initiatives` that name the region or none, and began by `as_of`, in order of start, with `metric` (revenue,
        volume or win_rate, by kind; revenue for an unknown kind), `where` (scope in words), `until` (last day seen), `early`
        (before `read_on`).
    """
    own = touching(initiatives[initiatives["started_on"] <= as_of], region)
    named = own[SCOPE].apply(lambda row: " · ".join(row.dropna()) or "everywhere", axis=1)
    return own.assign(
        metric=own["kind"].map(METRIC).fillna("revenue"),
        where=named.astype("str") if len(own) else pd.Series(dtype="str"),
        until=own["ended_on"].fillna(as_of).clip(upper=as_of),
        early=(own["read_on"] > as_of).fillna(False),
    ).sort_values(["started_on", "initiative_id"], ignore_index=True)


def lines(
    orders: pd.DataFrame, customers: pd.DataFrame, products: pd.DataFrame, opportunities: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Day-to-day order lines with the scope that an initiative may name.

    Returns
    -------
    DataFrame
        One row per order line that is not a deal's: `day`, `region`, `segment`, `channel`, `category`, `revenue`, `volume`
        (quantity at its product's mean price, money; revenue is volume × price), `margin` (money; missing without a cost).
    """
    deals = [] if opportunities is None else opportunities["opportunity_id"]
    own = orders[~orders["order_id"].isin(deals)]
    sums = own.groupby("product_id")[["revenue", "quantity"]].sum()
    price = sums["revenue"] / sums["quantity"].where(sums["quantity"] > 0)
    table = pd.DataFrame(
        {
            "day": own["order_date"],
            "region": own["region"],
            "segment": looked_up(own["customer_id"], customers.set_index("customer_id")["segment"]),
            "channel": own["channel"],
            "category": looked_up(own["product_id"], products.set_index("product_id")["category"]),
            "revenue": own["revenue"],
            "volume": own["quantity"] * looked_up(own["product_id"], price),
            "margin": own["revenue"] - own["cost"],
        }
    )
    return table.astype(dict.fromkeys(SCOPE, "category"))


def chances(opportunities: pd.DataFrame, products: pd.DataFrame | None = None) -> pd.DataFrame:
    """Closed deals by the day they were opened, with the scope that an initiative may name.

    Returns
    -------
    DataFrame
        One row per closed deal: `day` (of opening), `region`, `segment`, `channel`, `category` (missing where no product is
        known), `won` (0 or 1), `closed` (1), `revenue` (amount if won, else zero; money).
    """
    closed = opportunities[opportunities["status"] != "open"]
    won = closed["status"].eq("won").astype(float)
    table = closed[["region", "segment", "channel"]].assign(
        day=closed["opened_on"],
        category=looked_up(closed["product_id"], categories(products)),
        won=won,
        closed=1.0,
        revenue=won * closed["amount"].fillna(0.0),
    )
    return table.astype(dict.fromkeys(SCOPE, "category"))


def sales(
    orders: pd.DataFrame,
    customers: pd.DataFrame,
    products: pd.DataFrame,
    opportunities: pd.DataFrame | None = None,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> dict[str, pd.DataFrame]:
    """What initiatives are read from, as far back as the tables are whole.

    Returns
    -------
    dict of str to DataFrame
        `orders` as `lines` gives them and, where there are opportunities, `deals` as `chances` gives them; rows before the day
        from which their table is whole are left out.
    """
    found = {"orders": lines(orders, customers, products, opportunities)}
    found |= {} if opportunities is None else {"deals": chances(opportunities, products)}
    since = {"orders": begins["orders"], "deals": begins["opportunities"]}
    return {name: table[table["day"] >= since[name]] for name, table in found.items()}


def panel(sales: pd.DataFrame, initiative: pd.Series, metric: str) -> pd.DataFrame:
    """What an initiative touched beside what it did not, in periods of equal length counted from its first day.

    Units are the values of what the initiative's scope names (regions, or segments by categories, say); one that names nothing
    is one unit, without a control. Values are over the unit's own mean before, so that large and small units, and the season,
    compare; a win rate stays one. A unit whose mean before is not above zero, that has a period without a closed deal, or
    that was not there from the first period on, is left out; where that is the touched one, the periods begin when it did.

    Parameters
    ----------
    sales : DataFrame
        As `lines` gives it, or `chances` for `win_rate`.
    initiative : Series
        A row of `register`.
    metric : str
        revenue, volume, price or win_rate.

    Returns
    -------
    DataFrame
        `unit`, `start`, `value`, `treated_from`, `weight`, as `designs.estimate` takes it; up to two years before, and whole
        periods to `until`. No rows before the first whole period, or with less than four before.
    """
    length, begun = PERIOD[metric], initiative["started_on"]
    named = [c for c in SCOPE if pd.notna(initiative[c])]
    span = _span(sales, initiative, metric, _there_from(sales, initiative, named))
    if span is None:
        return pd.DataFrame(columns=["unit", "start", "value", "treated_from", "weight"])
    period = (sales["day"] - begun).dt.days // length
    top, bottom = {"price": ("revenue", "volume"), "win_rate": ("won", "closed")}.get(metric, (metric, None))
    columns = [top, bottom] if bottom else [top]
    inside = sales[[*named, *columns]].assign(period=period)[period.between(*span)]
    sums = inside.groupby([*named, "period"], observed=True)[columns].sum()
    keys = [sums.index.get_level_values(c).astype("str") for c in named]
    unit = pd.Index([" · ".join(key) for key in zip(*keys, strict=True)] if named else ["everywhere"] * len(sums))
    sums.index = pd.MultiIndex.from_arrays([unit, sums.index.get_level_values("period")], names=["unit", "period"])
    late = _late(sales, named, begun + pd.Timedelta(days=span[0] * length))
    sums = sums[~sums.index.get_level_values("unit").isin([" · ".join(map(str, key)) for key in late])]
    wide = sums.unstack("period").reindex(columns=pd.MultiIndex.from_product([columns, range(span[0], span[1] + 1)]))
    return _long(wide, top, bottom, begun, length, " · ".join(initiative[named]) if named else "everywhere")


@no_rows(none="no initiative has begun")
def effects(initiatives: pd.DataFrame, sales: dict[str, pd.DataFrame], as_of: pd.Timestamp) -> pd.DataFrame:
    """What each initiative achieved, all estimated together, with its money, its return and its verdict.

    Each is estimated by the design that fits its panel (`designs.estimate`) on sales from which the others' effects have been
    taken out (`payoff.without`), in three rounds; the money is allotted so that nothing is counted twice (`payoff.money`).
    Verdicts allow for false discoveries over all of the company's initiatives.

    Parameters
    ----------
    sales : dict
        As `sales` gives it, of all regions: controls stand elsewhere.

    Returns
    -------
    DataFrame
        One row per initiative: what `register` gives; of `designs.estimate` `design`, `inference`, `treated`, `controls`,
        `before`, `after`, `p`, `p_trend`; `effect` (relative to what would have been, ratio) with `low`, `high` (90 %),
        `detectable` (ratio), `lift` (the same on revenue) and, of a price, `rise` (on gross margin); what `payoff.money` gives;
        `lacks` (why there is no estimate), `limits` (what it must be read with, and what would be needed), `tell_by` (day
        from which `minimum_effect` would show in 80 % of cases; missing where never), `found`, `missed` (above zero, below
        `minimum_effect`, at a false discovery rate of one in ten), `verdict`, `why`.
    """
    known = register(initiatives, as_of)
    table = known.join(_together(known, sales)).reset_index(drop=True)
    table = table.assign(tell_by=[_tell_by(row) for _, row in table.iterrows()])
    table = table.join(_found(table))
    judged = pd.DataFrame([verdict(row) for _, row in table.iterrows()], columns=["verdict", "why"], index=table.index)
    return table.join(judged)


@no_rows(none="no initiative has begun")
def touching(effects: pd.DataFrame, region: str = COMPANY) -> pd.DataFrame:
    """The rows of effects (or of the register) that name a region, or none; all of them for the company.

    Parameters
    ----------
    effects : DataFrame
        As `effects` or `register` gives it; only `region` is read.

    Returns
    -------
    DataFrame
        The same columns, numbered from zero where rows were left out.
    """
    if region == COMPANY:
        return effects
    return effects[effects["region"].isna() | (effects["region"] == region)].reset_index(drop=True)


def verdict(row: pd.Series) -> tuple[str, str]:
    """Judge one initiative; this is the whole rule.

    Cannot tell: where there is no estimate, before the day it was to be read, where another initiative touched most of the same
    sales, or where it and its control drifted apart before. Did not work: where the interval lies below the smallest effect
    of interest. Worked: where the interval lies above zero and the effect reaches the smallest one of interest. Either only
    where the finding stands among all of the company's initiatives at the rate of false discoveries. Cannot tell: all else.

    Parameters
    ----------
    row : Series
        `effect`, `low`, `high`, `minimum_effect` (ratios; without a smallest effect, any), `early`, `read_on`, `p_trend`,
        `shared`, `found`, `missed`, `lacks`.

    Returns
    -------
    tuple
        The verdict, and why in a few words.
    """
    least = row["minimum_effect"] if pd.notna(row["minimum_effect"]) else 0.0
    if pd.isna(row["low"]):
        return UNCLEAR, row["lacks"] or "nothing to take an interval from"
    if row["early"]:
        return UNCLEAR, f"to be read on {row['read_on'].day} {row['read_on']:%b %Y}: an early look"
    if row["shared"] > ENTANGLED:
        return UNCLEAR, "another initiative touched the same sales"
    if row["p_trend"] < SUSPECT:
        return UNCLEAR, "it and its control drifted apart before the start"
    if row["high"] < least:
        said = "the interval lies below the smallest effect of interest"
        return (FAILED, said) if row["missed"] else (UNCLEAR, "may be a chance miss among many")
    if row["low"] > 0 and row["effect"] >= least:
        return (
            (WORKED, "the interval lies above zero") if row["found"] else (UNCLEAR, "may be a chance find among many")
        )
    above = row["low"] > 0
    return (
        UNCLEAR,
        "above zero, but whether by enough" if above else "the interval holds zero and the smallest effect of interest",
    )


def own_results(answer: dict[str, pd.DataFrame], region: str) -> dict[str, pd.DataFrame]:
    """Give a region's part of `together`: the initiatives that touch it, with the part of their money that is the region's."""
    effects, shares = answer["effects"], answer["shares"]
    if region != COMPANY:
        share = shares[region] if region in shares else pd.Series(0.0, effects.index)
        effects = effects.assign(**effects[MONEY].mul(share, axis=0))[effects["region"].eq(region) | share.gt(0)]
    named = {k: answer[k][answer[k]["name"].isin(effects["name"])] for k in ("paths", "placebos", "prices")}
    whose = effects.loc[effects["region"].eq(region) | (region == COMPANY), "name"]
    named["findings"] = answer["findings"][answer["findings"]["subject"].isin(whose)]
    bridge = region_row(answer["bridges"], region)
    whole = {"effects": effects, "bridge": bridge, **named}
    parts = {name: frame.reset_index(drop=True) for name, frame in whole.items()}
    if region != COMPANY and effects.empty:
        parts["effects"].attrs = {LACKING: UNTOUCHED}
    return parts


@company_wide(own_results)
def together(
    initiatives: pd.DataFrame,
    orders: pd.DataFrame,
    customers: pd.DataFrame,
    products: pd.DataFrame,
    as_of: pd.Timestamp,
    opportunities: pd.DataFrame | None = None,
    begins: Mapping[str, pd.Timestamp] = EVER,
) -> dict[str, pd.DataFrame]:
    """What all initiatives achieved, judged once for the company, and what each of them was worth to each region.

    Returns
    -------
    dict
        `effects` as `effects` gives it; `shares` as `payoff.shares` gives it; `bridges`, what `reconciled` gives for each
        `region` and "company"; `paths`, `placebos`, `prices` and `findings`, as the functions so named give them for all
        initiatives. A region's findings are those that name it: the money of one that names none is mostly others'.
    """
    sold = sales(orders, customers, products, opportunities, begins)
    found = effects(initiatives, sold, as_of)
    shares = payoff.shares(found, sold)
    bridges = {COMPANY: reconciled(found, sold)} | {r: _bridge(found, shares[r], sold, r) for r in shares}
    paths = [path(found, sold, name=name) for name in found["name"].unique()]
    answer = {"effects": found, "shares": shares, "paths": pd.concat([NO_PATH, *paths], ignore_index=True)}
    answer["bridges"] = pd.concat(bridges, names=["region"]).reset_index("region").reset_index(drop=True)
    tried, answer["findings"] = placebos(found, sold), findings(found)
    return answer | {"placebos": tried if len(tried) else NO_PATH, "prices": prices(found, sold)}


def _bridge(effects: pd.DataFrame, share: pd.Series, sales: dict[str, pd.DataFrame], region: str) -> pd.DataFrame:
    """Give `reconciled` of a region: of its sales alone, each initiative's money by its share."""
    own = effects.assign(money=effects["money"] * share)[effects["region"].eq(region) | share.gt(0)]
    orders = sales["orders"]
    return reconciled(own, sales | {"orders": orders[orders["region"] == region]})


@no_rows(none="no initiative has an estimate")
def shown(found: dict[str, pd.DataFrame], what: str) -> pd.DataFrame:
    """One part of `together`: "bridge" or "placebos"."""
    return found[what]


@no_rows(none="no price initiative has an estimate")
def shown_prices(found: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The prices of `together`, as `prices` gives them."""
    return found["prices"]


@no_rows(none="no initiative has an estimate")
def shown_path(found: dict[str, pd.DataFrame], name: str = "") -> pd.DataFrame:
    """The event study of one initiative of `together`: the one named, or the one with most money of the clearest verdicts.

    Returns
    -------
    DataFrame
        As `path` gives it; no rows where none has an estimate, or none is called so.
    """
    effects = found["effects"]
    clear = effects.assign(clear=effects["verdict"] != UNCLEAR, size=effects["money"].abs())
    order = clear[clear["name"].eq(name) | (name == "")].sort_values(["clear", "size"], ascending=False)["name"]
    first = next((n for n in order if n in set(found["paths"]["name"])), None)
    return found["paths"][found["paths"]["name"] == first].reset_index(drop=True)


def summary(ask: Callable) -> pd.DataFrame | Missing:
    """Count verdicts and add up money over the initiatives that touch a region, of their money the region's part (`totals`)."""
    found = ask(together)
    return found if isinstance(found, Missing) else ask(totals, effects=found["effects"])


@no_rows(none="no initiative has an estimate; the table of all says why")
def estimated(effects: pd.DataFrame) -> pd.DataFrame:
    """The rows of `effects` that have an interval.

    Parameters
    ----------
    effects : DataFrame
        As `effects` gives it.

    Returns
    -------
    DataFrame
        The same columns and index, without rows whose `low` is missing.
    """
    return effects.dropna(subset=["low"])


def weeks_to_detect(effects: pd.DataFrame) -> pd.Series:
    """Weeks from an initiative's start to the day from which its smallest effect of interest can be detected (`tell_by`)."""
    return ((effects["tell_by"] - effects["started_on"]).dt.days / 7).round()


@no_rows(
    "initiatives.spend", "orders.cost", none="of no initiative are both known, what it gained and what was spent on it"
)
def valued(effects: pd.DataFrame) -> pd.DataFrame:
    """The rows of `effects` that have both what was gained, with its interval, and what was spent.

    Parameters
    ----------
    effects : DataFrame
        As `effects` gives it.

    Returns
    -------
    DataFrame
        The same columns and index, without rows whose `gain_low` or `spend` (money) is missing.
    """
    return effects.dropna(subset=["gain_low", "spend"])


@no_rows(none="no initiative has begun")
def totals(effects: pd.DataFrame) -> pd.DataFrame:
    """Verdicts counted, and money added up, errors taken as independent.

    Returns
    -------
    DataFrame
        One row: `n` (initiatives with an estimate), `worked`, `failed`, `unclear` (count), `spend` (of all, money), `gain`,
        `gain_low`, `gain_high` (incremental gross margin, money, 90 %), `roi`, `roi_low`, `roi_high` (gain ÷ spend of those whose
        gain and spend are known, times); no row where there is no initiative.
    """
    if effects.empty:
        return pd.DataFrame()
    known = effects.dropna(subset=["gain", "gain_low", "spend"]).query("spend > 0")
    gain, spend = known["gain"].sum(), known["spend"].sum()
    reach = np.sqrt((((known["gain_high"] - known["gain_low"]) / 2) ** 2).sum())
    ends = {"gain": gain, "gain_low": gain - reach, "gain_high": gain + reach}
    count = {name: int(effects["verdict"].eq(v).sum()) for name, v in _COUNTED.items()}
    per = {k.replace("gain", "roi"): v / spend if spend else np.nan for k, v in ends.items()}
    row = {"n": int(effects["effect"].notna().sum()), **count, "spend": effects["spend"].sum(), **ends, **per}
    return pd.DataFrame([row] if row["n"] else [])


@no_rows(none="no initiative has an estimate")
def reconciled(effects: pd.DataFrame, sales: dict[str, pd.DataFrame], region: str = COMPANY) -> pd.DataFrame:
    """Lead from what day-to-day sales would have been, over each initiative's part, to what was seen; it adds up exactly.

    Returns
    -------
    DataFrame
        `part`, `amount` (money), `kind` ("total" or "change"): sales under any initiative, without them first, as seen last.
    """
    own = touching(effects, region).dropna(subset=["effect"]).query("metric != 'win_rate'")
    touched = np.zeros(len(sales["orders"]), dtype=bool)
    for _, row in own.iterrows():
        touched |= payoff.touched(sales["orders"], row)
    seen = sales["orders"].loc[touched, "revenue"].sum()
    parts = own[["name", "money"]].set_axis(["part", "amount"], axis=1).sort_values("amount", ascending=False)
    ends = [["Without them", seen - parts["amount"].sum(), "total"], ["As seen", seen, "total"]]
    ends = pd.DataFrame(ends if len(own) else [], columns=["part", "amount", "kind"])
    return pd.concat([ends.iloc[:1], parts.assign(kind="change"), ends.iloc[1:]], ignore_index=True)


def explained(reconciled: pd.DataFrame) -> pd.Series:
    """What the initiatives of `reconciled` explain together of the sales that they touched.

    Returns
    -------
    Series
        `touched` (as seen), `explained` (as seen less without them; money).
    """
    without, seen = reconciled["amount"].iloc[[0, -1]]
    return pd.Series({"touched": seen, "explained": seen - without})


@no_rows(none="no initiative has an estimate")
def path(effects: pd.DataFrame, sales: dict[str, pd.DataFrame], region: str = COMPANY, name: str = "") -> pd.DataFrame:
    """The event study of one initiative: the one named, or the one whose money is largest of those whose verdict is clearest.

    Returns
    -------
    DataFrame
        What `designs.path` gives (gaps relative to the mean before; points of win rate for training), with `name`, `verdict`
        and `days` (of a period); no rows where none has an estimate, or none is called so.
    """
    clear = effects.assign(clear=effects["verdict"] != UNCLEAR, size=effects["money"].abs())
    order = (
        clear[clear["name"].eq(name) | (name == "")].sort_values(["clear", "size"], ascending=False)["name"].tolist()
    )
    for row, table in _panels(effects, sales, region, order):
        return designs.path(table).assign(name=row["name"], verdict=row["verdict"], days=PERIOD[row["metric"]])
    return pd.DataFrame()


def outside(path: pd.DataFrame) -> pd.Series:
    """How many periods since the start lie farther off than chance gave before.

    Parameters
    ----------
    path : DataFrame
        As `path` gives it, of one initiative.

    Returns
    -------
    Series
        `outside`, `after` (periods).
    """
    after = path[path["since"] >= 0]
    far = after["gap"].abs() > after["high"] - after["gap"]
    return pd.Series({"outside": int(far.sum()), "after": len(after)})


@no_rows(none="no initiative has an estimate")
def placebos(effects: pd.DataFrame, sales: dict[str, pd.DataFrame], region: str = COMPANY) -> pd.DataFrame:
    """Each initiative's effect among placebos: what the same design finds where nothing was done.

    Parameters
    ----------
    effects : DataFrame
        As `effects` gives it.
    sales : dict of str to DataFrame
        As `sales` gives it, of all regions.

    Returns
    -------
    DataFrame
        One row per placebo and per initiative's own effect: what `designs.placebos` gives, `name` and `verdict`; no rows (nor
        columns) without an estimate.
    """
    found = [
        designs.placebos(p).assign(name=r["name"], verdict=r["verdict"]) for r, p in _panels(effects, sales, region)
    ]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


@no_rows(none="no price initiative has an estimate")
def prices(effects: pd.DataFrame, sales: dict[str, pd.DataFrame], region: str = COMPANY) -> pd.DataFrame:
    """What price initiatives did to the price that customers paid, beside what they did to the volume.

    Price is revenue over volume at each product's mean price, so that the mix of products does not move it.

    Returns
    -------
    DataFrame
        Two rows per price initiative with an estimate of both: `name`, `of` ("volume", "price"), `effect`, `low`, `high` (ratio,
        90 %).
    """
    cleaned = payoff.without(sales["orders"], effects)
    known = touching(effects.reset_index(), region).dropna(subset=["effect"]).query("kind == 'price'")
    rows = []
    for _, row in known.iterrows():
        table = panel(cleaned(row["index"]), row, "price")
        if table["treated_from"].isna().all():  # a period without a sale has no price
            continue
        estimate = designs.estimate(table).iloc[0]
        ends = {"low": estimate["relative_low"], "high": estimate["relative_high"]}
        rows.append({"name": row["name"], "of": "volume"} | row[["effect", "low", "high"]].to_dict())
        rows.append({"name": row["name"], "of": "price", "effect": estimate["relative"], **ends})
    return pd.DataFrame(rows, columns=["name", "of", "effect", "low", "high"])


def findings(effects: pd.DataFrame) -> pd.DataFrame:
    """The initiatives with money behind a clear verdict, in the columns of a chief's findings (`finding.FINDING`).

    Those that worked and surely gained something, and those that did not work and cost more than they gained. What doing one of
    the former again may bring is what it brought; of the latter, what was spent, less what it brought. The risk is the chance,
    given the effects of all, that its own is not above zero; of one that did not work, that it is above the smallest one of
    interest (`finding.chance_above`).

    Parameters
    ----------
    effects : DataFrame
        As `effects` gives it, or the part of it that touches a region.

    Returns
    -------
    DataFrame
        One row each, the most money first: kind ("initiative"), subject (name), worth (incremental gross margin − spend,
        money), value (effect, ratio), compared (smallest effect of interest, ratio), low, high (of the effect, 90 %), n
        (periods since the start), gain, gain_low, gain_high (money, 90 %), risk.
    """
    worked, failed = effects["verdict"].eq(WORKED), effects["verdict"].eq(FAILED)
    net = effects[["gain", "gain_low", "gain_high"]].sub(effects["spend"].fillna(0.0), axis=0)
    ends = net.where(worked, -net[["gain", "gain_high", "gain_low"]].set_axis(net.columns, axis=1))
    least = effects["minimum_effect"].fillna(0.0).where(failed, 0.0)
    far = chance_above(effects["effect"], _normal_error(effects), least)
    table = pd.DataFrame(
        {
            "kind": "initiative",
            "subject": effects["name"],
            "worth": net["gain"],
            "value": effects["effect"],
            "compared": effects["minimum_effect"],
            "low": effects["low"],
            "high": effects["high"],
            "n": effects["after"],
            **ends,
            "risk": np.where(failed, far, 1 - far),
        },
        columns=FINDING,
    )
    sure = worked & (effects["gain_low"] > 0) | failed & (net["gain"] < 0)
    return table[sure & effects["gain"].notna()].sort_values("worth", key=abs, ascending=False, ignore_index=True)


def _normal_error(effects: pd.DataFrame) -> pd.Series:
    """Give the errors with which normal estimates would be as far from zero by chance as these are by Student's t."""
    tail = student.sf(effects["effect"].abs() / effects["error"], effects["df"])
    return effects["effect"].abs() / norm.isf(tail)


def paid(effects: pd.DataFrame) -> pd.Series:
    """Tell which initiatives surely brought more than they cost, which surely less: a question beside whether they moved
    their figure.

    Returns
    -------
    Series
        Of words, as `effects` is indexed: "surely" and "surely not" where the interval of the return lies above or below one
        (90 %), "open" where it holds one, "not known" where spend, cost or effect is.
    """
    sure = [effects["roi"].isna(), effects["roi_low"] > 1, effects["roi_high"] < 1]
    return pd.Series(np.select(sure, ["not known", "surely", "surely not"], "open"), effects.index)


def verdicts(effects: pd.DataFrame) -> pd.Series:
    """Give the verdict on each initiative's effect, and where it moved its figure, beside it the one on its return, if it is clear.

    Returns
    -------
    Series
        Of words, as `effects` is indexed.
    """
    known = paid(effects).map({"surely": ", and paid", "surely not": ", but did not pay"}).fillna("")
    return effects["verdict"] + known.where(effects["verdict"].eq(WORKED), "")


def judged(ask: Callable) -> pd.DataFrame | Missing:
    """The findings of the whole company, or of those initiatives that were a region's alone, as `findings` gives them."""
    return ask(together)["findings"]


_COUNTED = {"worked": WORKED, "failed": FAILED, "unclear": UNCLEAR}


def _late(sales: pd.DataFrame, named: list[str], day: pd.Timestamp) -> list[tuple]:
    """Give the units that were not there on a day: their first row comes later after it than their usual wait."""
    if not named or sales.empty:
        return []
    by = sales.groupby(named, observed=True)["day"]
    code, first = by.ngroup(), by.min()
    keys = first.index if len(named) > 1 else pd.MultiIndex.from_arrays([first.index])
    rows = code.isin(np.flatnonzero(first > day))
    there = begun_by(code[rows], sales.loc[rows, "day"], day, day)
    return [tuple(keys[k]) for k in there.index[~there.astype(bool)]]


def _there_from(sales: pd.DataFrame, initiative: pd.Series, named: list[str]) -> pd.Timestamp:
    """Give the day from which the touched unit was there: the sales' first, or its own where it came later."""
    day = sales["day"].min() if len(sales) else initiative["started_on"]
    unit = tuple(initiative[named])
    if unit not in _late(sales, named, day):
        return day
    return sales.loc[sales[named].eq(list(unit)).all(axis=1), "day"].min()


def _span(sales: pd.DataFrame, initiative: pd.Series, metric: str, since: pd.Timestamp) -> tuple[int, int] | None:
    """Give the first and last whole period, 0 being the first after the start; None where there are too few since a day."""
    length = PERIOD[metric]
    whole = (initiative["until"] - initiative["started_on"]).days + 1
    back = (initiative["started_on"] - since).days // length if len(sales) else 0
    if back < FEWEST_BEFORE or whole < length:
        return None
    return -min(back, BEFORE // length), whole // length - 1


def _long(
    wide: pd.DataFrame, top: str, bottom: str | None, begun: pd.Timestamp, length: int, treated: str
) -> pd.DataFrame:
    values = wide[top].fillna(0.0) / wide[bottom] if bottom else wide[top].fillna(0.0)
    size = wide[bottom or top].loc[:, lambda t: t.columns < 0].mean(axis=1)
    kept = (size > 0) & values.notna().all(axis=1)
    values, size = values[kept], size[kept]
    if bottom != "closed":
        values = values.div(values.loc[:, values.columns < 0].mean(axis=1), axis=0)
    frame = values.rename_axis(columns="period").stack().rename("value").reset_index()
    return pd.DataFrame(
        {
            "unit": frame["unit"],
            "start": begun + pd.to_timedelta(frame["period"] * length, "D"),
            "value": frame["value"],
            "treated_from": pd.Series(begun, frame.index).where(frame["unit"] == treated),
            "weight": frame["unit"].map(size),
        }
    )


def _together(known: pd.DataFrame, sales: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Estimate all initiatives, each on sales that the others' effects have been taken out of; then allot the money."""
    lifts = known.assign(lift=np.nan)
    for _ in range(ROUNDS - 1):
        lifts = known.assign(lift=_each(_lift, known, sales, lifts))
    rows = _each(_estimated, known, sales, lifts)
    estimated = known.join(pd.DataFrame(rows, index=known.index).reindex(columns=_ESTIMATED).astype(_TYPES))
    return estimated[_ESTIMATED].join(payoff.money(estimated, sales))


def _each(estimate: Callable, known: pd.DataFrame, sales: dict[str, pd.DataFrame], lifts: pd.DataFrame) -> list:
    """Estimate every initiative on its deals, or on sales that the others' `lifts` have been taken out of."""
    cleaned = payoff.without(sales["orders"], lifts)
    deals = known["metric"].eq("win_rate")
    return [estimate(row, sales.get("deals") if deals[k] else cleaned(k)) for k, row in known.iterrows()]


def _lift(row: pd.Series, sales: pd.DataFrame) -> float:
    """Give an initiative's effect on revenue alone, which is all that the others' sales are freed of."""
    if row["metric"] == "win_rate":
        return np.nan
    try:
        return designs.estimate(panel(sales, row, row["metric"].replace("volume", "revenue")))["relative"].iloc[0]
    except ValueError:  # there is nothing to read it from, which `_estimated` says
        return np.nan


_ENDS = ["", "_low", "_high"]
_NUMBERS = "treated controls before after df p p_trend effect error low high detectable counterfactual".split()
_NUMBERS += [f"{what}{end}" for what in ("lift", "rise") for end in _ENDS]
_ESTIMATED = ["design", "inference", "lacks", "limits", *_NUMBERS]
_TYPES = dict.fromkeys(_NUMBERS, "float64")


def _estimated(row: pd.Series, sales: pd.DataFrame | None) -> dict:
    """Estimate one initiative on its own figure, and what it did to revenue and, of a price, to the margin."""
    if sales is None:
        return {"lacks": "there are no deals to read it from"}
    table = panel(sales, row, row["metric"])
    if table.empty or table["treated_from"].isna().all():
        return {"lacks": _lacking(row, table)}
    try:
        estimate = designs.estimate(table).iloc[0]
    except ValueError as error:
        return {"lacks": str(error)}
    facts = estimate[["design", "inference", "treated", "controls", "before", "after", "df", "p", "p_trend"]].to_dict()
    facts |= {"effect": estimate["relative"], "low": estimate["relative_low"], "high": estimate["relative_high"]}
    facts |= {f: estimate[f] / estimate["counterfactual"] for f in ("detectable", "error", "counterfactual")}
    facts |= {"lacks": "", "limits": "; ".join(designs.limits(table))}
    if row["metric"] != "volume":
        return facts | _relative(estimate, "lift")
    for what, metric in (("lift", "revenue"), ("rise", "margin")):
        other = panel(sales, row, metric)
        if other["treated_from"].notna().any():
            facts |= _relative(designs.estimate(other).iloc[0], what)
    return facts


def _relative(estimate: pd.Series, what: str) -> dict[str, float]:
    return {f"{what}{end}": estimate[f"relative{end}"] for end in _ENDS}


def _lacking(row: pd.Series, table: pd.DataFrame) -> str:
    length = PERIOD[row["metric"]]
    if len(table):
        return "nothing was sold there before"
    if (row["until"] - row["started_on"]).days + 1 < length:
        return f"it has not run for {length} days yet"
    return f"there are fewer than {FEWEST_BEFORE * length} days of sales before it"


def _found(estimated: pd.DataFrame) -> pd.DataFrame:
    """Tell which rises above zero, and which effects below the smallest of interest, stand at the rate of false discoveries."""
    above = estimated["effect"] / estimated["error"]
    below = (estimated["minimum_effect"].fillna(0.0) - estimated["effect"]) / estimated["error"]
    return pd.DataFrame({"found": _stand(above, estimated["df"]), "missed": _stand(below, estimated["df"])})


def _stand(t: pd.Series, df: pd.Series) -> pd.Series:
    """Hold one-sided claims against Benjamini and Hochberg (1995), over all initiatives with an estimate."""
    p = pd.Series(student.sf(t, df), t.index).dropna().clip(1e-12, 1 - 1e-12)
    return discovered(-pd.Series(ndtri(p / 2), p.index), FALSE_DISCOVERIES).reindex(t.index, fill_value=False)


def _tell_by(row: pd.Series) -> pd.Timestamp:
    """Give the day from which the smallest effect of interest would be found in 80 % of cases; missing where never."""
    if pd.isna(row["detectable"]) or not row["minimum_effect"] > 0:
        return pd.NaT
    periods = designs.periods_needed(row, row["minimum_effect"])
    if not periods < 1000:
        return pd.NaT
    return row["started_on"] + pd.Timedelta(days=int(periods) * PERIOD[row["metric"]])


def _panels(
    effects: pd.DataFrame, sales: dict[str, pd.DataFrame], region: str, names: list[str] | None = None
) -> Iterator[tuple[pd.Series, pd.DataFrame]]:
    """Give each initiative that touches a region and has an estimate with the panel it stands on; those named, in that order."""
    cleaned = payoff.without(sales["orders"], effects)
    known = touching(effects.reset_index(), region).dropna(subset=["effect"])
    if names is not None:
        known = known.drop_duplicates("name", keep="last").set_index("name", drop=False)
        known = known.loc[[n for n in dict.fromkeys(names) if n in known.index]]
    for _, row in known.iterrows():
        clean = sales["deals"] if row["metric"] == "win_rate" else cleaned(row["index"])
        yield row, panel(clean, row, row["metric"])
