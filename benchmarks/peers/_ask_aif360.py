"""Asks AIF360; it knows two groups, so that the largest one stands against all others."""

import logging

logging.disable(logging.WARNING)
from _answering import answer  # noqa: E402
from aif360.datasets import BinaryLabelDataset  # noqa: E402
from aif360.metrics import ClassificationMetric  # noqa: E402


def ask(table):
    largest = table["group"].value_counts().index[0]
    frame = table[["y"]].astype(float).assign(group=(table["group"] == largest).astype(float))

    def metric(model):
        truth = BinaryLabelDataset(df=frame, label_names=["y"], protected_attribute_names=["group"])
        predicted = truth.copy(deepcopy=True)
        predicted.labels = table[[model]].to_numpy(float)
        return ClassificationMetric(
            truth, predicted, unprivileged_groups=[{"group": 0.0}], privileged_groups=[{"group": 1.0}]
        )

    new, old = metric("new"), metric("old")
    says = [
        f"{name.replace('_', ' ')} {getattr(new, name)():.3f} (old model {getattr(old, name)():.3f})"
        for name in ("statistical_parity_difference", "average_odds_difference", "error_rate_difference")
    ]
    return says, []


answer(ask)
