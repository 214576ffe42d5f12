"""What the candidates of a selector are given in fit, where scikit-learn routes metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn import get_config
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing

from ..decoupling import DecoupledClassifier


def is_list_of_candidates(estimator: Any) -> bool:
    """Whether an estimator is given as names and classifiers: ``[("pooled", a), ("boosting", b)]``."""
    return isinstance(estimator, list | tuple) and any(
        isinstance(entry, tuple | list) and len(entry) > 0 and isinstance(entry[0], str)
        for entry in estimator
    )


def inner_estimators(estimator: Any) -> dict[str, Any]:
    """Estimators that are asked for their requests, by name; pairs are given what their methods take."""
    if is_list_of_candidates(estimator):
        return dict(estimator)
    if isinstance(estimator, list | tuple):
        return {}
    if estimator is None:
        default = DecoupledClassifier()
        routes = get_config()["enable_metadata_routing"]
        return {"estimator": default.set_fit_request(sample_weight=True) if routes else default}
    return {"estimator": estimator}


def router_of(owner: Any) -> MetadataRouter:
    """Say which metadata of `fit` go to the owner, and which to the estimators inside."""
    router = MetadataRouter(owner=type(owner).__name__).add_self_request(owner)
    mapping = MethodMapping().add(caller="fit", callee="fit")
    for name, estimator in inner_estimators(owner.estimator).items():
        router.add(method_mapping=mapping, **{name: estimator})
    return router


def route_to_candidates(
    owner: Any, sensitive_features: Any, sample_weight: Any
) -> Mapping[str, set[str]] | None:
    """Names of the metadata that each inner estimator requests; None where nothing is routed, and each is given what it takes.

    Raises
    ------
    UnsetMetadataPassedError
        As scikit-learn's meta-estimators, if an inner estimator does not say whether it wants what was given.
    """
    inner = inner_estimators(owner.estimator)
    if not get_config()["enable_metadata_routing"] or owner.prefit or not inner:
        return None
    given = {"sensitive_features": sensitive_features, "sample_weight": sample_weight}
    routed = process_routing(
        owner, "fit", **{name: value for name, value in given.items() if value is not None}
    )
    return {name: set(routed[name]["fit"]) for name in inner}
