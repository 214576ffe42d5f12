"""What other packages say of the same predictions: ``python -m benchmarks.peers``."""
