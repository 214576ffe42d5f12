"""All benchmarks: ``python -m benchmarks``."""

from . import dafh, preference_frame, restarts

preference_frame.main()
dafh.main()
restarts.main()
