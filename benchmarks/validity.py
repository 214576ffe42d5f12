"""How often what is said with confidence is wrong, by simulation: ``python -m benchmarks.validity``.

Standard errors are at most 1 point, of families, overlapping groups and several models at most 2.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fairlearn_fwh.metrics import PreferenceFrame, compare

RUNS = 4000

#: How people's weights are drawn.
WEIGHTS = ("lognormal 0.5", "lognormal 1", "lognormal 1.5", "5 % weigh 20")


def draw_weights(kind: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """Weights of n people."""
    if kind == "5 % weigh 20":
        return np.where(rng.random(n) < 0.05, 20.0, 1.0)
    return rng.lognormal(0, float(kind.removeprefix("lognormal ")), n)


def weighted_groups(
    n: int, discordance: float, weights: str, *, loss: float, runs: int, seed: int = 0, depends: bool = False
) -> PreferenceFrame:
    """Make a frame of many groups of n people, who lose `loss` in truth: each group is a sample.

    With `depends` the heaviest people lose and the others gain.
    """
    rng = np.random.default_rng(seed)
    drawn = draw_weights(weights, n * runs, rng)
    lose, gain = np.full(n * runs, (discordance + loss) / 2), np.full(n * runs, (discordance - loss) / 2)
    if depends:
        heavy = drawn >= np.quantile(drawn, 0.96)
        share = drawn[heavy].sum() / drawn.sum()
        lose, gain = np.where(heavy, lose / share, 0.0), np.where(heavy, 0.0, gain / (1 - share))
    u = rng.random(n * runs)
    return PreferenceFrame(
        y_true=np.zeros(n * runs, dtype=int),
        y_pred=(u < lose).astype(int),
        y_pred_pooled=((u >= lose) & (u < lose + gain)).astype(int),
        sensitive_features=np.repeat(np.arange(runs), n),
        sample_weight=drawn,
    )


def weighted_certificates(runs: int = RUNS) -> pd.DataFrame:
    """False certificates, in per cent, at a true loss of just the tolerance of 5 points; nominal 5."""
    rows = {}
    for n, discordance in ((100, 0.06), (500, 0.06), (500, 0.15), (2000, 0.06), (2000, 0.15)):
        few = max(runs * 500 // max(n, 500), 100)
        for depends in (False, True):
            rows[n, discordance, "depends" if depends else "does not"] = {
                kind: _certified(
                    weighted_groups(n, discordance, kind, loss=0.05, runs=few, depends=depends), 0.05
                )
                for kind in WEIGHTS
            }
    table = pd.DataFrame(rows).T
    table.index.names = ["people", "discordance", "direction on weight"]
    return table


def weighted_power(runs: int = RUNS) -> pd.DataFrame:
    """Certificates, in per cent, where nobody loses; tolerance 5 points."""
    rows = {
        (n, discordance): {
            kind: _certified(weighted_groups(n, discordance, kind, loss=0.0, runs=runs), 0.05)
            for kind in WEIGHTS
        }
        for n, discordance in ((500, 0.06), (500, 0.15), (2000, 0.15))
    }
    table = pd.DataFrame(rows).T
    table.index.names = ["people", "discordance"]
    return table


def _certified(frame: PreferenceFrame, tolerance: float) -> float:
    return 100 * float(frame.certify(tolerance=tolerance, correction=None)["certified"].mean())


def promised_power(runs: int = RUNS) -> pd.DataFrame:
    """Certificates, in per cent, at the number of people for which 80 are promised."""
    rng = np.random.default_rng(0)
    rows = {}
    for discordance, tolerance, n_groups in (
        (0.02, 0.02, 1),
        (0.005, 0.01, 1),
        (0.02, 0.05, 6),
        (0.1, 0.1, 1),
    ):
        probe = grouped(np.tile([2, 2, 6], (n_groups, 1)))
        sizes = probe.power(tolerance, discordance=discordance)
        n, together = (int(sizes[name].iloc[0]) for name in ("n_needed", "n_needed_together"))
        shares = [discordance / 2, discordance / 2, 1 - discordance]
        each, all_of_them = (
            _families(rng.multinomial(size, shares, size=(runs, n_groups)), tolerance)
            for size in (n, together)
        )
        rows[discordance, tolerance, n_groups] = {
            "people": n,
            "each": 100 * each.mean(),
            "people, together": together,
            "all together": 100 * all_of_them.all(axis=1).mean(),
        }
    table = pd.DataFrame(rows).T
    table.index.names = ["discordance", "tolerance", "groups"]
    return table


def grouped(counts: np.ndarray) -> PreferenceFrame:
    """Frame of groups with these numbers of people who lose, who gain, and for whom nothing changes."""
    groups, kinds = (axis.ravel() for axis in np.indices(counts.shape))
    repeat = counts.ravel()
    kind = np.repeat(kinds, repeat)
    return PreferenceFrame(
        y_true=np.zeros(len(kind), dtype=int),
        y_pred=(kind == 0).astype(int),
        y_pred_pooled=(kind == 1).astype(int),
        sensitive_features=np.repeat(groups, repeat),
    )


def _families(counts: np.ndarray, tolerance: float) -> np.ndarray:
    """Whether each group of each family is certified at its share of 5 %, shape (runs, groups)."""
    runs, n_groups, _ = counts.shape
    table = grouped(counts.reshape(-1, 3)).certify(tolerance=tolerance, correction=None)
    return (table["p_value"] < 0.05 / n_groups).to_numpy().reshape(runs, n_groups)


def disparity_changes(runs: int = 300) -> pd.DataFrame:
    """Coverage, in per cent, of the 95 % interval where the pooled gap is .1 and the own gap 0."""
    rng = np.random.default_rng(0)
    rows: dict[int, dict[int, float]] = {}
    for n in (200, 1000):
        for n_groups in (2, 6, 20):
            pooled = np.tile(np.repeat(np.linspace(0.2, 0.3, n_groups), n), runs)
            frame = PreferenceFrame(
                y_true=np.zeros(len(pooled), dtype=int),
                y_pred=(rng.random(len(pooled)) < 0.25).astype(int),
                y_pred_pooled=(rng.random(len(pooled)) < pooled).astype(int),
                sensitive_features=np.tile(np.repeat(np.arange(n_groups), n), runs),
                control_features=np.repeat(np.arange(runs), n * n_groups),
            )
            low, high = (frame.overall_ci[q]["disparity_change"] for q in (0.025, 0.975))
            rows.setdefault(n_groups, {})[n] = 100 * float(((low <= -0.1) & (high >= -0.1)).mean())
    table = pd.DataFrame(rows).T
    table.index.name, table.columns.name = "groups", "people in each"
    return table


def few_people(runs: int = RUNS) -> pd.DataFrame:
    """Certificates of few people, in per cent: where nobody loses, and at a true loss of just the tolerance."""
    rng = np.random.default_rng(0)
    rows = {}
    for n, tolerance, discordance in (
        (29, 0.1, 0.05),
        (25, 0.2, 0.1),
        (15, 0.2, 0.1),
        (60, 0.05, 0.02),
        (99, 0.05, 0.05),
    ):
        fair = rng.multinomial(n, [discordance / 2, discordance / 2, 1 - discordance], size=runs)
        more = (max(discordance, tolerance) + tolerance) / 2
        harmful = rng.multinomial(n, [more, more - tolerance, 1 - 2 * more + tolerance], size=runs)
        rows[n, tolerance, discordance] = {
            "nobody loses": _certified(grouped(fair), tolerance),
            "false": _certified(grouped(harmful), tolerance),
        }
    table = pd.DataFrame(rows).T
    table.index.names = ["people", "tolerance", "discordance"]
    return table


def plain_certificates(runs: int = RUNS) -> pd.DataFrame:
    """False certificates and false harm of people who count alike, in per cent."""
    rng = np.random.default_rng(0)
    rows = {}
    for n in (50, 200, 1000):
        for discordance in (0.06, 0.15, 0.3):
            shares = [(discordance + 0.05) / 2, (discordance - 0.05) / 2, 1 - discordance]
            harmful = grouped(rng.multinomial(n, shares, size=runs))
            fair = grouped(rng.multinomial(n, [discordance / 2, discordance / 2, 1 - discordance], size=runs))
            intervals = fair.gain_intervals(0.05)
            rows[n, discordance] = {
                "certificate, tolerance .05": _certified(harmful, 0.05),
                "certificate, tolerance 0": _certified(fair, 0.0),
                "harm": _harmed(fair, 0.0),
                "harm beyond .05": _harmed(harmful, 0.05),
                "interval misses": 100 * float(((intervals["lower"] > 0) | (intervals["upper"] < 0)).mean()),
            }
    table = pd.DataFrame(rows).T
    table.index.names = ["people", "discordance"]
    return table


def _harmed(frame: PreferenceFrame, margin: float) -> float:
    return 100 * float((frame.harm_tests(correction=None, margin=margin)["p_value"] < 0.05).mean())


def families(runs: int = 600) -> pd.DataFrame:
    """Families of groups of unequal sizes at tolerance 0: false certificates of anybody, and better groups certified, in per cent."""
    rng = np.random.default_rng(0)
    rows = {}
    for n_groups, discordance, gain, n in (
        (2, 0.1, 0.02, 1000),
        (6, 0.05, 0.02, 500),
        (6, 0.1, 0.05, 200),
        (20, 0.1, 0.05, 200),
    ):
        sizes = np.linspace(0.5, 1.5, n_groups) * n
        row = {}
        for correction in ("min_p", "holm"):
            false, kept = [], []
            for _ in range(runs):
                equal, better = (
                    grouped(
                        np.array(
                            [
                                rng.multinomial(
                                    int(size), [(discordance - g) / 2, (discordance + g) / 2, 1 - discordance]
                                )
                                for size in sizes
                            ]
                        )
                    )
                    for g in (0.0, gain)
                )
                false.append(equal.certify(tolerance=0.0, correction=correction)["certified"].any())
                kept.append(better.certify(tolerance=0.0, correction=correction)["certified"].mean())
            row |= {f"{correction}: false": 100 * np.mean(false), f"{correction}: kept": 100 * np.mean(kept)}
        rows[n_groups, discordance, gain, n] = row
    table = pd.DataFrame(rows).T
    table.index.names = ["groups", "discordance", "gain", "people on average"]
    return table


def real_valued(runs: int = RUNS) -> pd.DataFrame:
    """Certificates in Brier loss at tolerance 0, in per cent, for several distributions of the gain."""
    rng = np.random.default_rng(0)
    rows = {}
    for name, n, draw in (
        ("normal, gain .022, deviation .14", 1000, lambda shape: rng.normal(0.022, 0.14, shape)),
        ("normal, gain .010, deviation .14", 2000, lambda shape: rng.normal(0.010, 0.14, shape)),
        ("normal, gain 0, deviation .14", 500, lambda shape: rng.normal(0.0, 0.14, shape)),
        ("most gain .02, 2 % lose .98", 100, lambda shape: np.where(rng.random(shape) < 0.02, -0.98, 0.02)),
        ("most gain .02, 2 % lose .98", 1000, lambda shape: np.where(rng.random(shape) < 0.02, -0.98, 0.02)),
    ):
        few = runs // 4
        gains = np.clip(draw((few, n)), -1, 1)
        frame = _in_brier_loss(gains)
        rows[name, n] = {
            "certified": _certified(frame, 0.0),
            "mirrored: certified": _certified(_in_brier_loss(-gains), 0.0),
        }
    table = pd.DataFrame(rows).T
    table.index.names = ["gains", "people"]
    return table


def _in_brier_loss(gains: np.ndarray) -> PreferenceFrame:
    runs, n = gains.shape
    own, pooled = (np.sqrt(np.clip(0.5 + sign * gains / 2, 0, 1)).ravel() for sign in (-1, 1))
    return PreferenceFrame(
        y_true=np.zeros(runs * n, dtype=int),
        y_pred=own,
        y_pred_pooled=pooled,
        sensitive_features=np.repeat(np.arange(runs), n),
        loss="brier",
    )


def cut_off_losses(runs: int = RUNS) -> pd.DataFrame:
    """Certificates in log loss of constant forecasts, .995 in place of .97, cut off at 6, at a tolerance of just the loss, in per cent."""
    rng = np.random.default_rng(0)
    rows = {}
    for n, rate in ((100, 0.03), (500, 0.03), (500, 0.02)):
        few = runs // 4
        own, pooled = np.full(few * n, 0.005), np.full(few * n, 0.03)
        frame = PreferenceFrame(
            y_true=(rng.random(few * n) < rate).astype(int),
            y_pred=own,
            y_pred_pooled=pooled,
            sensitive_features=np.repeat(np.arange(few), n),
            loss="log",
            loss_limit=6.0,
        )
        loss = rate * (np.log(0.03) - np.log(0.005)) + (1 - rate) * (np.log(0.97) - np.log(0.995))
        rows[n, rate] = {"true loss": loss, "false certificates": _certified(frame, loss)}
    table = pd.DataFrame(rows).T
    table.index.names = ["people", "rate of events"]
    return table


def overlapping(runs: int = 1500) -> pd.DataFrame:
    """Margins and intersections of race and sex, which go together: anybody found, and all women found, in per cent."""
    rng = np.random.default_rng(0)
    rows = {}
    for lost in (0.0, 0.025):
        row: dict[str, float] = dict.fromkeys(
            ("min_p: anybody", "min_p: women", "holm: anybody", "holm: women", "min_p: certified"), 0.0
        )
        for _ in range(runs):
            n = 3000
            sex = rng.integers(0, 2, n)
            race = np.where(rng.random(n) < 0.4 + 0.2 * sex, 0, rng.integers(0, 4, n))
            worse = (0.1 + lost * sex) / 2
            u = rng.random(n)
            frame = PreferenceFrame(
                y_true=np.ones(n, dtype=int),
                y_pred=(u >= worse).astype(int),
                y_pred_pooled=((u < worse) | (u >= 0.1)).astype(int),
                sensitive_features=pd.DataFrame({"race": race, "sex": np.where(sex == 1, "women", "men")}),
            ).over()
            for correction in ("min_p", "holm"):
                found = frame.violations(alpha=0.05, correction=correction)["group"].tolist()
                row[f"{correction}: anybody"] += 100 * bool(found) / runs
                row[f"{correction}: women"] += 100 * (("all", "women") in found) / runs
            row["min_p: certified"] += 100 * frame.certify(tolerance=0.0)["certified"].any() / runs
        rows[lost] = row
    table = pd.DataFrame(rows).T
    table.index.name = "women lose"
    return table


def repeated_people(runs: int = 1000) -> pd.DataFrame:
    """People who appear often and are alike with themselves, discordance .1: errors with and without units, per cent."""
    rng = np.random.default_rng(0)
    rows = {}
    for people, times, alike in ((500, 2, 0.3), (200, 5, 0.3), (100, 10, 0.7), (50, 20, 0.3), (20, 20, 0.3)):
        n = people * runs
        row: dict[str, float] = {}
        for lost in (0.0, 0.05):
            shares = np.array([0.1 + lost, 0.1 - lost, 1.8]) / 2
            own = rng.dirichlet(shares * (1 - alike) / alike, size=n)
            u = rng.random((n, times))
            sample = {
                "y_true": np.zeros(n * times, dtype=int),
                "y_pred": (u < own[:, [0]]).ravel().astype(int),
                "y_pred_pooled": ((u >= own[:, [0]]) & (u < own[:, [0]] + own[:, [1]])).ravel().astype(int),
                "sensitive_features": np.repeat(np.arange(runs), people * times),
            }
            with_units = PreferenceFrame(**sample, units=np.repeat(np.arange(n), times))
            without = PreferenceFrame(**sample)
            for name, frame in (("units", with_units), ("rows", without)):
                if lost:
                    row[f"{name}: false certificates"] = _certified(frame, 0.05)
                    continue
                intervals = frame.gain_intervals(0.05)
                row[f"{name}: harm"] = _harmed(frame, 0.0)
                row[f"{name}: covers"] = 100 * float(
                    ((intervals["lower"] <= 0) & (intervals["upper"] >= 0)).mean()
                )
        rows[people, times, alike] = row
    table = pd.DataFrame(rows).T
    table.index.names = ["people", "rows of each", "intraclass correlation"]
    return table


def unequal_units(runs: int = 400) -> pd.DataFrame:
    """False certificates, in per cent, at a true loss of just the tolerance of 2 points, where units have different numbers of rows and lose as a whole."""
    rng, rows = np.random.default_rng(5), {}
    sizes = {
        "5 each": lambda n: np.full(n, 5),
        "geometric, mean 3": lambda n: rng.geometric(1 / 3, n),
        "geometric, mean 10": lambda n: rng.geometric(0.1, n),
        "lognormal": lambda n: np.ceil(rng.lognormal(1, 1, n)).astype(int),
        "one in ten has 10": lambda n: np.where(rng.random(n) < 0.1, 10, 1),
        "one in twenty has 30": lambda n: np.where(rng.random(n) < 0.05, 30, 1),
    }
    for name, draw in sizes.items():
        for units in (300, 1200):
            unit = np.repeat(np.arange(units * runs), draw(units * runs))
            loses = (rng.random(units * runs) < 0.02)[unit]
            frame = PreferenceFrame(
                y_true=np.zeros(len(unit), dtype=int), y_pred=loses.astype(int), y_pred_pooled=np.zeros(len(unit), dtype=int),
                sensitive_features=unit // units, units=unit, labels=[0, 1],
            )  # fmt: skip
            rows[name, units] = {"false certificates": _certified(frame, 0.02)}
    table = pd.DataFrame(rows).T
    table.index.names = ["rows of a unit", "units"]
    return table


def several_models(runs: int = 200) -> pd.DataFrame:
    """Comparisons of models that harm nobody, in 4 groups of 400: somebody is found harmed, in per cent."""
    rng = np.random.default_rng(0)
    rows = {}
    for n_models in (1, 5, 20):
        jointly = each = harmless = 0
        for _ in range(runs):
            counts = rng.multinomial(400, [0.05, 0.05, 0.9], size=(n_models, 4))
            frames = {str(i): grouped(c) for i, c in enumerate(counts)}
            jointly += compare(frames).table["n_harmed"].any()
            each += any(len(frame.violations(alpha=0.05)) for frame in frames.values())
            counts[:, 0] = rng.multinomial(400, [0.08, 0.03, 0.89], size=n_models)
            losing = {str(i): grouped(c) for i, c in enumerate(counts)}
            harmless += compare(losing, tolerance=0.05).table["harmless"].any()
        rows[n_models] = {
            "compare": 100 * jointly / runs,
            "each model by itself": 100 * each / runs,
            "called harmless, though one group loses the tolerance": 100 * harmless / runs,
        }
    table = pd.DataFrame(rows).T
    table.index.name = "models"
    return table


TABLES = {
    "False claims about people who count alike, per cent (nominal 5)": plain_certificates,
    "Certificates of few people, per cent (nominal 5 where false)": few_people,
    "False certificates of weighted people, per cent (nominal 5)": weighted_certificates,
    "True certificates of weighted people, per cent": weighted_power,
    "People who appear often, per cent (nominal 5, coverage 95)": repeated_people,
    "Units that lose as a whole, per cent (nominal 5)": unequal_units,
    "Families of groups: false certificates (nominal 5), better groups certified, per cent": families,
    "Overlapping groups, per cent (nominal 5 where nobody loses)": overlapping,
    "Several models, per cent (nominal 5)": several_models,
    "Certificates in Brier loss, per cent (nominal 5 where nobody gains)": real_valued,
    "Certificates in log loss that is cut off, per cent (nominal 5)": cut_off_losses,
    "Coverage of the change of disparity, per cent (nominal 95)": disparity_changes,
    "Promised and achieved power, per cent (promised 80)": promised_power,
}


def main() -> None:
    for title, make in TABLES.items():
        print(f"\n{title}\n{make().round(1).to_string()}", flush=True)


if __name__ == "__main__":
    main()
