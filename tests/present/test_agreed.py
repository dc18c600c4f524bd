"""Does one sentence say truly what of a run was held against what?"""

from quarterdeck.present.agreement import agreed

SAME = {"check": "same on every page", "metric": "win_rate", "difference": 0, "ok": True}
SUM = {"check": "regions add up", "metric": "revenue", "difference": -0.0041, "ok": True}
LEADS = {"check": "what is in leads to the forecast", "metric": "forecast_p50", "difference": 0, "ok": True}
GIVEN = {"check": "the forecast is published as shown", "metric": "forecast_p50", "difference": 0, "ok": True}


def test_a_run_that_does_not_add_up_says_which_figures():
    wrong = [{**SUM, "ok": False}, {**LEADS, "ok": False}, SAME]
    assert agreed(wrong) == "does not reconcile: forecast p50, revenue"


def test_a_whole_run_says_what_held_and_by_how_much_the_regions_missed():
    assert agreed([SAME, SAME, LEADS, GIVEN, SUM, SUM, SUM]) == (
        "reconciled: 2 figures are the same on every page that shows them, 1 forecast follows from what is in, "
        "1 forecast is published as shown, 3 figures add up over the regions within 0.00"
    )


def test_a_run_that_held_no_region_against_the_company_does_not_claim_to_have():
    assert agreed([SAME]) == (
        "reconciled in part: 1 figure is the same on every page that shows it; the regions were not held against the company"
    )
    assert agreed([]).startswith("nothing to reconcile")
