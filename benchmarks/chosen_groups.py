"""DAFH without fallback on Bank, with K = 2, 3 or 4 chosen on validation rows, against pooled (aim: an interval above 0)."""

import sys
from typing import Any

from fairlearn_fwh.exceptions import DatasetNotFoundError
from fairlearn_fwh.experiments._dafh._paper_table4 import measure_methods, summarize_table4
from fairlearn_fwh.experiments._data import PAPER_DATA, Split
from fairlearn_fwh.experiments._methods import converged_model, dafh_chosen, pooled
from fairlearn_fwh.experiments._runs import run_splits


def task(name: str, seed: int, split: Split) -> list[dict[str, Any]]:
    estimator = converged_model()
    choices = [{"n_groups": k, "fallback": None} for k in (2, 3, 4)]
    methods = {"pooled": pooled(estimator), "DAFH, K chosen": dafh_chosen(choices, estimator)}
    return measure_methods(methods, split, seed)


def main(n_splits: int = 20) -> None:
    try:
        runs = run_splits(task, PAPER_DATA, ["bank"], n_splits=n_splits)
    except DatasetNotFoundError as error:
        print(f"K chosen on Bank is skipped: {error}")
        return
    row = summarize_table4(runs).set_index("method").loc["DAFH, K chosen"]
    print(
        f"DAFH, K chosen, Bank, {n_splits} splits: gain {100 * row['gain']:+.3f} points (corrected 95 % interval "
        f"{100 * row['gain_lower']:+.3f} to {100 * row['gain_upper']:+.3f}), splits with a harmed group: {row['splits_with_harm']}",
        flush=True,
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
