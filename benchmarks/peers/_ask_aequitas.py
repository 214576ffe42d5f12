"""Asks aequitas, with the largest group as reference and its own limits of fairness."""

from _answering import answer
from aequitas.bias import Bias
from aequitas.fairness import Fairness
from aequitas.group import Group


def ask(table):
    def judged(model):
        frame = table[["y", model, "group"]].rename(columns={"y": "label_value", model: "score"})
        crosstab, _ = Group().get_crosstabs(frame, attr_cols=["group"])
        disparities = Bias().get_disparity_major_group(crosstab, original_df=frame, alpha=0.05)
        return Fairness().get_group_value_fairness(disparities)

    new, old = judged("new"), judged("old")
    columns = [name for name in ("Statistical Parity", "FNR Parity", "FPR Parity") if name in new]
    overall = Fairness().get_overall_fairness(new)["Overall Fairness"]
    unfair = {
        str(row["attribute_value"]): [name for name in columns if not row[name]] for _, row in new.iterrows()
    }
    before = {
        str(row["attribute_value"]): [name for name in columns if not row[name]] for _, row in old.iterrows()
    }
    says = [f"overall fairness {bool(overall)}"]
    says += [f"{group}: no {', '.join(names)}" for group, names in unfair.items() if names]
    says += [f"of the old model, {group}: no {', '.join(names)}" for group, names in before.items() if names]
    return says, []


answer(ask)
