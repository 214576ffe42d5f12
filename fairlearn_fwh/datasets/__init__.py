"""Real data sets (`fetch_*`, `load_*`) and generated ones (`make_*`), ready for questions of harm."""

from ._adult import fetch_adult
from ._bank import fetch_bank_marketing
from ._compas import fetch_arrest, fetch_violent
from ._diabetes import load_diabetes_progression
from ._german import fetch_german_credit
from ._ham10000 import fetch_ham10000
from ._intersectional import make_intersectional
from ._preprocessing import default_preprocessor

__all__ = [
    "default_preprocessor",
    "fetch_adult",
    "fetch_arrest",
    "fetch_bank_marketing",
    "fetch_german_credit",
    "fetch_ham10000",
    "fetch_violent",
    "load_diabetes_progression",
    "make_intersectional",
]
