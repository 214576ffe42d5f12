"""Preference metrics of the worst-off group, made by fairlearn from the functions of this package.

Each takes ``(y_true, y_pred, *, sensitive_features, ...)`` with the function's own parameters; predictions of all
group classifiers go through `pack_predictions`.
"""

import inspect
from collections.abc import Callable
from typing import Any

from fairlearn.metrics import make_derived_metric

from ._functions import envy_gain, negative_flip_rate, rationality_gain


def _of_groups(metric: Callable[..., float], transform: str, *sample_params: str) -> Any:
    """Derive a metric, and let its signature name the parameters that fairlearn's hides."""
    derived = make_derived_metric(metric=metric, transform=transform, sample_param_names=list(sample_params))
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        *(inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in ("y_true", "y_pred")),
        inspect.Parameter("sensitive_features", keyword),
        *(p for name, p in inspect.signature(metric).parameters.items() if p.kind is keyword),
    ]
    derived.__signature__ = inspect.Signature(parameters, return_annotation=float)
    return derived


#: Smallest rationality gain of a group; negative if and only if some group is harmed.
rationality_gain_group_min = _of_groups(rationality_gain, "group_min", "y_pred_pooled", "sample_weight")

#: Smallest envy gain of a group; negative if and only if some group envies another.
envy_gain_group_min = _of_groups(envy_gain, "group_min", "y_pred_by_group", "groups", "sample_weight")

#: Largest share of a group whose members lose more than by the pooled classifier.
negative_flip_rate_group_max = _of_groups(negative_flip_rate, "group_max", "y_pred_pooled", "sample_weight")
