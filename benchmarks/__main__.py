"""All benchmarks: ``python -m benchmarks``."""

from . import (
    boosting,
    dafh,
    experts,
    files,
    gradient_graph,
    identical_groups,
    large_data,
    number_of_groups,
    preference_frame,
    restarts,
    selection_guarantee,
    subgroups,
    validity,
)
from ._timing import show_short

preference_frame.main()
large_data.main()
files.main()
dafh.main()
restarts.main()
number_of_groups.main()
boosting.main()
selection_guarantee.main()
experts.main()
gradient_graph.main()
identical_groups.main()
subgroups.main()
validity.main()
show_short()
