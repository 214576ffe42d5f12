"""Groups and their classifiers, learned together without sensitive features (DAFH)."""
