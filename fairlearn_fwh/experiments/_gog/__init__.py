"""Graph of Gradients (arXiv 2412.03706)."""
