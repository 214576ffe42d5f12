"""Asks this package."""

import pandas as pd
from _answering import answer

from fairlearn_fwh.metrics import PreferenceFrame


def ask(table: pd.DataFrame) -> tuple[list[str], list[str]]:
    frame = PreferenceFrame(
        y_true=table["y"],
        y_pred=table["new"],
        y_pred_pooled=table["old"],
        sensitive_features=table["group"],
        units=table.get("unit", None),
        loss={"error": "zero_one", "missed": "missed"},
    )
    harmed = frame.violations(alpha=0.05)
    says = [f"{row.group} loses {-100 * row.gain:.1f} points ({row.loss})" for row in harmed.itertuples()]
    return says or ["no harm found"], sorted(set(harmed["group"]))


answer(ask)
