"""Files of predictions: one dialect, types by role, the same figures from every engine."""

from ._dialect import Dialect
from ._measure import measure_file
from ._scores import rank_file
from ._tables import ENGINES, open_table

__all__ = ["ENGINES", "Dialect", "measure_file", "open_table", "rank_file"]
