"""Fairness transfer by multi-task learning (arXiv 2305.12671)."""
