"""How often a monitor is wrong at some of many looks, and what it finds: ``python -m benchmarks.monitoring``.

Standard errors of errors near 5 per cent are .7 points, of planned looks 1.4.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

from fairlearn_fwh.metrics import PreferenceFrame
from fairlearn_fwh.metrics._course import Course, Plan
from fairlearn_fwh.metrics._inference._tests import mcnemar_p_value

RUNS = 1000

#: Looks in the simulations.
LOOKS = 20

DESIGNS = {"anytime": None, "group-sequential": LOOKS}


def look(
    gain: float,
    rng: np.random.Generator,
    *,
    runs: int,
    n: int = 100,
    kind: str = "plain",
    discordance: float = 0.1,
) -> PreferenceFrame:
    """One look at `runs` samples, each of them a group, of n rows with this gain."""
    settings = {}
    total = runs * n
    if kind == "plain":
        u = rng.random(total)
    elif kind == "units":  # five rows of a unit, of which some have the unit's number in common
        unit = np.repeat(np.arange(total // 5), 5)
        u = np.where(rng.random(total) < 0.6, rng.random(total // 5)[unit], rng.random(total))
        settings = {"units": unit}
    else:
        u = rng.random(total)
        settings = {"sample_weight": rng.lognormal(0, 0.75, total)}
    worse = u < (discordance - gain) / 2
    better = ~worse & (u < discordance)
    return PreferenceFrame(
        y_true=np.zeros(total, dtype=int),
        y_pred=worse.astype(int),
        y_pred_pooled=better.astype(int),
        sensitive_features=np.repeat(np.arange(runs), n),
        **settings,
    )


def course_of(
    gain: Callable[[int], float],
    *,
    design: str,
    tolerance: float,
    runs: int,
    groups: int = 1,
    looks: int = LOOKS,
    kind: str = "plain",
    n: int = 100,
    seed: int = 0,
) -> pd.DataFrame:
    """Look at `runs` samples again and again; `gain` is a function of the look.

    Returns
    -------
    DataFrame
        A row per look and sample: `lower`, `upper`, `harmed`, `certified`.
    """
    rng = np.random.default_rng(seed)
    n_looks = looks if DESIGNS[design] else None
    course = Course(Plan(0.05, tolerance, 0.0, n_looks, list(range(groups)), None))
    tables = []
    for i in range(looks):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # units of other looks are others
            course, said = course.look(
                look(gain(i), rng, runs=runs, kind=kind, n=n)._measured.of_audit_groups(), f"look {i}"
            )
        tables.append(pd.DataFrame(said).assign(look=i))
    return pd.concat(tables, ignore_index=True)


def ever(table: pd.DataFrame, column: str, groups: int) -> float:
    """Share of families of so many samples in which something is said at some look of some of them."""
    said = table.groupby("group")[column].any().to_numpy()
    return float(100 * said[: len(said) // groups * groups].reshape(-1, groups).any(axis=1).mean())


def errors(runs: int = RUNS) -> pd.DataFrame:
    """False findings of harm and false certificates at some of 20 looks, per cent; nominal 5."""
    rows = {}
    for design in DESIGNS:
        for kind, groups in (
            ("plain", 1),
            ("plain", 4),
            ("plain", 6),
            ("units", 1),
            ("units", 4),
            ("weights", 1),
            ("weights", 4),
        ):
            few = groups * (runs if DESIGNS[design] is None else runs // 4)
            settings = {"design": design, "tolerance": 0.02, "runs": few, "groups": groups, "kind": kind}
            rows[design, kind, groups] = {
                "harm, nobody loses": ever(course_of(lambda _: 0.0, **settings), "harmed", groups),
                "certificate, all lose the tolerance": ever(
                    course_of(lambda _: -0.02, **settings, seed=1), "certified", groups
                ),
            }
    table = pd.DataFrame(rows).T
    table.index.names = ["design", "rows", "groups"]
    return table


def naive(runs: int = 20 * RUNS) -> pd.Series:
    """Harm "found" at some of 20 looks where nobody loses, if every look has a test of its own at 5 %: of all people so far, of new people, per cent."""
    counts = np.random.default_rng(0).multinomial(100, [0.05, 0.05, 0.9], size=(runs, LOOKS)).astype(float)
    found = {}
    for name, people in (("people so far", counts.cumsum(axis=1)), ("new people", counts)):
        found[name] = 100 * (mcnemar_p_value(people[:, :, 0], people[:, :, 1]) <= 0.05).any(axis=1).mean()
    return pd.Series(found)


def power(runs: int = 4 * RUNS) -> pd.DataFrame:
    """Harm found by the 20th look, per cent, and the look at which half of it is found."""
    rows = {}
    for design in DESIGNS:
        for loss in (0.01, 0.02, 0.03):
            table = course_of(lambda _, loss=loss: -loss, design=design, tolerance=0.02, runs=runs)
            first = table[table["harmed"]].groupby("group")["look"].min() + 1
            rows[design, f"{100 * loss:g} points"] = {
                "found": 100 * len(first) / runs, "median look": first.reindex(range(runs)).fillna(99).median()
            }  # fmt: skip
    return pd.DataFrame(rows).T


def cover(runs: int = 400, looks: int = 1000) -> pd.DataFrame:
    """Share of samples whose anytime bounds contain the mean gain so far at all of 1,000 looks, per cent; nominal 95 on each side."""
    rows = {}
    for name, gain in {
        "0": lambda _: 0.0,
        "-3 points": lambda _: -0.03,
        "rises from -5 to 5 points": lambda i: -0.05 + 0.1 * i / looks,
        "turns every 50 looks": lambda i: 0.05 * (-1) ** (i // 50),
    }.items():
        table = course_of(gain, design="anytime", tolerance=0.02, runs=runs, looks=looks, n=20)
        truth = np.cumsum([gain(i) for i in range(looks)]) / np.arange(1, looks + 1)
        truth = truth[table["look"]]
        rows[name] = {
            "lower": 100 * (table["lower"] <= truth + 1e-12).groupby(table["group"]).all().mean(),
            "upper": 100 * (table["upper"] >= truth - 1e-12).groupby(table["group"]).all().mean(),
        }
    return pd.DataFrame(rows).T


def people_needed(runs: int = RUNS) -> pd.Series:
    """People of a group, in all of 20 looks, with whom a loss of 2 points is found in 80 % (discordance 10 %), and with how many by a single test."""
    single = np.arange(800, 2400, 10)
    worse, better = ((0.1 + sign * 0.02) / 2 for sign in (1, -1))
    rng = np.random.default_rng(0)
    counts = [
        rng.multinomial(n, [worse, better, 1 - worse - better], size=4000).astype(float) for n in single
    ]
    power = [(mcnemar_p_value(drawn[:, 0], drawn[:, 1]) <= 0.05).mean() for drawn in counts]
    needed = {"a single test": int(single[np.argmax(np.array(power) >= 0.8)])}
    for design in DESIGNS:
        low, high = 50, 200
        while high - low > 2:
            n = (low + high) // 2
            table = course_of(lambda _: -0.02, design=design, tolerance=0.02, runs=runs, n=n)
            low, high = (low, n) if ever(table, "harmed", 1) >= 80 else (n, high)
        needed[design] = LOOKS * high
    return pd.Series(needed)


def withdrawn(runs: int = 2 * RUNS) -> pd.DataFrame:
    """Per cent certified and found harmed where a model gains 2 points for ten weeks and then loses 6; 500 rows a week, tolerance 1 point."""
    table = course_of(
        lambda i: 0.02 if i < 10 else -0.06, design="anytime", tolerance=0.01, runs=runs // 4, n=500
    )
    by_look = 100 * table.groupby("look")[["certified", "harmed"]].mean()
    by_look.index += 1
    return by_look.loc[[5, 10, 12, 14, 16, 18, 20]]


def main() -> None:
    """Print every table."""
    for function in (naive, power, people_needed, withdrawn, cover, errors):
        print(f"\n{function.__doc__}\n{function().round(1).to_string()}", flush=True)


if __name__ == "__main__":
    main()
