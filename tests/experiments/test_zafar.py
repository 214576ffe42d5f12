import numpy as np
import pandas as pd

from fairlearn_fwh.experiments._zafar._preferred_treatment import run_zafar, zafar_markdown


def test_the_published_numbers_come_out_within_three_points():
    table = run_zafar()
    for column in ("accuracy", "accepted_0", "accepted_1", "accepted_0_swapped", "accepted_1_swapped"):
        difference = (table[column] - table[f"{column}_paper"]).abs()
        assert (difference.dropna() <= 0.03).all(), column
    assert table["accuracy"].notna().all()


def test_the_preference_holds_in_other_draws():
    for seed in (0, 1):
        table = run_zafar(seed)
        both = table.loc["preferred treatment and impact"]
        assert both["accepted_0"] >= both["accepted_0_swapped"] - 0.03
        assert both["accepted_1"] >= both["accepted_1_swapped"] - 0.03
        assert table.loc["unconstrained", "accuracy"] > both["accuracy"] > table.loc["parity", "accuracy"]


def test_the_text_shows_both_numbers_and_the_spread():
    table = run_zafar()
    text = zafar_markdown(table, pd.concat({0: table, 1: table}, names=["seed"]))
    assert "0.558 (0.558)" in text
    assert "± 0.000" in text
    assert "over 2 other draws" in text
    largest = max(
        np.nanmax((table[c] - table[f"{c}_paper"]).abs()) for c in table.columns if not c.endswith("_paper")
    )
    assert f"largest difference {largest:.3f}" in text
