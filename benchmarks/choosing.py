"""Selection with every guarantee: how often it lets harm through, how much of a gain it passes on, how long it takes.

Run: python -m benchmarks.choosing [protection] [classifiers] [repeats] [stacking] [time] [data] (long: half an hour for `data`)
"""

from __future__ import annotations

import itertools
import sys
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from fairlearn_fwh.datasets import default_preprocessor, fetch_adult, fetch_arrest, fetch_bank_marketing
from fairlearn_fwh.decoupling import DecoupledClassifier, GroupStackingClassifier
from fairlearn_fwh.metrics import PreferenceFrame
from fairlearn_fwh.postprocessing import NoHarmSelector

DISCORDANCE = 0.1

#: Sizes of the groups beside the one that is harmed, and what they gain.
OTHERS = {2: [3000], 6: [400, 800, 1200, 2000, 4000], 20: np.linspace(300, 3000, 19).astype(int).tolist()}
GAIN = 0.03


def paired(sizes: list[int], gains: list[float], rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Truth, pooled and new answers, and groups: people of each group gain so much by the new model."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    gain = np.array(gains)[groups]
    y = rng.integers(0, 2, len(groups))
    u = rng.random(len(groups))
    better = u < (DISCORDANCE + gain) / 2
    worse = (u >= (DISCORDANCE + gain) / 2) & (u < DISCORDANCE)
    return y, np.where(better, 1 - y, y), np.where(worse, 1 - y, y), groups


def choose(sample: tuple[np.ndarray, ...], **settings: Any) -> NoHarmSelector:
    y, old, new, groups = sample
    return NoHarmSelector.from_predictions(
        y, {"pooled": old, "new": new}, sensitive_features=groups, **settings
    )


def protection(
    runs: int = 400, numbers: tuple[int, ...] = (2, 6, 20), harms: tuple[float, ...] = (0.01, 0.02, 0.05)
) -> pd.DataFrame:
    """How often a harmed group gets the new model, in per cent, and how often it is named as not protected then."""
    rows = {}
    for k, harm, size in itertools.product(numbers, harms, (100, 200, 400, 800, 1000, 2000)):
        row = {}
        for kind in ("release", "shrunk"):
            rng = np.random.default_rng(0)
            got = named = 0
            for _ in range(runs):
                model = choose(paired([size, *OTHERS[k]], [-harm, *[GAIN] * (k - 1)], rng), guarantee=kind)
                if 0 not in model.fallback_groups_:
                    got += 1
                    first = model.selection_table_.iloc[0]
                    named += not first["protected"]
            row |= {kind: 100 * got / runs, f"{kind}: of these named": 100 * named / got if got else np.nan}
        rows[k, harm, size] = row
        print(k, harm, size, {name: round(value, 1) for name, value in row.items()}, flush=True)
    return pd.DataFrame(rows).T.rename_axis(["groups", "harm", "size of the harmed group"])


def passed_on(runs: int = 200) -> pd.DataFrame:
    """Share of a gain that is passed on, in per cent, where every group gains a point, or two."""
    rows = {}
    for k, gain in itertools.product((2, 6, 20), (0.01, 0.02)):
        sizes, row = [1000, *OTHERS[k]], {}
        for name, settings in {
            "certified": {},
            "certified, tolerance .02": {"tolerance": 0.02},
            "release": {"guarantee": "release"},
            "shrunk": {"guarantee": "shrunk"},
        }.items():
            rng = np.random.default_rng(0)
            got = 0.0
            for _ in range(runs):
                model = choose(paired(sizes, [gain] * k, rng), **settings)
                kept = [g not in model.fallback_groups_ for g in range(k)]
                got += np.average(kept, weights=sizes) / runs
            row[name] = 100 * got
        rows[k, gain] = row
    return pd.DataFrame(rows).T.rename_axis(["groups", "gain"])


def classifiers(runs: int = 200) -> pd.DataFrame:
    """Certified selection, cross-fitted, of real classifiers: how often some group is truly harmed by what it gets, in per cent."""
    rows = {}
    models = {
        "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
        "tree": DecisionTreeClassifier(max_depth=4, random_state=0),
    }
    for k, (name, model), opposite in itertools.product((2, 6, 20), models.items(), (False, True)):
        harmed = kept = 0
        few = runs if k < 20 else runs // 2
        for seed in range(few):
            rng = np.random.default_rng(seed)
            sizes = np.linspace(150, 900, k).astype(int)
            (X, y, s), (X_test, y_test, s_test) = (_people(rng, sizes * times, opposite) for times in (1, 20))
            selector = NoHarmSelector(DecoupledClassifier(model, min_group_size=30), random_state=seed)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                selector.fit(X, y, sensitive_features=s)
            own = selector.predict(X_test, sensitive_features=s_test) == y_test
            pooled = selector.pooled_estimator_.predict(X_test) == y_test
            gains = np.array([(own[s_test == g].mean() - pooled[s_test == g].mean()) for g in range(k)])
            harmed += (gains < 0).any()
            kept += k - len(selector.fallback_groups_)
        rows[k, name, "one group opposite" if opposite else "all alike"] = {
            "somebody truly harmed": 100 * harmed / few,
            "groups kept": kept / few,
        }
        print(k, name, opposite, rows[k, name, "one group opposite" if opposite else "all alike"], flush=True)
    return pd.DataFrame(rows).T.rename_axis(["groups", "classifier", "truth"])


def _people(
    rng: np.random.Generator, sizes: np.ndarray, opposite: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """People of groups of these sizes; in the largest, if it is opposite, the first feature works the other way."""
    s = np.repeat(np.arange(len(sizes)), sizes)
    X = rng.standard_normal((len(s), 4))
    sign = np.where((s == len(sizes) - 1) & opposite, -1, 1)
    y = (sign * X[:, 0] + 0.5 * X[:, 1] + rng.logistic(size=len(s)) > 0).astype(int)
    return X, y, s


def repeats(runs: int = 400) -> pd.DataFrame:
    """Cross-fitting that is repeated: false certificates of average models that are no better, and power, in per cent."""
    rows = {}
    for n_repeats, gain in itertools.product((1, 3, 5), (0.0, 0.03)):
        found = 0
        for seed in range(runs):
            rng = np.random.default_rng(seed)
            y, *_ = paired([1000, 1000], [0, 0], rng)
            groups = np.repeat([0, 1], 1000)
            # Answers of models of each repeat: people are found hard by all of them alike.
            hard = rng.random(len(y)) < 0.15
            X = np.column_stack([hard, rng.random((len(y), 2))])
            selector = NoHarmSelector(
                [("pooled", _Noisy(0, 0.5)), ("new", _Noisy(1, 0.5 - gain / 0.15))],
                cross_fit=4, n_repeats=n_repeats, random_state=seed,
            )  # fmt: skip
            selector.fit(np.column_stack([X, y]), y, sensitive_features=groups)
            found += len(selector.fallback_groups_) < 2
        rows[n_repeats, gain] = {"some group kept": 100 * found / runs}
    return pd.DataFrame(rows).T.rename_axis(["repeats", "gain"])


class _Noisy(LogisticRegression):
    """Is wrong about some of the people who are hard, others after each fit."""

    def __init__(self, number: int = 0, errors: float = 0.5, random_state: Any = None) -> None:
        super().__init__()
        self.number, self.errors, self.random_state = number, errors, random_state

    def fit(self, X: np.ndarray, y: np.ndarray, sample_weight: Any = None) -> _Noisy:
        self.classes_ = np.array([0, 1])
        self.n_features_in_ = X.shape[1]
        self.shift_ = np.random.default_rng([self.number, self.random_state or 0]).random()
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        u = (X[:, 1 + self.number] + self.shift_) % 1.0
        return np.where((X[:, 0] > 0) & (u < self.errors), 1 - X[:, 3], X[:, 3]).astype(int)


# --- real data --------------------------------------------------------------------------------------------------------


def cases() -> dict[str, tuple[Any, pd.DataFrame]]:
    adult, arrest, bank = fetch_adult(), fetch_arrest(), fetch_bank_marketing()
    result = {
        "Adult by sex": (adult, adult.sensitive_features[["sex"]]),
        "Adult by race x sex": (adult, adult.sensitive_features[["race", "sex"]]),
        "Arrest": (arrest, arrest.sensitive_features),
        "Bank": (bank, bank.sensitive_features),
    }
    return {name: (bunch, groups) for name, (bunch, groups) in result.items()}


GUARANTEES = {
    "certified": {},
    "certified, tolerance .02": {"tolerance": 0.02},
    "release": {"guarantee": "release"},
    "shrunk": {"guarantee": "shrunk"},
}


def data(only: str = "", n_splits: int = 20) -> None:
    """Candidates on real data: fitted and chosen on one half, judged on the other, untouched one."""
    for case, (bunch, groups) in cases().items():
        X, y = default_preprocessor(bunch.data).fit_transform(bunch.data), np.asarray(bunch.target)
        simple, strong = LogisticRegression(max_iter=2000), HistGradientBoostingClassifier(random_state=0)
        combined = [("logistic", simple), ("boosting", strong), ("decoupled", DecoupledClassifier(simple))]
        stacked = GroupStackingClassifier(combined, n_folds=3, random_state=0)
        candidates = {
            "boosting": (strong, 5),
            "decoupled": (DecoupledClassifier(simple), 5),
            "stacking": (stacked, 3),
        }
        for name, (new, n_folds) in candidates.items():
            if only and only not in f"{case}, {name}":
                continue
            results: dict[str, list[tuple[float, bool]]] = {label: [] for label in ["unguarded", *GUARANTEES]}
            for seed in range(n_splits):
                order = np.random.default_rng(seed).permutation(len(y))
                rows = order[: len(y) // 2], order[len(y) // 2 :]
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    _one_split(X, y, groups, rows, (simple, new), n_folds=n_folds, seed=seed, results=results)
            _print(case, name, results)


def _one_split(
    X: Any,
    y: np.ndarray,
    groups: pd.DataFrame,
    rows: tuple[np.ndarray, np.ndarray],
    models: tuple[Any, Any],
    *,
    n_folds: int,
    seed: int,
    results: dict[str, list[tuple[float, bool]]],
) -> None:
    """Out-of-fold answers once, a decision by every guarantee, and the models of all rows on the untouched half.

    That is what `NoHarmSelector(cross_fit=n_folds)` does, with one set of fits for all guarantees.
    """
    fit, test = rows
    folds = np.random.default_rng([seed, 1]).permutation(len(fit)) % n_folds
    out_of_fold = {name: np.zeros(len(fit), dtype=y.dtype) for name in ("pooled", "new")}
    for fold in range(n_folds):
        rest, mine = fit[folds != fold], fit[folds == fold]
        for name, model in zip(out_of_fold, models, strict=True):
            out_of_fold[name][folds == fold] = _fit_and_ask(model, X, y, groups, rest, mine)
    base, answers = (_fit_and_ask(model, X, y, groups, fit, test) for model in models)
    s_test = groups.iloc[test]
    results["unguarded"].append(_judge(y[test], answers, base, s_test))
    for label, settings in GUARANTEES.items():
        model = NoHarmSelector.from_predictions(
            y[fit], out_of_fold, sensitive_features=groups.iloc[fit], **settings
        )
        got = model.predict(pd.DataFrame({"pooled": base, "new": answers}), sensitive_features=s_test)
        results[label].append(_judge(y[test], got, base, s_test))


def _fit_and_ask(
    model: Any, X: Any, y: np.ndarray, groups: pd.DataFrame, fit: np.ndarray, test: np.ndarray
) -> np.ndarray:
    model, routed = clone(model), hasattr(model, "predict_by_group")
    model.fit(X[fit], y[fit], **({"sensitive_features": groups.iloc[fit]} if routed else {}))
    given = {"sensitive_features": groups.iloc[test]} if routed else {}
    return np.asarray(model.predict(X[test], **given))


def _judge(y: np.ndarray, new: np.ndarray, old: np.ndarray, s: pd.DataFrame) -> tuple[float, bool]:
    frame = PreferenceFrame(y_true=y, y_pred=new, y_pred_pooled=old, sensitive_features=s)
    return float(frame.overall["rationality_gain"]), len(frame.violations(0.05)) > 0


def _print(case: str, name: str, results: dict[str, list[tuple[float, bool]]]) -> None:
    unguarded = np.mean([gain for gain, _ in results["unguarded"]])
    for label, found in results.items():
        gains = 100 * np.array([gain for gain, _ in found])
        k = len(gains)
        # Nadeau and Bengio 2003: halves overlap.
        error = np.sqrt((1 / k + 1.0) * gains.var(ddof=1)) if k > 1 else np.nan
        half = stats.t.ppf(0.975, k - 1) * error
        share = (
            f", passes on {gains.mean() / (100 * unguarded):.0%}"
            if unguarded > 0 and label != "unguarded"
            else ""
        )
        print(
            f"{case}, {name}, {label}: gain {gains.mean():+.2f} ({gains.mean() - half:+.2f} to {gains.mean() + half:+.2f}) points{share}; a group "
            f"significantly harmed in {sum(harmed for _, harmed in found)} of {k} splits",
            flush=True,
        )


def stacking(n_splits: int = 10) -> None:
    """Stacking by groups against its candidates."""
    sets: dict[str, Any] = {}
    for name, (bunch, groups) in cases().items():
        sets[name] = (
            default_preprocessor(bunch.data).fit_transform(bunch.data),
            np.asarray(bunch.target),
            groups,
        )
    rng = np.random.default_rng(0)
    s = np.where(np.arange(12_000) < 600, "small", "large")
    X = rng.standard_normal((12_000, 4))
    y = (
        np.where(s == "small", -1, 1) * X[:, 0] + 0.5 * X[:, 1] + 0.5 * rng.logistic(size=12_000) > 0
    ).astype(int)
    curved = X[:, 0] + np.where(s == "small", 0, 1.5) * (X[:, 2] ** 2 - 1) + 0.5 * X[:, 1]
    bent = (np.where(s == "small", -1, 1) * curved + 0.5 * rng.logistic(size=12_000) > 0).astype(int)
    sets = {
        "generated, opposite rules in 300 people": (X, y, pd.DataFrame({"s": s})),
        "generated, the same with a curved rule for the others": (X, bent, pd.DataFrame({"s": s})),
    } | sets
    for name, (X, y, groups) in sets.items():
        dummies = pd.get_dummies(groups.astype(str).agg("|".join, axis=1)).to_numpy(dtype=float)
        with_groups = np.hstack([X, dummies])
        accuracy: dict[str, list[float]] = {}
        for seed in range(n_splits):
            order = np.random.default_rng(seed).permutation(len(y))
            fit, test = order[: len(y) // 2], order[len(y) // 2 :]
            s, s_test = groups.iloc[fit], groups.iloc[test]
            simple, strong = LogisticRegression(max_iter=2000), HistGradientBoostingClassifier(random_state=0)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                answers = {
                    "pooled+group": clone(simple).fit(with_groups[fit], y[fit]).predict(with_groups[test]),
                    "boosting+group": clone(strong).fit(with_groups[fit], y[fit]).predict(with_groups[test]),
                    "decoupled": DecoupledClassifier(simple).fit(X[fit], y[fit], sensitive_features=s).predict(X[test], sensitive_features=s_test),
                    "stacking": GroupStackingClassifier(random_state=0).fit(X[fit], y[fit], sensitive_features=s).predict(X[test], sensitive_features=s_test),
                }  # fmt: skip
            for method, predicted in answers.items():
                accuracy.setdefault(method, []).append(float((predicted == y[test]).mean()))
        table = 100 * pd.DataFrame(accuracy)
        best = table.drop(columns="stacking").mean().idxmax()
        difference = table["stacking"] - table[best]
        error = np.sqrt((1 / n_splits + 1.0) * difference.var(ddof=1))
        print(
            f"{name}: {table.mean().round(2).to_dict()}; stacking against {best} {difference.mean():+.2f} (standard error {error:.2f})",
            flush=True,
        )


def duration() -> None:
    """Cross-fitted selection against its fits alone, and decisions over many groups and candidates."""
    bunch = fetch_adult()
    X, y = default_preprocessor(bunch.data).fit_transform(bunch.data), np.asarray(bunch.target)
    race = bunch.sensitive_features["race"].to_numpy()
    s = pd.DataFrame(
        {
            "race": np.where(np.isin(race, ["White", "Black"]), race, "other"),
            "sex": bunch.sensitive_features["sex"].to_numpy(),
        }
    )
    candidates = [
        ("pooled", LogisticRegression(max_iter=2000)),
        ("boosting", HistGradientBoostingClassifier(random_state=0)),
        ("decoupled", DecoupledClassifier()),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        NoHarmSelector(candidates, random_state=0).fit(X, y, sensitive_features=s)
        whole = time.perf_counter() - start
        start = time.perf_counter()
        folds = np.arange(len(y)) % 5
        for fold in [*range(5), -1]:
            rows = np.flatnonzero(folds != fold)
            for _, model in candidates:
                given = {"sensitive_features": s.iloc[rows]} if hasattr(model, "predict_by_group") else {}
                clone(model).fit(X[rows], y[rows], **given)
        fits = time.perf_counter() - start
    print(
        f"6 groups, 2 candidates, Adult: {whole:.1f} s, {whole / fits:.2f} times the fits alone (asked: at most 1.3)"
    )
    rng = np.random.default_rng(0)
    n, k = 200_000, 10_000
    y, groups = rng.integers(0, 2, n), rng.integers(0, k, n)
    answers = {f"m{i}": np.where(rng.random(n) < 0.1, 1 - y, y) for i in range(5)}
    for kind in ("certified", "release", "shrunk"):
        start = time.perf_counter()
        NoHarmSelector.from_predictions(y, answers, sensitive_features=groups, guarantee=kind)
        print(f"10,000 groups, 4 candidates, {kind}: {time.perf_counter() - start:.1f} s (asked: below 3)")


def main() -> None:
    wanted = sys.argv[1:] or ["protection", "classifiers", "repeats", "stacking", "time", "data"]
    if "protection" in wanted:
        print(protection().round(1).to_string())
        print(passed_on().round(1).to_string())
    if "classifiers" in wanted:
        print(classifiers().round(2).to_string())
    if "repeats" in wanted:
        print(repeats().round(1).to_string())
    if "stacking" in wanted:
        stacking()
    if "time" in wanted:
        duration()
    if "data" in wanted:
        data(*wanted[wanted.index("data") + 1 :][:1])


if __name__ == "__main__":
    main()
