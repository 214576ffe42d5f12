"""What estimators share: samples, splits, fits that fail whole, answers, and the bases of routed ensembles and single models."""
