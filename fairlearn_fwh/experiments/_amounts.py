"""Amounts on real rows, and the regressors that are compared on them."""

from __future__ import annotations

from typing import Any

from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression

from ..datasets import fetch_adult, load_diabetes_progression
from ..decoupling import DecoupledRegressor
from ..postprocessing import NoHarmSelector
from ..reductions import NoHarmReduction
from ._data import DataSpec, Split
from ._methods import FIRST_TO_TRY, Answers, Method, _ask, _quietly_fit, pooled, pooled_with_attribute


def _hours(home: Any, **more: Any) -> Any:
    """Hours that people of Adult work in a week, from all else that is known of them but what they earn."""
    bunch = fetch_adult(data_home=home, **more)
    hours = bunch.data["hours-per-week"].astype(float)
    bunch.data, bunch.target = bunch.data.drop(columns="hours-per-week"), hours
    return bunch


#: Amounts: what an absolute error is at most.
AMOUNTS = {
    "progression": DataSpec(
        lambda home: load_diabetes_progression(target="amount"), "sex", loss="absolute", loss_limit=200.0
    ),
    "hours": DataSpec(_hours, "sex", loss="absolute", loss_limit=50.0),
}


def chosen(make: Any) -> Method:
    """A selector of regressors by known groups, with a guarantee."""

    def run(split: Split, seed: int) -> Answers:
        model = _quietly_fit(make(seed), split, sensitive_features=split.attribute)
        return _ask(model, split, split.attribute_test)

    return run


def reduced(loss: str) -> Method:
    """One regressor within the pooled one's loss in every group."""

    def run(split: Split, seed: int) -> Answers:
        model = NoHarmReduction(
            LinearRegression(), loss=loss, tolerance=0.02 * float(abs(split.y).mean()), random_state=seed
        )
        return Answers(model.fit(split.X, split.y, sensitive_features=split.attribute).predict(split.X_test))

    return run


def compared_regressors(loss: str, loss_limit: float) -> dict[str, Method]:
    """Make the methods of `compare_methods` for amounts."""
    estimator = LinearRegression()
    boosting = HistGradientBoostingRegressor(random_state=0)
    judged: dict[str, Any] = {"scoring": loss, "loss_limit": loss_limit}
    return {
        "pooled": pooled(estimator),
        FIRST_TO_TRY[0]: pooled_with_attribute(estimator),
        FIRST_TO_TRY[1]: pooled(boosting),
        "trivial partition": chosen(lambda seed: DecoupledRegressor(estimator, random_state=seed)),
        "own, certified": chosen(
            lambda seed: NoHarmSelector(DecoupledRegressor(estimator), **judged, random_state=seed)
        ),
        "boosting, certified": chosen(
            lambda seed: NoHarmSelector(
                [("pooled", estimator), ("boosting", boosting)], **judged, random_state=seed
            )
        ),
        "bounded by group": reduced("squared"),
    }
