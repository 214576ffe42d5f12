"""What all metrics rest on: the one border at which values are read."""
