"""Preference metrics: whether each group does at least as well as with the pooled, or another group's, classifier."""

from ._alarms import alarm_frame
from ._calibration import CalibrationFrame
from ._compare import FrameComparison, compare
from ._core._groups import pack_predictions
from ._core._pinball import PinballLoss
from ._costs import MisclassificationCost
from ._derived import envy_gain_group_min, negative_flip_rate_group_max, rationality_gain_group_min
from ._equalized_odds import differential_equalized_odds, differential_equalized_odds_by_cell
from ._functions import (
    disagreement_rate,
    envy_gain,
    fairness_without_harm_rate,
    negative_flip_rate,
    positive_flip_rate,
    rationality_gain,
    strict_preference_rate,
)
from ._harmed_subgroup import find_harmed_subgroup
from ._metric_gains import MetricGains, metric_gain
from ._monitor import PreferenceMonitor
from ._partial_groups import PartialGains, bound_group_gains
from ._preference_frame import PreferenceFrame
from ._ranking import RankingFrame
from ._rule import keep_own_classifier
from ._samples import SampleComparison, compare_samples
from ._scorer import make_group_scorer

__all__ = [
    "CalibrationFrame",
    "FrameComparison",
    "MetricGains",
    "MisclassificationCost",
    "PartialGains",
    "PinballLoss",
    "PreferenceFrame",
    "PreferenceMonitor",
    "RankingFrame",
    "SampleComparison",
    "alarm_frame",
    "bound_group_gains",
    "compare",
    "compare_samples",
    "differential_equalized_odds",
    "differential_equalized_odds_by_cell",
    "disagreement_rate",
    "envy_gain",
    "envy_gain_group_min",
    "fairness_without_harm_rate",
    "find_harmed_subgroup",
    "keep_own_classifier",
    "make_group_scorer",
    "metric_gain",
    "negative_flip_rate",
    "negative_flip_rate_group_max",
    "pack_predictions",
    "positive_flip_rate",
    "rationality_gain",
    "rationality_gain_group_min",
    "strict_preference_rate",
]
