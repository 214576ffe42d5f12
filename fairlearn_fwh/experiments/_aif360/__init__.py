"""The algorithms of AIF360 beside those of this package."""
