"""The one list of all methods. Adapters, experiments, tests and the checks of the documentation read it; to add a method is to add it here."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Kind(Enum):
    """Who knows the groups, and whether people are served by one model or by several."""

    GROUPS = "serves each known group by its classifier"
    LEARNED = "learns the groups, and serves each by its classifier"
    TOLD = "one model, which is told the groups when it is fitted"
    BLIND = "one model, which is never told any groups"
    TASKS = "one model, which is told the groups of a related task"


@dataclass(frozen=True)
class Method:
    """A method, and what there is to know of it without importing it.

    Attributes
    ----------
    name : str
        Its class.
    room : str
        The package from which users import it.
    kind : Kind
    adapter : str
        Its name in `fairlearn_fwh.aif360` and `fairlearn_fwh.aif360.sklearn`; empty for regressors, which AIF360 does not know.
    summary : str
        First line of the adapters' documentation.
    page : str
        Its page among ``docs/methods``, without the ending.
    quick : dict from str to object
        Settings with which it is fitted quickly and well enough for scikit-learn's checks.
    example : dict from str to object
        Settings with which the adapters' examples are run.
    """

    name: str
    room: str
    kind: Kind
    adapter: str
    summary: str
    page: str
    quick: dict[str, Any] = field(default_factory=dict)
    example: dict[str, Any] = field(default_factory=lambda: {"random_state": 0})

    @property
    def learns_in_batches(self) -> bool:
        """Whether it is trained by gradient: it needs torch, and sample weights change the draw of its batches."""
        return self.room == "inprocessing"

    @property
    def routes(self) -> bool:
        """Whether it serves people by several classifiers."""
        return self.kind in (Kind.GROUPS, Kind.LEARNED)

    @property
    def takes_groups(self) -> bool:
        """Whether its fit uses sensitive features."""
        return self.kind in (Kind.GROUPS, Kind.TOLD)

    def load(self) -> Any:
        """Import the class."""
        return getattr(importlib.import_module(f"{__package__}.{self.room}"), self.name)


#: Networks of this size, for so long, learn what scikit-learn's checks ask for.
_SMALL = {"hidden_layer_sizes": (32,), "max_epochs": 4, "learning_rate": 0.1}

METHODS = (
    Method(
        "DecoupledClassifier", "decoupling", Kind.GROUPS, "Decoupled",
        "Train one classifier per group.",
        "decoupled",
    ),
    Method(
        "DecoupledRegressor", "decoupling", Kind.GROUPS, "",
        "Train one regressor per group.",
        "decoupled_regressor",
    ),
    Method(
        "GroupStackingClassifier", "decoupling", Kind.GROUPS, "GroupStacking",
        "Combine the scores of several models, with weights that groups may depart from.",
        "group_stacking",
        quick={"n_folds": 2},
        example={"n_folds": 2, "random_state": 0},
    ),
    Method(
        "PreferenceTreeClassifier", "decoupling", Kind.GROUPS, "PreferenceTree",
        "Grow a tree of protected attributes with a classifier in each leaf (Ustun et al. 2019).",
        "preference_tree",
    ),
    Method(
        "PreferredTreatmentClassifier", "decoupling", Kind.GROUPS, "PreferredTreatment",
        "Train linear classifiers that every group prefers (Zafar et al. 2017).",
        "preferred_treatment",
    ),
    Method(
        "NoHarmSelector", "postprocessing", Kind.GROUPS, "NoHarm",
        "Choose for each group between pooled and own classifier, with a guarantee.",
        "no_harm_selector",
        quick={"cross_fit": 2},
    ),
    Method(
        "NoHarmReduction", "reductions", Kind.TOLD, "NoHarmReduction",
        "Train one model for all under which no group loses against a baseline.",
        "no_harm_reduction",
        quick={"cv": 2, "max_iter": 1, "tolerance": 0.1},
        example={"tolerance": 0.05, "random_state": 0},
    ),
    Method(
        "DAFHClassifier", "inprocessing", Kind.LEARNED, "DAFH",
        "Learn groups and their classifiers together.",
        "dafh",
        quick={"n_init": 1, "max_epochs": 2, "hidden_layer_sizes": (8,)},
    ),
    Method(
        "SelectiveExpertsClassifier", "inprocessing", Kind.GROUPS, "SelectiveExperts",
        "Train a network with an expert for each group, and use experts only where no group loses by them (FairSDE).",
        "selective_experts",
        quick=_SMALL,
        example={"max_epochs": 5, "random_state": 0},
    ),
    Method(
        "GradientGraphClassifier", "inprocessing", Kind.BLIND, "GradientGraph",
        "Train one classifier against an adversary that reweights people by a graph of their gradients (Graph of Gradients).",
        "gradient_graph",
        quick=_SMALL,
    ),
    Method(
        "AdversarialReweightingClassifier", "inprocessing", Kind.BLIND, "AdversarialReweighting",
        "Train one classifier against an adversary that reweights people by features and labels (ARL).",
        "adversarial_reweighting",
        quick=_SMALL,
    ),
    Method(
        "DROClassifier", "inprocessing", Kind.BLIND, "DRO",
        "Train one classifier for the worst group of a given size, whoever they are.",
        "dro",
        quick={**_SMALL, "alpha": 0.9},
        example={"alpha": 0.8, "random_state": 0},
    ),
    Method(
        "MultiTaskTransferClassifier", "inprocessing", Kind.TASKS, "MultiTaskTransfer",
        "Carry fairness over from related data whose groups are known (multi-task learning, epsilon-DEO).",
        "multi_task_transfer",
        quick=_SMALL,
    ),
)  # fmt: skip

#: Methods by their names among the adapters.
ADAPTED = {method.adapter: method for method in METHODS if method.adapter}
