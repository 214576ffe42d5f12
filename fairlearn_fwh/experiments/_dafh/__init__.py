"""Tables, figures and open questions of DAFH (arXiv 2509.24077)."""
