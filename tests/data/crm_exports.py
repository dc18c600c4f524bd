"""Write a company as a CRM system would export it: the same deals, sellers and accounts, in that system's objects and columns."""

from pathlib import Path

import pandas as pd


def write(folder: Path, objects: dict[str, pd.DataFrame]) -> Path:
    """Write each object as a CSV file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in objects.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    return folder


def moments(days: pd.Series) -> pd.Series:
    return days.dt.strftime("%Y-%m-%dT09:30:00.000Z")


# ---- Salesforce: API names; ids of 15 and of 18 characters ----


def long_id(ids: pd.Series, kind: str, length: int = 18) -> pd.Series:
    """Make ids as Salesforce has them: a kind's prefix, the record, and three characters that can be left out."""
    return (kind + ids.str.rjust(12, "0") + "AAQ"[: length - 15]).where(ids.notna())


def short(ids: pd.Series) -> pd.Series:
    """Give the company's own ids of those in an export."""
    return ids.str[3:15].str.lstrip("0")


def salesforce(tables: dict[str, pd.DataFrame], folder: Path) -> Path:
    deals, reps, accounts = tables["opportunities"], tables["reps"], tables["customers"]
    objects = {
        "Account": _accounts(accounts),
        "User": _users(reps),
        "Opportunity": _opportunities(deals),
        "OpportunityLineItem": _line_items(deals),
        "OpportunityHistory": _stages(tables["opportunity_history"]),
        "Product2": _products(tables["products"]),
        **_quotas(tables["quotas"]),
        **_orders(tables["orders"]),
        "Organization": pd.DataFrame(
            {
                "Id": ["00D1"],
                "Name": ["Halcyon Marine"],
                "FiscalYearStartMonth": [1],
                "TimeZoneSidKey": ["Europe/Berlin"],
            }
        ),
    }
    return write(folder, objects)


def _accounts(accounts: pd.DataFrame) -> pd.DataFrame:
    made = pd.DataFrame(
        {
            "Id": long_id(accounts["customer_id"], "001"),
            "Name": accounts["name"],
            "Industry": accounts["segment"],
            "NumberOfEmployees": accounts["size"],
            "Region__c": accounts["region"],
            "Customer_Since__c": accounts["since"],
            "IsDeleted": "false",
            "MasterRecordId": None,
        }
    )
    merged = made.head(1).assign(
        Id="001" + "MERGED".rjust(12, "0") + "AAQ",
        IsDeleted="true",
        MasterRecordId=made["Id"].iloc[0],
        Region__c="Nowhere",
    )
    return pd.concat([made, merged])


def _users(reps: pd.DataFrame) -> pd.DataFrame:
    leaders = pd.Series(sorted(reps["manager"].dropna().unique()))
    number = dict(zip(leaders, "M" + (leaders.index + 1).astype(str).str.zfill(4), strict=True))
    users = pd.DataFrame(
        {
            "Id": long_id(reps["rep_id"], "005"),
            "Name": reps["name"],
            "UserRoleId": None,
            "ManagerId": long_id(reps["manager"].map(number), "005", 15),
            "Region__c": reps["region"],
            "Hire_Date__c": reps["hired"],
            "Leave_Date__c": reps["left_on"],
        }
    )
    return pd.concat([users, pd.DataFrame({"Id": long_id(leaders.map(number), "005"), "Name": leaders})])


def _opportunities(deals: pd.DataFrame) -> pd.DataFrame:
    made = pd.DataFrame(
        {
            "Id": long_id(deals["opportunity_id"], "006"),
            "AccountId": long_id(deals["customer_id"], "001", 15),
            "OwnerId": long_id(deals["rep_id"], "005", 15),
            "StageName": deals["stage"],
            "Amount": deals["amount"],
            "CreatedDate": moments(deals["opened_on"]),
            "CloseDate": deals["closed_on"].fillna(deals["expected_close"]),
            "IsWon": deals["status"] == "won",
            "IsClosed": deals["status"] != "open",
            "IsDeleted": False,
            "Region__c": deals["region"],
            "Segment__c": deals["segment"],
            "Channel__c": deals["channel"],
            "Main_Competitors__c": deals["competitor"],
            "Loss_Reason__c": deals["loss_reason"],
        }
    )
    of_merged = made["AccountId"].eq(made["AccountId"].min())  # their account was merged with another copy of it
    made["AccountId"] = made["AccountId"].mask(of_merged, "001" + "MERGED".rjust(12, "0"))
    return pd.concat(
        [made, made.head(3).assign(Id=[f"006{'GONE'.rjust(11, '0')}{i}AAQ" for i in range(3)], IsDeleted=True)]
    )


def _line_items(deals: pd.DataFrame) -> pd.DataFrame:
    main = pd.DataFrame(
        {
            "Id": long_id(deals["opportunity_id"], "00k"),
            "OpportunityId": long_id(deals["opportunity_id"], "006", 15),
            "Product2Id": long_id(deals["product_id"], "01t"),
            "Quantity": 1,
            "TotalPrice": deals["amount"],
            "IsDeleted": False,
        }
    ).dropna(subset=["Product2Id"])
    return pd.concat(
        [main, main.assign(Product2Id=main["Product2Id"].iloc[0], TotalPrice=0.01, Id="00l" + main["Id"].str[3:])]
    )


def _stages(history: pd.DataFrame) -> pd.DataFrame:
    last = pd.DataFrame(
        {
            "Id": [f"008{i:012d}" for i in range(len(history))],
            "OpportunityId": long_id(history["opportunity_id"], "006"),
            "StageName": history["stage"],
            "Amount": history["amount"],
            "CloseDate": history["expected_close"],
            "CreatedDate": moments(history["changed_on"]),
        }
    )
    earlier = last.head(50).assign(StageName="Typed by mistake", Id="007" + last["Id"].str[3:])
    earlier["CreatedDate"] = earlier["CreatedDate"].str.replace("09:30", "09:29")
    return pd.concat([earlier, last])


def _products(products: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Id": long_id(products["product_id"], "01t"),
            "Name": products["name"],
            "ProductCode": products["product_id"],
            "Family": products["category"],
            "List_Price__c": products["list_price"],
            "Unit_Cost__c": products["unit_cost"],
            "Launch_Date__c": products["launched"],
        }
    )


def _quotas(quotas: pd.DataFrame) -> dict[str, pd.DataFrame]:
    spans = quotas[["period_start", "period_end"]].drop_duplicates().reset_index(drop=True)
    spans["Id"] = [f"026{i:012d}AAQ" for i in range(len(spans))]
    named = quotas.merge(spans, on=["period_start", "period_end"])
    periods = pd.DataFrame(
        {"Id": spans["Id"], "StartDate": spans["period_start"], "EndDate": spans["period_end"], "Type": "Quarter"}
    )
    made = {
        "Id": [f"0J9{i:012d}" for i in range(len(named))],
        "QuotaOwnerId": long_id(named["rep_id"], "005"),
        "StartDate": named["period_start"],
        "PeriodId": named["Id"],
        "QuotaAmount": named["quota"],
    }
    return {"ForecastingQuota": pd.DataFrame(made), "Period": periods}


def _orders(orders: pd.DataFrame) -> dict[str, pd.DataFrame]:
    heads = orders.drop_duplicates("order_id")
    head = pd.DataFrame(
        {
            "Id": long_id(heads["order_id"], "801"),
            "OrderNumber": heads["order_id"],
            "AccountId": long_id(heads["customer_id"], "001"),
            "EffectiveDate": heads["order_date"],
            "OwnerId": long_id(heads["rep_id"], "005"),
            "StatusCode": "Activated",
            "Region__c": heads["region"],
            "Channel__c": heads["channel"],
        }
    )
    draft = head.head(5).assign(Id=[f"801{'DRAFT'.rjust(11, '0')}{i}AAQ" for i in range(5)], StatusCode="Draft")
    lines = pd.DataFrame(
        {
            "Id": [f"802{i:012d}" for i in range(len(orders))],
            "OrderId": long_id(orders["order_id"], "801", 15),
            "Line_Number__c": orders["line_no"],
            "Product2Id": long_id(orders["product_id"], "01t"),
            "Quantity": orders["quantity"],
            "UnitPrice": orders["revenue"] / orders["quantity"],
            "ListPrice": orders["list_amount"] / orders["quantity"],
            "TotalPrice": orders["revenue"],
            "Cost__c": orders["cost"],
        }
    )
    of_drafts = lines.head(5).assign(OrderId=draft["Id"].tolist(), Id=[f"803{i:012d}" for i in range(5)])
    return {"Order": pd.concat([head, draft]), "OrderItem": pd.concat([lines, of_drafts])}


# ---- HubSpot: a connector's tables ----


def hubspot(tables: dict[str, pd.DataFrame], folder: Path) -> Path:
    deals, reps, accounts = tables["opportunities"], tables["reps"], tables["customers"]
    company = pd.DataFrame(
        {
            "id": accounts["customer_id"],
            "is_deleted": False,
            "property_name": accounts["name"],
            "property_industry": accounts["segment"],
            "property_region": accounts["region"],
            "property_numberofemployees": accounts["size"],
            "property_customer_since": accounts["since"],
        }
    )
    owner = pd.DataFrame(
        {
            "owner_id": reps["rep_id"],
            "email": reps["rep_id"] + "@halcyon.example",
            "first_name": reps["name"].str.split().str[0],
            "last_name": reps["name"].str.split().str[1:].str.join(" "),
            "property_region": reps["region"],
            "property_manager": reps["manager"],
        }
    )
    with_lines = deals.dropna(subset=["product_id"])
    products = tables["products"]
    objects = {
        "company_data": company,
        "owner_data": owner,
        "deal_data": _hubspot_deals(deals),
        "deal_company_data": pd.DataFrame(
            {"deal_id": deals["opportunity_id"], "company_id": deals["customer_id"], "type_id": 5}
        ).dropna(),
        "deal_pipeline_stage_data": _hubspot_stages(tables["opportunity_history"]),
        "deal_property_history_data": _hubspot_history(tables["opportunity_history"]),
        "merged_deal_data": pd.DataFrame(
            {"deal_id": [deals["opportunity_id"].iloc[0]], "merged_deal_id": ["D-merged"]}
        ),
        "product_data": pd.DataFrame(
            {
                "id": products["product_id"],
                "property_name": products["name"],
                "property_price": products["list_price"],
                "property_hs_product_type": products["category"],
                "property_hs_cost_of_goods_sold": products["unit_cost"],
            }
        ),
        "line_item_data": pd.DataFrame(
            {
                "id": "L" + with_lines["opportunity_id"],
                "product_id": with_lines["product_id"],
                "property_amount": with_lines["amount"],
            }
        ),
        "line_item_deal_data": pd.DataFrame(
            {"line_item_id": "L" + with_lines["opportunity_id"], "deal_id": with_lines["opportunity_id"]}
        ),
    }
    return write(folder, objects)


def _stage_id(stages: pd.Series) -> pd.Series:
    return "stage-" + stages.str.lower()


def _hubspot_deals(deals: pd.DataFrame) -> pd.DataFrame:
    made = pd.DataFrame(
        {
            "deal_id": deals["opportunity_id"],
            "is_deleted": False,
            "deal_pipeline_id": "sales",
            "deal_pipeline_stage_id": _stage_id(deals["stage"]),
            "owner_id": deals["rep_id"],
            "property_amount": deals["amount"],
            "property_createdate": deals["opened_on"].dt.strftime("%Y-%m-%d 10:01:15"),
            "property_closedate": deals["closed_on"].fillna(deals["expected_close"]).dt.strftime("%Y-%m-%d 16:00:00"),
            "property_region": deals["region"],
            "property_segment": deals["segment"],
            "property_channel": deals["channel"],
            "property_competitor": deals["competitor"],
            "property_closed_lost_reason": deals["loss_reason"],
        }
    )
    gone = made.head(2).assign(deal_id=["D-merged", "D-deleted"], is_deleted=[False, True])
    return pd.concat([made, gone])


def _hubspot_stages(history: pd.DataFrame) -> pd.DataFrame:
    stages = history[["stage", "status"]].drop_duplicates()
    return pd.DataFrame(
        {
            "stage_id": _stage_id(stages["stage"]),
            "label": stages["stage"],
            "pipeline_id": "sales",
            "closed_won": stages["status"] == "won",
            "is_closed": stages["status"] != "open",
        }
    )


def _hubspot_history(history: pd.DataFrame) -> pd.DataFrame:
    """Write what changed alone, as HubSpot does."""
    values = history.assign(
        dealstage=_stage_id(history["stage"]),
        closedate=history["expected_close"].dt.strftime("%Y-%m-%dT16:00:00.000Z"),
        amount=history["amount"].astype(str),
        timestamp=history["changed_on"].dt.strftime("%Y-%m-%d 11:17:37.819"),
    )
    parts = []
    for name in ("dealstage", "amount", "closedate"):
        before = values.groupby("opportunity_id")[name].shift()
        changed = (values[name] != before) | (name == "dealstage")
        part = values.loc[changed, ["opportunity_id", "timestamp", name]]
        parts.append(part.set_axis(["deal_id", "timestamp", "value"], axis=1).assign(name=name))
    return pd.concat(parts)
