"""Selective demographic experts (FairSDE, arXiv 2511.06293)."""
