"""Fairness from a related task: pairs, objectives, and what their tables say."""

import numpy as np
import pandas as pd
import pytest

from fairlearn_fwh.experiments._transfer import _objectives, _real
from fairlearn_fwh.experiments._transfer import _sensitivity as _transfer_sensitivity
from fairlearn_fwh.experiments._transfer import _synthetic as _transfer_synthetic
from fairlearn_fwh.experiments._transfer._data import PAIRS, draw_people
from fairlearn_fwh.inprocessing import MultiTaskTransferClassifier


def split_of(name, real_data, seed=0):
    spec = PAIRS[name]
    return spec.split(spec.load(real_data), spec.attribute, test_size=0.25, random_state=seed)


@pytest.mark.long
def test_tasks_of_adult_are_about_other_people(real_data):
    split = split_of("adult-intersectional", real_data)
    assert len(split.X) == len(split.auxiliary[0]) == 6000
    rows = [set(map(tuple, np.round(X, 6))) for X in (split.X, split.auxiliary[0])]
    assert split.X.shape[1] == split.auxiliary[0].shape[1]
    assert len(rows[0] & rows[1]) < 0.5 * len(rows[0])  # there are people with the same features
    assert set(split.known) == {"Male", "Female"}
    assert "White" in set(split.auxiliary[2])
    assert "Female x White" in set(split.groups)
    assert not any(split.groups_test.index.isin(split.groups.index))


def test_an_auxiliary_of_other_features_brings_its_input(real_data):
    split = split_of("german-bank", real_data)
    assert split.X.shape[1] != split.auxiliary[0].shape[1]
    assert set(split.input_modules) == {"target", "auxiliary"}
    again = split_of("german-bank", real_data)
    assert all(
        (split.input_modules[name].weight == again.input_modules[name].weight).all()
        for name in again.input_modules
    )
    assert "fine-tuning" not in _real._methods(split)
    assert "MTL-inter" not in _real._methods(split)


def test_figures_are_against_the_single_task(real_data):
    split = split_of("arrest-violent", real_data)
    rng = np.random.default_rng(0)
    alone = split.y_test.copy()
    worse = np.where(rng.random(len(alone)) < 0.2, 1 - alone, alone)
    figures = _real.figures_of(split, worse, alone)
    large = split.groups_test.value_counts()
    shown = [g for g in large.index if large[g] >= _real.SMALLEST_SHOWN]
    losses = [(worse != alone)[(split.groups_test == g).to_numpy()].mean() for g in shown]
    assert figures["worst_gain"] == pytest.approx(-max(losses))
    assert figures["harmed"] >= len(shown)
    assert _real.figures_of(split, alone, alone) == {
        "macro_f1": 1.0, "epsilon": pytest.approx(_real.figures_of(split, alone, alone)["epsilon"]), "worst_gain": 0.0, "harmed": 0,
    }  # fmt: skip


def test_a_fair_encoder_is_taken_over_by_fine_tuning():
    rng = np.random.default_rng(0)
    people = draw_people(600, rng)
    model = MultiTaskTransferClassifier(max_epochs=3, random_state=0).fit(people.X, people.y)
    encoder = _objectives._encoder_of(model)
    network = model._networks["target"]
    inputs = next(iter(model._inputs["target"].batches(people.X)))
    import torch

    representation = encoder(torch.as_tensor(inputs)).detach().numpy()
    scores = representation @ network.coefs[-1] + network.intercepts[-1]
    assert scores == pytest.approx(network(inputs), abs=1e-4)


def test_generated_people_are_what_they_are_said_to_be():
    people = draw_people(50_000, np.random.default_rng(0), signal=2.0, similarity=0.6)
    shift = people.X[people.a == 1].mean(axis=0) - people.X[people.a == 0].mean(axis=0)
    assert shift[1] == pytest.approx(1.2, abs=0.05)
    assert shift[4] == pytest.approx(1.6, abs=0.05)
    assert people.y[people.a == 1].mean() == pytest.approx(0.75, abs=0.01)
    given = people.X[people.y == 1, 0].mean() - people.X[people.y == 0, 0].mean()
    assert given == pytest.approx(2.0, abs=0.05)
    two = draw_people(50_000, np.random.default_rng(0), two=True)
    rates = [two.y[(two.a == a) & (two.b == b)].mean() for a in (0, 1) for b in (0, 1)]
    assert rates == pytest.approx([0.25, 0.5, 0.5, 0.75], abs=0.02)


def test_success_is_a_third_less_at_little_cost():
    rows = [
        {"split": split, "setting": "one attribute", "variant": variant, "epsilon": epsilon, "epsilon_auxiliary": 1.0, "macro_f1": f1}
        for split in (0, 1)
        for variant, epsilon, f1 in (
            (_transfer_synthetic.BASE, 0.9, 0.8), ("fair", 0.5, 0.79), ("dear", 0.1, 0.7), ("idle", 0.7, 0.8),
        )
    ]  # fmt: skip
    text = _transfer_synthetic.transfer_synthetic_markdown(pd.DataFrame(rows))
    assert "| fair | 0.50 | 1.00 | 79.00 | -0.40 (-0.40 to -0.40) | 2 of 2 |" in text
    assert "| dear | 0.10 | 1.00 | 70.00 | -0.80 (-0.80 to -0.80) | 0 of 2 |" in text
    assert "| idle | 0.70 | 1.00 | 80.00 | -0.20 (-0.20 to -0.20) | 0 of 2 |" in text


def test_the_grid_is_the_change_of_epsilon():
    rows = [
        {"split": 0, "setting": "pair", "similarity": s, "signal": g, "base_epsilon": 1.0, "epsilon": 1 - s / 2, "macro_f1": 0.8}
        for s in (0.0, 1.0)
        for g in (0.0, 1.2)
    ]  # fmt: skip
    grid = _transfer_sensitivity._grid(pd.DataFrame(rows))
    assert grid.index.tolist() == [1.0, 0.0]
    assert grid.loc[1.0].tolist() == pytest.approx([-0.5, -0.5])
