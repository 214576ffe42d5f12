"""The command ``fairlearn-fwh``, one file per command; nothing is imported here, so that a broken library is a failure like any other."""
