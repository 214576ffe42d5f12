"""Scenes of the demo: the lesson follows what was seen."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from fairlearn_fwh.experiments import _scenes


def _people(n, *, levelled_down):
    X, y, group = _scenes._levelled_down(n)
    if not levelled_down:
        group = np.random.default_rng(1).choice(["a", "b"], n)
    return _scenes._split("people", X, y, group)


@pytest.mark.parametrize(("levelled_down", "word"), [(True, "harm found"), (False, "undecided")])
def test_harm_is_said_only_where_it_is_found(levelled_down, word):
    people = _people(12_000, levelled_down=levelled_down)
    scene = _scenes._harm(people, LogisticRegression().fit(people.X, people.y), lambda what: None)
    assert scene.word == word
    assert scene.lesson.lower().startswith(word)
    assert scene.answer.startswith("Harm found: " if levelled_down else "No harm found")


@pytest.mark.parametrize(("n", "word"), [(12_000, "ruled out"), (150, "undecided")])
def test_ruled_out_is_said_only_where_it_is(n, word):
    people = _people(n, levelled_down=True)
    scene = _scenes._choice(people, LogisticRegression().fit(people.X, people.y), lambda what: None)
    assert scene.word == word
    assert scene.lesson.lower().startswith(word)
