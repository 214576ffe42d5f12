"""Asks vfairness: its report of the new model, and its gate with the old model's figures as the baseline."""

from _answering import answer
from vfairness import FairnessAnalyzer, ModelFairnessGate


def ask(table):
    y, groups = table["y"].to_numpy(), table["group"].to_numpy()
    new, old = (FairnessAnalyzer(y, table[model].to_numpy(), groups) for model in ("new", "old"))
    report, before = new.get_report(), old.get_report()["metrics"]
    decision = ModelFairnessGate(require_improvement=True).evaluate(
        y,
        table["new"].to_numpy(),
        groups,
        baseline_metrics={name: float(v) for name, v in before.items() if v is not None},
    )
    says = [f"fairness score {report.get('fairness_score')}"]
    names = ("demographic_parity_difference", "equalized_odds_difference")
    says += [
        f"{name.replace('_', ' ')} {report['metrics'][name]:.3f} (old model {before[name]:.3f})"
        for name in names
    ]
    says.append(f"gate: {decision.status.value if hasattr(decision, 'status') else decision}")
    return says, []


answer(ask)
