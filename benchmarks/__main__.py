"""All benchmarks: ``python -m benchmarks``."""

from . import dafh, large_data, preference_frame, restarts, selection_guarantee

preference_frame.main()
large_data.main()
dafh.main()
restarts.main()
selection_guarantee.main()
