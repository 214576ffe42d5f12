"""Selective demographic experts on random splits."""

import numpy as np
import pandas as pd
import pytest

from fairlearn_fwh.experiments._fairsde import _architectures as _fairsde
from fairlearn_fwh.experiments._fairsde._architectures import fairsde_markdown, run_fairsde, summarize_fairsde


@pytest.fixture(scope="module")
def runs(real_data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            _fairsde,
            "ABLATIONS",
            {
                name: {**weights, "max_epochs": 2, "hidden_layer_sizes": (16,)}
                for name, weights in _fairsde.ABLATIONS.items()
                if name in (_fairsde.EXPERTS, _fairsde.HEADS)
            },
        )
        return run_fairsde(["german"], n_splits=2, data_home=real_data)


@pytest.mark.long
def test_pooled_gains_nothing_and_selected_is_pooled_or_expert(runs):
    assert set(runs["method"]) == {"pooled network", "selected", "experts", "heads alone"}
    assert (runs.loc[runs["method"] == "pooled network", "gain"] == 0).all()
    accuracy = runs.set_index(["split", "group", "method"])["accuracy"].unstack("method")
    chosen = accuracy["selected"]
    assert ((chosen == accuracy["pooled network"]) | (chosen == accuracy["experts"])).all()


def test_summary_averages_splits_and_leaves_small_groups_out(runs):
    summary = summarize_fairsde(runs).set_index(["method", "group"])
    mine = runs[(runs["method"] == "experts") & (runs["group"] == "male")]
    row = summary.loc[("experts", "male")]
    assert row["gain"] == pytest.approx(mine["gain"].mean())
    assert row["lower"] <= row["gain"] <= row["upper"]
    small = runs.assign(n=np.where(runs["group"] == "female", 40, runs["n"]))
    assert "female" not in set(summarize_fairsde(small)["group"])


def test_the_claim_is_answered_as_the_figures_say():
    def runs_of(difference):
        rows = [
            {
                "dataset": "german",
                "split": split,
                "method": method,
                "group": "all",
                "n": 100,
                "accuracy": 0.7 + gain,
            }
            for split, noise in enumerate((0.0, 0.001, -0.001))
            for method, gain in (("experts", difference + noise), ("heads alone", 0.0))
        ]
        return pd.DataFrame(rows)

    assert _fairsde._claim(runs_of(0.1), "german").endswith(": better.")
    assert _fairsde._claim(runs_of(-0.1), "german").endswith(": worse.")
    assert _fairsde._claim(runs_of(0.0), "german").endswith("no difference that could be shown.")
    assert "nothing can be concluded" in _fairsde._claim(runs_of(0.1).query("split == 0"), "german")


def test_table_names_methods_and_groups(runs):
    text = fairsde_markdown(runs)
    assert "| selected | male |" in text
    assert "Experts on a separating representation minus heads alone" in text
