"""Several losses at once: whether intervals cover, what families find by chance, what they cost, and what they say on real data.

Run: python -m benchmarks.losses [simulation] [cost] [adult] [selection]
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from fairlearn.metrics import MetricFrame, false_positive_rate, true_positive_rate
from fairlearn.postprocessing import ThresholdOptimizer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from fairlearn_fwh.datasets import default_preprocessor, fetch_adult, fetch_german_credit
from fairlearn_fwh.decoupling import DecoupledClassifier
from fairlearn_fwh.metrics import MisclassificationCost, PreferenceFrame
from fairlearn_fwh.postprocessing import NoHarmSelector

LOSSES = ["zero_one", "missed", "false_alarm"]


def predictions(
    rng: np.random.Generator, n: int, errors: float, positives: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth and two models that are wrong about other people, none of them more often."""
    y = (rng.random(n) < positives).astype(int)
    new, old = (np.where(rng.random(n) < errors, 1 - y, y) for _ in range(2))
    return y, new, old


def coverage(runs: int = 4000) -> pd.DataFrame:
    """Share of 95 % intervals that contain the true gain, which is 0: each group is a sample."""
    rng = np.random.default_rng(0)
    rows = {}
    for n in (50, 200, 1000, 5000):
        for errors, positives in ((0.05, 0.1), (0.15, 0.3), (0.3, 0.5)):
            y, new, old = predictions(rng, n * runs, errors, positives)
            frame = PreferenceFrame(
                y_true=y,
                y_pred=new,
                y_pred_pooled=old,
                sensitive_features=np.repeat(np.arange(runs), n),
                loss=LOSSES,
            )
            table = frame.gain_intervals()
            known = table[table["n"] > 0]
            covers = ((known["lower"] <= 0) & (known["upper"] >= 0)).groupby(level="loss").mean()
            discordant = 2 * errors * (1 - errors) * n * np.array([1, positives, 1 - positives])
            expected = pd.Series(discordant, LOSSES)
            for loss in LOSSES:
                rows[n, errors, positives, loss] = {"discordant": expected[loss], "covers": covers[loss]}
    return pd.DataFrame(rows).T.rename_axis(["people", "errors", "positives", "loss"])


def families(runs: int = 2000) -> pd.DataFrame:
    """How often anything is found, or certified at just the tolerance, of 3 losses and 6 groups, in per cent."""
    rng = np.random.default_rng(0)
    sizes = [200, 400, 800, 1200, 2000, 3000]
    groups = np.repeat(np.arange(6), sizes)
    rows = {}
    for errors, positives in ((0.05, 0.3), (0.15, 0.3), (0.15, 0.5)):
        harm = certified = 0
        for _ in range(runs):
            y, new, old = predictions(rng, len(groups), errors, positives)
            sample = {"y_true": y, "y_pred_pooled": old, "sensitive_features": groups, "loss": LOSSES}
            harm += len(PreferenceFrame(y_pred=new, **sample).violations(0.05)) > 0
            # A loss of 3 points in every loss and group.
            worse = np.where(rng.random(len(y)) < 0.03 / (1 - errors), 1 - y, old)
            worse = np.where(old == y, worse, old)
            frame = PreferenceFrame(y_pred=worse, **sample)
            certified += frame.certify(tolerance=0.03)["certified"].any()
        rows[errors, positives] = {
            "harm found": 100 * harm / runs,
            "false certificate": 100 * certified / runs,
        }
    return pd.DataFrame(rows).T.rename_axis(["errors", "positives"])


def cost(n: int = 1_000_000) -> None:
    """Five losses against one, and one reading of a file against five."""
    rng = np.random.default_rng(0)
    y, new, old = predictions(rng, n, 0.2, 0.3)
    groups = rng.integers(0, 10, n)
    losses = {
        **{loss: loss for loss in LOSSES},
        "refused": "rejection",
        "cost": MisclassificationCost([[0, 1], [5, 0]], [0, 1]),
    }

    def seconds(loss: object, labels: list[np.ndarray], groups: np.ndarray) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            PreferenceFrame(
                y_true=labels[0],
                y_pred=labels[1],
                y_pred_pooled=labels[2],
                sensitive_features=groups,
                loss=loss,
            )
            times.append(time.perf_counter() - start)
        return min(times)

    for kind, labels in {
        "integers": [y, new, old],
        "text": [np.where(a, "ill", "well") for a in (y, new, old)],
    }.items():
        losses_of = losses
        if kind == "text":
            losses_of = {
                "error": "zero_one",
                "cost": MisclassificationCost([[0, 5], [1, 0]], ["ill", "well"]),
            }
        one, all_of_them = (seconds(loss, labels, groups) for loss in ("zero_one", losses_of))
        print(
            f"{n:,} rows, 10 groups, {kind}: one loss {one:.3f} s, {len(losses_of)} losses {all_of_them / one:.2f} times that"
        )


def adult() -> None:
    """A parity mitigator against the model that it corrects, by sex, in three losses."""
    bunch = fetch_adult()
    sex = bunch.sensitive_features["sex"].to_numpy()
    X, X_test, y, y_test, s, s_test = train_test_split(
        bunch.data, bunch.target, sex, test_size=0.5, random_state=0
    )
    model = make_pipeline(default_preprocessor(X), LogisticRegression(max_iter=2000)).fit(X, y)
    fair = ThresholdOptimizer(estimator=model, prefit=True, predict_method="predict_proba")
    fair.fit(X, y, sensitive_features=s)
    old, new = model.predict(X_test), fair.predict(X_test, sensitive_features=s_test, random_state=0)
    frame = PreferenceFrame(
        y_true=y_test, y_pred=new, y_pred_pooled=old, sensitive_features=s_test, loss=LOSSES
    )
    print((100 * frame.gains).round(2).to_string())
    print(frame.violations(0.05).round(4).to_string())
    rates = {"accuracy": accuracy_score, "recall": true_positive_rate, "false alarms": false_positive_rate}
    theirs = {
        name: MetricFrame(metrics=rates, y_true=y_test, y_pred=predicted, sensitive_features=s_test).by_group
        for name, predicted in (("new", new), ("old", old))
    }
    print((100 * (theirs["new"] - theirs["old"])).round(2).to_string())


def selection(n_splits: int = 20) -> None:
    """Certified selection by cost on German credit and by missed cases on Adult, on an untouched third."""
    german = fetch_german_credit()
    bad = [label for label in np.unique(german.target) if label != 1][0]
    costs = MisclassificationCost.of_pairs({(bad, 1): 5.0, (1, bad): 1.0})
    _select("German by sex, cost 5 : 1", german, german.sensitive_features["sex"], costs, costs, n_splits)
    bunch = fetch_adult()
    for name, groups in {"sex": "sex", "race x sex": ["race", "sex"]}.items():
        _select(
            f"Adult by {name}, missed", bunch, bunch.sensitive_features[groups], "missed", "missed", n_splits
        )


def _select(
    name: str, bunch: object, groups: pd.DataFrame, scoring: object, loss: object, n_splits: int
) -> None:
    models: dict[str, Callable[[], object]] = {
        "own logistic regressions": lambda: DecoupledClassifier(
            make_pipeline(default_preprocessor(bunch.data), LogisticRegression(max_iter=2000)),
            min_group_size=50,
        ),
        "boosting": lambda: make_pipeline(
            default_preprocessor(bunch.data), HistGradientBoostingClassifier(random_state=0)
        ),
    }
    pooled = lambda: make_pipeline(default_preprocessor(bunch.data), LogisticRegression(max_iter=2000))  # noqa: E731
    for candidate, make in models.items():
        harmed, kept, groups_in_all, gains, unguarded = 0, 0, 0, [], []
        for seed in range(n_splits):
            parts = np.random.default_rng(seed).permutation(len(bunch.target))
            fit, choose, test = np.array_split(parts, 3)
            take = lambda table, rows: table.iloc[rows] if hasattr(table, "iloc") else np.asarray(table)[rows]  # noqa: E731
            X, y, s = bunch.data, bunch.target, groups
            a = pooled().fit(take(X, fit), take(y, fit))
            b = make()
            needs = {"sensitive_features": take(s, fit)} if isinstance(b, DecoupledClassifier) else {}
            b.fit(take(X, fit), take(y, fit), **needs)
            selector = NoHarmSelector((a, b), prefit=True, scoring=scoring)
            selector.fit(take(X, choose), take(y, choose), sensitive_features=take(s, choose))
            sample = {"sensitive_features": take(s, test)}
            positive = {"pos_label": 1} if isinstance(loss, str) else {}
            frame = PreferenceFrame(
                y_true=take(y, test),
                y_pred=selector.predict(take(X, test), **sample),
                y_pred_pooled=a.predict(take(X, test)),
                loss=loss,
                **positive,
                **sample,
            )
            direct = b.predict(take(X, test), **(sample if needs else {}))
            free = PreferenceFrame(
                y_true=take(y, test),
                y_pred=direct,
                y_pred_pooled=a.predict(take(X, test)),
                loss=loss,
                **positive,
                **sample,
            )
            harmed += len(frame.violations(0.05)) > 0
            kept += int((selector.selection_table_["choice"] != "pooled").sum())
            groups_in_all += len(selector.selection_table_)
            gains.append(frame.overall["rationality_gain"])
            unguarded.append(free.overall["rationality_gain"])
        print(
            f"{name}, {candidate}: kept {kept} of {groups_in_all} groups; somebody significantly harmed in {harmed} of {n_splits} splits; gain "
            f"{np.mean(gains):+.4f} of {np.mean(unguarded):+.4f} without a guarantee"
        )


def main() -> None:
    wanted = sys.argv[1:] or ["simulation", "cost", "adult", "selection"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if "simulation" in wanted:
            print(coverage().round(3).to_string())
            print(families().round(1).to_string())
        if "cost" in wanted:
            cost()
        if "adult" in wanted:
            adult()
        if "selection" in wanted:
            selection()


if __name__ == "__main__":
    main()
