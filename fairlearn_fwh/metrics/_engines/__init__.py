"""Columns of frames in any engine: roles, checks, and sums where the data are."""
