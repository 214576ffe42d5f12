"""Experts of groups on a shared representation, used only where they harm nobody (FairSDE)."""
