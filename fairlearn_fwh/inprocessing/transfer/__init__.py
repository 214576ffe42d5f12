"""One encoder for several tasks, by which fairness is carried over from one to another (multi-task transfer)."""
