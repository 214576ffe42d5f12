"""The few private names of scikit-learn that cannot be done without, imported here alone.

`tests/test_sklearn_compat.py` says what is expected of each.
"""

from sklearn.base import _fit_context as fit_context
from sklearn.utils._metadata_requests import _MetadataRequester as MetadataRequester
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight as check_sample_weight


class FitsAndPredicts(HasMethods):
    """Constraint: an estimator that predicts once it is fitted.

    Some meta-estimators, such as StackingClassifier, have their `predict` only then; their class has it before.
    """

    def __init__(self) -> None:
        super().__init__(["fit", "predict"])

    def is_satisfied_by(self, val: object) -> bool:
        """Whether the object, or its class, has both methods."""
        return all(
            callable(getattr(type(val), name, None)) or callable(getattr(val, name, None))
            for name in self.methods
        )


__all__ = [
    "FitsAndPredicts",
    "HasMethods",
    "Interval",
    "MetadataRequester",
    "Options",
    "StrOptions",
    "check_sample_weight",
    "fit_context",
]
