"""Guards around fairlearn's mitigators where they behave otherwise than one would guess; ``docs/traps.md`` lists what they do."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from fairlearn.postprocessing import ThresholdOptimizer
from sklearn.pipeline import Pipeline

from ..metrics._core._groups import Groups, as_tuple


def _end(model: Any) -> Any:
    return model.steps[-1][1] if isinstance(model, Pipeline) else model


def unknown_groups(model: Any, groups: Groups) -> list[Any]:
    """Labels of the groups that a fitted mitigator does not know, and would answer in silence.

    Raises
    ------
    ValueError
        If it knows none, or one that is spelled alike but is of another type.
    """
    final = _end(model)
    if not isinstance(final, ThresholdOptimizer):
        return []
    known = list(final.interpolated_thresholder_.interpolation_dict)
    unknown = [label for label in groups.labels if not any(_key(label) == key for key in known)]
    alike = {_spelled(key) for key in known}
    mistaken = [label for label in unknown if _spelled(_key(label)) in alike]
    if mistaken or (unknown and len(unknown) == len(groups.labels)):
        raise ValueError(
            f"ThresholdOptimizer was fitted with the groups {known[:5]!r} and does not know {(mistaken or unknown)[:5]!r}: it would answer 0 to everybody in them. "
            "Give sensitive_features in the types of its fit (integers, floats, text), columns in the same order."
        )
    return unknown


def _key(label: Any) -> Any:
    """What fairlearn calls a group: several values are joined as text."""
    values = as_tuple(label)
    if len(values) == 1:
        return values[0]
    return ",".join(str(value).replace("\\", "\\\\").replace(",", "\\,") for value in values)


def _spelled(key: Any) -> str:
    """A key without what a type adds to its spelling."""
    parts = str(key).split(",")
    return ",".join(part.removesuffix(".0").casefold() for part in parts)


@contextmanager
def fitting(model: Any) -> Iterator[None]:
    """Let a mitigator be fitted: torch's random numbers stay as they are, and its errors say what to do.

    Raises
    ------
    ValueError
        If a group has one label, which `ThresholdOptimizer` refuses.
    """
    with _torch_random_numbers_kept(model):
        try:
            yield
        except ValueError as error:
            if not isinstance(_end(model), ThresholdOptimizer) or "Degenerate labels" not in str(error):
                raise
            raise ValueError(
                f"ThresholdOptimizer cannot be fitted where a group has one label only ({error}). Merge small groups; with cross_fit every group "
                "needs people of both labels in each fold."
            ) from error


@contextmanager
def _torch_random_numbers_kept(model: Any) -> Iterator[None]:
    """Fairlearn's adversarial mitigators seed torch with 0 for the whole process, whatever their `random_state`."""
    torch = sys.modules.get("torch")
    if torch is None or not type(_end(model)).__module__.startswith("fairlearn.adversarial"):
        yield
        return
    state = torch.random.get_rng_state()
    try:
        yield
    finally:
        torch.random.set_rng_state(state)


@contextmanager
def predicting(model: Any) -> Iterator[None]:
    """Let a mitigator predict; its errors say what to do.

    Raises
    ------
    TypeError
        If scores are short floats, which `ThresholdOptimizer` cannot put beside its probabilities with pandas 3.
    """
    try:
        yield
    except TypeError as error:
        if not isinstance(_end(model), ThresholdOptimizer) or "Invalid value" not in str(error):
            raise
        raise TypeError(
            "ThresholdOptimizer cannot use scores of 32-bit floats with pandas 3: its estimator must give 64-bit ones. Wrap it in a class whose "
            "predict_proba (or decision_function) ends in .astype(float)."
        ) from error


def why_skops_cannot_write(values: Sequence[tuple[str, Any]]) -> str:
    """Name a part of an estimator that skops cannot write; empty if none is found.

    Parameters
    ----------
    values : sequence of (str, object)
        Attributes by name.
    """
    for name, value in values:
        if type(value).__module__.partition(".")[0] == "fairlearn":
            return f"{name} is {type(value).__name__} of fairlearn, which holds tables of pandas"
        inner: list[tuple[str, Any]] = []
        if isinstance(value, dict):
            inner = [(f"{name}[{key!r}]", item) for key, item in value.items()]
        elif isinstance(value, list | tuple):
            inner = [(f"{name}[{i}]", item) for i, item in enumerate(value)]
        elif hasattr(value, "get_params") and not isinstance(value, type):
            inner = [(f"{name}.{key}", item) for key, item in vars(value).items()]
        if found := why_skops_cannot_write(inner):
            return found
    return ""


def refuse_skops(state: dict[str, Any]) -> None:
    """Raise TypeError if skops asks for the state of an estimator that it cannot write; its own error names neither part nor remedy."""
    if "skops" not in sys.modules or not _asked_by_skops():
        return
    if reason := why_skops_cannot_write(list(state.items())):
        raise TypeError(
            f"skops cannot write this estimator: {reason}. Use joblib.dump, and load such files only from people whom you trust."
        )


def _asked_by_skops() -> bool:
    frame = sys._getframe(1)
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith("skops.io"):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
