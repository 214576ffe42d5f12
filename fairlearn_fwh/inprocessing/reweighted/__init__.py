"""One model for all, trained on people who are weighted by their losses; no groups are needed (GoG, ARL, DRO)."""
