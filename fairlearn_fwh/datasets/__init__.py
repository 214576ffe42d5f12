"""Real data sets (`fetch_*`, `load_*`) and generated ones (`make_*`), ready for questions of harm."""

from ._adult import fetch_adult
from ._bank import fetch_bank_marketing
from ._clothing import fetch_clothing_reviews
from ._compas import fetch_arrest, fetch_violent
from ._diabetes import load_diabetes_progression
from ._german import fetch_german_credit
from ._ham10000 import fetch_ham10000
from ._intersectional import make_intersectional
from ._preprocessing import default_preprocessor
from ._texts import SentenceEmbedder, make_text_preprocessor

__all__ = [
    "SentenceEmbedder",
    "default_preprocessor",
    "fetch_adult",
    "fetch_arrest",
    "fetch_bank_marketing",
    "fetch_clothing_reviews",
    "fetch_german_credit",
    "fetch_ham10000",
    "fetch_violent",
    "load_diabetes_progression",
    "make_intersectional",
    "make_text_preprocessor",
]
