"""Preference metrics of the worst-off group, made by fairlearn from the functions of this package.

Each takes ``(y_true, y_pred, *, sensitive_features, ...)`` with the function's own parameters; predictions of all
group classifiers go through `pack_predictions`.
"""

from fairlearn.metrics import make_derived_metric

from ._functions import envy_gain, negative_flip_rate, rationality_gain

#: Smallest rationality gain of a group; negative if and only if some group is harmed.
rationality_gain_group_min = make_derived_metric(
    metric=rationality_gain, transform="group_min", sample_param_names=["y_pred_pooled", "sample_weight"]
)

#: Smallest envy gain of a group; negative if and only if some group envies another.
envy_gain_group_min = make_derived_metric(
    metric=envy_gain, transform="group_min", sample_param_names=["y_pred_by_group", "groups", "sample_weight"]
)

#: Largest share of a group whose members lose more than by the pooled classifier.
negative_flip_rate_group_max = make_derived_metric(
    metric=negative_flip_rate, transform="group_max", sample_param_names=["y_pred_pooled", "sample_weight"]
)
