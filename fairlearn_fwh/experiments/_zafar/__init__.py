"""Preferred treatment and preferred impact (Zafar et al. 2017, arXiv 1707.00010)."""
