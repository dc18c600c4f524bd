"""Does a plan name units and lengths that find an effect, as often as it says?"""

import numpy as np
import pandas as pd
import pytest

from quarterdeck.analysis.methods import design_plan, designs


def past(seed, units=24, periods=70, noise=0.06):
    """Draw weekly sales of units of different size, the first six of them much steadier than the others."""
    rng = np.random.default_rng(seed)
    loud = np.where(np.arange(units) < 6, noise / 3, noise)[:, None]
    course = rng.normal(0, 0.04, periods).cumsum() / 4
    return np.exp(rng.normal(6, 0.8, (units, 1)) + course + loud * rng.normal(0, 1, (units, periods)))


def panel(values):
    starts = pd.date_range("2024-01-01", periods=values.shape[1], freq="W-MON")
    names = [f"u{k:02d}" for k in range(len(values))]
    wide = pd.DataFrame(values, names, starts).rename_axis("unit").rename_axis(columns="start")
    return wide.stack().rename("value").reset_index()


def test_a_plan_prefers_steady_units_and_longer_tests_find_less():
    table = design_plan.plan(panel(past(1)), 0.05, (4, 12), (1,), rate=0.1)
    assert list(table) == design_plan.PLAN and table["periods"].tolist() == [4, 12]
    assert set(table["units"]) <= {f"u{k:02d}" for k in range(6)}
    assert table["detectable"].is_monotonic_decreasing and table["power"].is_monotonic_increasing
    assert table["controls"].eq(23).all() and table["correlation"].between(0, 1).all()
    values = past(1)
    own = table["units"].str[1:].astype(int).to_numpy()
    assert table["cost"].to_numpy() == pytest.approx(0.1 * values[own].mean(axis=1) * [4, 12])
    assert table["part"].to_numpy() == pytest.approx(values[own].mean(axis=1) / values.mean(axis=1).sum())


def test_the_cheapest_that_finds_the_effect_within_the_budget_is_chosen():
    free = design_plan.plan(panel(past(2)), 0.05, (4, 12), (1, 2), rate=0.1)
    enough = free[free["power"] >= design_plan.POWER]
    assert len(enough) > 1 and free.loc[free["chosen"], "cost"].tolist() == [enough["cost"].min()]
    tight = design_plan.plan(panel(past(2)), 0.05, (4, 12), (1, 2), 0.1, enough["cost"].min() / 2)
    assert not tight["chosen"].any() and not tight["enough"].any()
    assert not design_plan.plan(panel(past(2)), 0.001, (4,), (1,))["enough"].any()


def test_a_plan_keeps_its_word():
    """The effect that it calls found in 80 % of cases is found about as often in weeks that it has not seen."""
    found, n = 0, 30
    for seed in range(n):
        values = past(100 + seed, periods=78)
        row = design_plan.plan(panel(values[:, :70]), 0.05, (8,), (2,)).iloc[0]
        own = [int(name[1:]) for name in row["units"].split(" + ")]
        values[own, 70:] *= 1 + row["detectable"]
        table = panel(values)
        start = table["start"].unique()[70]
        treated = pd.Series(start, table.index).where(table["unit"].isin(row["units"].split(" + ")))
        found += designs.estimate(table.assign(treated_from=treated)).iloc[0]["low"] > 0
    # 30 draws at 0.8: 18 or fewer come up once in 100.
    assert found > 18, found


def test_too_little_is_said_with_what_is_needed():
    short = panel(past(3, units=8, periods=20))
    assert design_plan.plan(short).empty
    said = design_plan.lacking(short, (4, 8), (1, 2))
    assert said == "too little: 8 units and 20 periods; a test needs 11 units and 24 periods."
    assert design_plan.lacking(panel(past(3)), (4, 8), (1, 2)) == ""
    with pytest.raises(ValueError, match="effect holds 0, expected a number above zero"):
        design_plan.plan(short, 0)
    with pytest.raises(ValueError, match="unit 'u00' has no row for 2024-01-15; the panel must have every unit"):
        design_plan.plan(short.drop(index=2))
    with pytest.raises(ValueError, match="lengths holds 0, expected a whole number"):
        design_plan.plan(short, lengths=(0,))
