"""Asks OxonFair."""

from _answering import answer
from oxonfair import performance


def ask(table):
    found = {
        model: performance.evaluate_fairness(
            table["y"].to_numpy(), table[model].to_numpy(), table["group"].to_numpy()
        )
        for model in ("new", "old")
    }
    names = ("Statistical Parity", "Equalized Odds", "Average Group Difference in Accuracy")
    return [f"{n.lower()} {found['new'][n]:.3f} (old model {found['old'][n]:.3f})" for n in names], []


answer(ask)
