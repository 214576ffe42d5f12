"""Tests, bounds, families of claims, bootstrap and power: functions of sums."""
