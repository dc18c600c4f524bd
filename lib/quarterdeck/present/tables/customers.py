"""How do retention by group, accounts at risk and accounts to grow read in a table?"""

import great_tables as gt
import pandas as pd

from quarterdeck.present import style
from quarterdeck.present.numbers import counted
from quarterdeck.present.tables import lay

MOST_ROWS = 12


def groups(groups: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out retention by group (`analysis.customers.retention.retention_by`)."""
    wide = groups.pivot(index="group", columns="kind", values="value")
    net = groups[groups["kind"] == "net"].set_index("group")
    shown = net.join(wide[["gross", "logo"]]).reset_index()
    columns = {
        "group": ("Customers", "text", "group"),
        "n": ("A year ago", "count"),
        "before": ("Their revenue then", "money"),
        "raw": ("Net, as counted", "whole ratio"),
        "value": ("Net, shrunk", "whole ratio", "net_revenue_retention"),
        "interval": ("Interval", "interval whole ratio"),
        "gross": ("Gross", "whole ratio", "gross_revenue_retention"),
        "logo": ("Kept", "whole ratio", "logo_retention"),
        "place": ("Against all", "text"),
    }
    note = "Gross counts no growth; kept: customers that bought again. Above or below allows for all groups together."
    return lay(shown.assign(place=shown["place"].replace("", "–")), columns, note, currency)


def accounts(risk: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out accounts with money at stake (`analysis.customers.accounts.at_risk`)."""
    columns = {
        "name": ("Account", "text", "account"),
        "segment": ("Segment", "text"),
        "last": ("Last order", "day"),
        "silent": ("Silent, days", "count"),
        "usual": ("Usual gap, days", "count"),
        "spend": ("Twelve months", "money", "account_spend"),
        "chance": ("Chance of buying", "chance", "account_chance"),
        "why": ("Why so low", "text"),
        "expected": ("To expect", "money", "account_expected"),
        "at_stake": ("At stake", "money", "account_stake"),
        "profit": ("Profit of a year", "money", "customer_profit"),
    }
    note = (
        "Chance and money of the next twelve months. At stake: what it brings if it buys × the chance that it does not. Silent: "
        "for longer than its habit lets expect. Profit: as on the page of targets."
    )
    return lay(risk.assign(state=risk["state"].str.capitalize()), columns, note, currency, by="state")


def growth(room: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out accounts that could buy what their peers do (`analysis.customers.accounts.to_grow`)."""
    columns = {
        "name": ("Account", "text", "account"),
        "segment": ("Segment", "text"),
        "spend": ("Twelve months", "money", "account_spend"),
        "category": ("Most room in", "text"),
        "lacking": ("Categories lacking", "count"),
        "room": ("Room a year", "money", "account_room"),
        "chance": ("Chance of buying", "chance", "account_chance"),
        "n": ("Peers", "count"),
    }
    note = (
        "Room: its spend × what peers (same segment, like size) spend beside it on categories that two fifths of them surely buy, "
        "× the part that does and its chance. It is room, not a forecast."
    )
    return lay(room.head(MOST_ROWS), columns, note, currency)


def values(values: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out lifetime value by group (`analysis.customers.accounts.value_by`)."""
    columns = {
        "group": ("Customers", "text", "group"),
        "n": ("Active", "count"),
        "raw": ("Mean value", "money"),
        "value": ("Shrunk", "money", "customer_lifetime_value"),
        "interval": ("Interval", "interval money"),
        "total": ("Together", "money"),
    }
    note = "Gross margin to expect of three years, discounted at a tenth a year; shrunk to the mean of all groups."
    return lay(values, columns, note, currency)


def parameters(fitted: pd.DataFrame) -> gt.GT:
    """Lay out the parameters of the models of buying and of worth (`analysis.customers.accounts.parameters`)."""
    words = {
        "r": "r, how alike rates of buying are",
        "alpha": "alpha, weeks (mean rate a week: r ÷ alpha)",
        "a": "a, leaving after a purchase",
        "b": "b (mean chance of leaving: a ÷ (a + b))",
        "p": "p, how alike purchases of a customer are",
        "q": "q, how alike customers are",
        "gamma": "gamma, money (mean purchase: p × gamma ÷ (q − 1))",
    }
    columns = {
        "name": ("Parameter", "text"),
        "value": ("Value", "parameter"),
        "interval": ("Interval", "interval parameter"),
    }
    count = counted(fitted["n"].iloc[0], "customer")
    note = f"BG/NBD and gamma-gamma by maximum likelihood, {count}; no interval where the data leave it open."
    return lay(fitted.assign(name=fitted["parameter"].map(words)), columns, note)


def acquisition(costs: pd.DataFrame, currency: str = "EUR") -> gt.GT:
    """Lay out what a new customer cost, by kind of cost (`analysis.customers.retention.acquisition`)."""
    columns = {
        "kind": ("Cost", "text", "cost"),
        "amount": ("Four quarters", "money"),
        "cost": ("Per new customer", "money", "acquisition_cost"),
        "interval": ("Interval", "interval money"),
        "months": ("Paid back after, months", "tenths"),
    }
    new = style.counted(costs["n"].iloc[0], "new customer")
    note = f"Spend of the four quarters to three months ago over {new}; interval: newcomers as a Poisson count."
    return lay(costs.assign(kind=costs["kind"].replace("all", "All")), columns, note, currency)
