"""The few private names of scikit-learn that cannot be done without, imported here alone.

`tests/test_sklearn_compat.py` says what is expected of each.
"""

from sklearn.base import _fit_context as fit_context
from sklearn.utils._metadata_requests import _MetadataRequester as MetadataRequester
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

__all__ = [
    "HasMethods",
    "Interval",
    "MetadataRequester",
    "Options",
    "StrOptions",
    "check_sample_weight",
    "fit_context",
]
