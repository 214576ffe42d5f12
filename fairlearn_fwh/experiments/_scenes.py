"""Three scenes of the demo: harm that is found, a choice that rules it out, and a question that stays undecided."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from fairlearn.postprocessing import ThresholdOptimizer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from ..datasets import default_preprocessor, fetch_adult, make_intersectional
from ..exceptions import DatasetNotFoundError
from ..inprocessing import DAFHClassifier
from ..metrics import PreferenceFrame
from ..postprocessing import NoHarmSelector

#: What people are called where they are real.
ADULT = "Adult"

#: Level of all tests, and the loss that counts as none.
ALPHA, TOLERANCE = 0.05, 0.02

#: People who are too few for the third scene's question.
_FEW = 60

#: What each word means.
_LESSONS = {
    "harm found": "Harm found: a group does significantly worse than with the classifier that it had. Parity says nothing of it.",
    "ruled out": "Ruled out: with confidence no group loses more than the tolerance. That no harm was found would not say so.",
    "undecided": "Undecided: too few people to tell. It is an answer of its own, and `frame.power` says how many it takes.",
}


@dataclass(frozen=True)
class Scene:
    """One question and its answer.

    Attributes
    ----------
    word : str
        What was seen: "harm found", "ruled out" or "undecided".
    question, answer, lesson : str
    frame : PreferenceFrame
        What the answer and the picture are made of.
    next_step : str
        A command.
    """

    word: str
    question: str
    answer: str
    lesson: str
    frame: PreferenceFrame
    next_step: str


@dataclass(frozen=True)
class People:
    """Features, labels and a group of people, split for fitting and for testing."""

    name: str
    X: np.ndarray
    X_test: np.ndarray
    y: np.ndarray
    y_test: np.ndarray
    group: np.ndarray
    group_test: np.ndarray


def find_people(data_home: Any, *, download: bool) -> People:
    """Take Adult by sex where it can be had, else people who are generated so that parity levels down."""
    try:
        adult = fetch_adult(data_home=data_home, download_if_missing=download)
    except DatasetNotFoundError:
        return _split("generated people", *_levelled_down())
    features = default_preprocessor(adult.data).fit_transform(adult.data)
    return _split(
        "Adult", features, adult.target.to_numpy(), adult.sensitive_features["sex"].to_numpy(dtype=object)
    )


def _split(name: str, X: np.ndarray, y: np.ndarray, group: np.ndarray) -> People:
    parts = train_test_split(X, y, group, test_size=1 / 3, random_state=0)
    return People(name, *(np.asarray(part) for part in parts))


def _levelled_down(n: int = 12_000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two groups with different shares of positives, so that equal rates cost the one with fewer; a part of the rule is beyond a linear model."""
    rng = np.random.default_rng(0)
    group, X = rng.choice(["a", "b"], n), rng.standard_normal((n, 2))
    log_odds = np.where(group == "a", 1.0, -2.5) + 2.5 * X[:, 0] + 1.0 * (X[:, 1] ** 2 - 1)
    return X, (rng.random(n) < 1 / (1 + np.exp(-log_odds))).astype(int), group


def scenes(
    data_home: Any = None, *, download: bool = False, report: Callable[[str], None] | None = None
) -> Iterator[Scene]:
    """Play the scenes.

    Parameters
    ----------
    data_home : path-like, optional
    download : bool
        Whether Adult may be downloaded.
    report : callable (str), optional
        Told what is being fitted.

    Yields
    ------
    Scene
    """
    tell = report or (lambda what: None)
    tell("people")
    people = find_people(data_home, download=download)
    tell("pooled classifier")
    pooled = LogisticRegression(max_iter=2000).fit(people.X, people.y)
    yield _harm(people, pooled, tell)
    yield _choice(people, pooled, tell)
    yield _nobody_named(tell)


def _frame(people: People, pooled: Any, answers: np.ndarray) -> PreferenceFrame:
    return PreferenceFrame(
        y_true=people.y_test,
        y_pred=answers,
        y_pred_pooled=pooled.predict(people.X_test),
        sensitive_features=pd.Series(people.group_test, name="group"),
    )


def _harm(people: People, pooled: Any, tell: Callable[[str], None]) -> Scene:
    tell("ThresholdOptimizer")
    model = ThresholdOptimizer(estimator=pooled, prefit=True, predict_method="predict_proba")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        model.fit(people.X, people.y, sensitive_features=people.group)
    answers = np.asarray(model.predict(people.X_test, sensitive_features=people.group_test, random_state=0))
    frame = _frame(people, pooled, answers)
    harmed = frame.violations(alpha=ALPHA, claims="rationality")
    pairs = zip(harmed["group"].tolist(), harmed["gain"].tolist(), strict=True)
    losses = ", ".join(f"{group} {100 * gain:+.1f} points of accuracy" for group, gain in pairs)
    sure = f"{100 * (1 - ALPHA):g} % confidence, for all groups together."
    found = f"Harm found: {losses}. With {sure}"
    not_found = "No harm found on these people; that does not rule it out."
    word = "harm found" if len(harmed) else "undecided"
    return Scene(
        word,
        f"On {people.name} fairlearn's ThresholdOptimizer makes selection rates equal. Does anybody pay for it?",
        found if len(harmed) else not_found,
        _LESSONS[word],
        frame,
        "fairlearn-fwh mitigators adult --attribute sex"
        if people.name == ADULT
        else "fairlearn-fwh mitigators diabetes",
    )


def _choice(people: People, pooled: Any, tell: Callable[[str], None]) -> Scene:
    tell("NoHarmSelector")
    boosting = HistGradientBoostingClassifier(max_iter=60, random_state=0)
    selector = NoHarmSelector(
        [("pooled", LogisticRegression(max_iter=2000)), ("boosting", boosting)], tolerance=TOLERANCE, cross_fit=3, random_state=0
    ).fit(people.X, people.y, sensitive_features=people.group)  # fmt: skip
    frame = _frame(people, pooled, selector.predict(people.X_test, sensitive_features=people.group_test))
    kept = selector.selection_table_.loc[lambda table: table["choice"] != "pooled", "group"]
    certified = frame.certify(tolerance=TOLERANCE, alpha=ALPHA)["certified"].all()
    gain = 100 * float(frame.overall.to_dict()["rationality_gain"])
    word = "ruled out" if certified else "undecided"
    outcome = "is" if certified else "is not"
    return Scene(
        word,
        "Gradient boosting is a better model. May it replace the old one for every group?",
        f"It is kept for {', '.join(map(str, kept)) or 'nobody'}; a loss of more than {100 * TOLERANCE:g} points {outcome} ruled out on people who are new to it. Overall {gain:+.1f} points. The price: {100 * TOLERANCE:g} points "
        "of tolerance, and people set aside for the test.",
        _LESSONS[word],
        frame,
        "fairlearn-fwh audit --help",
    )


def _nobody_named(tell: Callable[[str], None]) -> Scene:
    tell("DAFH")
    bunch = make_intersectional(6000, random_state=0)
    X, X_test, y, y_test, hidden, hidden_test = train_test_split(
        bunch.data, bunch.target, bunch.sensitive_features, test_size=1 / 3, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = DAFHClassifier(n_groups=4, random_state=0).fit(X, y)
    answers, pooled = model.predict(X_test), model.pooled_estimator_.predict(X_test)
    given = {"y_true": y_test.to_numpy(), "y_pred": answers, "y_pred_pooled": pooled}
    everybody = PreferenceFrame(**given, sensitive_features=hidden_test)
    few = {name: values[:_FEW] for name, values in given.items()}
    sample = PreferenceFrame(**few, sensitive_features=hidden_test.iloc[:_FEW])
    gain = 100 * float(everybody.overall.to_dict()["rationality_gain"])
    n_certified, n_of_few = (
        int(frame.certify(tolerance=TOLERANCE, alpha=ALPHA)["certified"].sum())
        for frame in (everybody, sample)
    )
    n = len(everybody.by_group)
    return Scene(
        "undecided",
        "Generated people follow four rules, and nobody says who follows which. DAFH learns groups from features alone. Is everybody served well?",
        f"{gain:+.1f} points overall. Of the {n} hidden groups {n_certified} are certified (no loss of more than {100 * TOLERANCE:g} points) with {len(answers):,} people, and {n_of_few} with the {_FEW} of the picture: for the others harm is neither found nor ruled out.",
        _LESSONS["undecided"],
        sample,
        "jupyter lab notebooks/03_dafh.ipynb (after pip install jupyterlab)",
    )
