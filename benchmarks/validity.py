"""How often what is said with confidence is wrong, by simulation: ``python -m benchmarks.validity``.

Standard errors are at most 1 point.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fairlearn_fwh.metrics import PreferenceFrame

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


def main() -> None:
    for title, table in (
        ("False certificates of weighted people, per cent (nominal 5)", weighted_certificates()),
        ("True certificates of weighted people, per cent", weighted_power()),
        ("Promised and achieved power, per cent (promised 80)", promised_power()),
        ("Coverage of the change of disparity, per cent (nominal 95)", disparity_changes()),
        ("Certificates of few people, per cent", few_people()),
    ):
        print(f"\n{title}\n{table.round(1).to_string()}")


if __name__ == "__main__":
    main()
