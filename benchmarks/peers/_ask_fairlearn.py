"""Asks fairlearn."""

from _answering import answer
from fairlearn.metrics import MetricFrame, demographic_parity_difference, equalized_odds_difference
from sklearn.metrics import accuracy_score


def ask(table):
    y, groups = table["y"], table["group"]
    frame = MetricFrame(metrics=accuracy_score, y_true=y, y_pred=table["new"], sensitive_features=groups)
    says = [f"accuracy differs by {100 * frame.difference():.1f} points between groups"]
    for name, difference in (
        ("demographic parity difference", demographic_parity_difference),
        ("equalized odds difference", equalized_odds_difference),
    ):
        old, new = (difference(y, table[model], sensitive_features=groups) for model in ("old", "new"))
        says.append(f"{name} {new:.3f} (old model {old:.3f})")
    return says, []


answer(ask)
