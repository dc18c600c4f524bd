"""A company of three levels: the small demo company, its regions in two areas and of two territories each, and reorganised once.

On 1 April 2026 Baltic goes from Northern to Southern. On 1 July a third of the accounts of North Sea 2 go to Baltic 1, and in the
quarter of the pages, on 20 October, two sellers of North Sea 1 follow them.
"""

import zlib

import pandas as pd

import companies

AREAS = {"North Sea": "Northern", "Baltic": "Northern", "Adriatic": "Southern"}
TREE = pd.DataFrame(
    [("all", None, "Halcyon", None, None), ("N", "all", "Northern", None, None), ("S", "all", "Southern", None, None)]
    + [(name, area[0], name, None, "2026-03-31" if name == "Baltic" else None) for name, area in AREAS.items()]
    + [("Baltic", "S", "Baltic", "2026-04-01", None)]
    + [(f"{name} {n}", name, f"{name} {n}", None, None) for name in AREAS for n in (1, 2)],
    columns=["unit_id", "parent_id", "name", "valid_from", "valid_to"],
)
MOVED = {"account": ("North Sea 2", "2026-07-01"), "rep": ("North Sea 1", "2026-10-20")}  # to Baltic 1
NODES = ["Northern", "Southern", "Adriatic", "Baltic", "North Sea", *(f"{name} {n}" for name in AREAS for n in (1, 2))]


def company(tables: companies.Company | None = None) -> companies.Company:
    """Give the tables of such a company, made of the small demo company or of one that is given."""
    tables = tables or companies.small()
    named = tables["initiatives"]["region"]
    tables = tables | {"initiatives": tables["initiatives"][named.isna() | named.isin(AREAS)]}
    people = [("account", tables["customers"], "customer_id"), ("rep", tables["reps"], "rep_id")]
    assigned = pd.concat([_assigned(kind, frame, column) for kind, frame, column in people], ignore_index=True)
    return tables | {"organisation": TREE, "assignments": assigned}


def _assigned(kind: str, frame: pd.DataFrame, column: str) -> pd.DataFrame:
    chance = frame[column].map(lambda i: zlib.crc32(str(i).encode()))
    unit = frame["region"] + " " + (chance % 2 + 1).astype(str)
    table = pd.DataFrame({"kind": kind, "id": frame[column], "unit_id": unit, "valid_from": None, "valid_to": None})
    begin, day = MOVED[kind]
    goes = unit.eq(begin) & (chance % 3 == 0 if kind == "account" else unit.eq(begin).cumsum() <= 2)
    table.loc[goes, "valid_to"] = f"{pd.Timestamp(day) - pd.Timedelta(days=1):%Y-%m-%d}"
    return pd.concat([table, table[goes].assign(unit_id="Baltic 1", valid_from=day, valid_to=None)], ignore_index=True)
