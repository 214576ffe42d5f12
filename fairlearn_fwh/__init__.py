"""Fairness without harm for fairlearn, AIF360 and scikit-learn.

Every group should do at least as well with its own classifier as with the pooled one (rationality) and
as with any other group's (envy-freeness). See :mod:`fairlearn_fwh.metrics` to measure it,
:mod:`fairlearn_fwh.decoupling` and :mod:`fairlearn_fwh.inprocessing` to achieve it.
"""

__version__ = "0.2.0"
