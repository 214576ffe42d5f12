"""Comparisons of methods and mitigators on data sets; the papers' tables and figures are run by ``fairlearn-fwh reproduce``."""

from ..exceptions import MissingExtraError

try:
    import skorch  # noqa: F401
    import torch  # noqa: F401
except ImportError as error:
    raise MissingExtraError.for_extra("fairlearn_fwh.experiments", "torch") from error

from ._comparison import Comparison, compare_methods, plot_comparison
from ._gog._worst_group import run_gog
from ._mitigators import audit_mitigators

__all__ = ["Comparison", "audit_mitigators", "compare_methods", "plot_comparison", "run_gog"]
