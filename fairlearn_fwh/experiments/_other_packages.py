"""Running methods of other packages that print, warn, seed and call programs."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator

import numpy as np

from ._methods import SkippedMethodError


@contextlib.contextmanager
def quiet_aif360() -> Iterator[None]:
    """Let AIF360 run: quietly, with this Python first on the path (PrejudiceRemover calls ``python``).

    Some of its methods seed numpy's global generator or draw from it; its state is put back.

    Raises
    ------
    SkippedMethodError
        If it is not installed or fails.
    """
    before = {name: os.environ.get(name) for name in ("PATH", "PYTHONWARNINGS")}
    os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), before["PATH"] or ""])
    os.environ["PYTHONWARNINGS"] = "ignore"
    state = np.random.get_state()  # noqa: NPY002
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)  # it tells which other packages it could use
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    except ImportError as error:
        raise SkippedMethodError("AIF360 is not installed: pip install 'fairlearn-fwh[aif360]'") from error
    except Exception as error:
        # Whatever breaks in another package's subprocess is a reason to go on without it.
        raise SkippedMethodError(f"{type(error).__name__}: {error}".splitlines()[0]) from error
    finally:
        logging.disable(level)
        np.random.set_state(state)  # noqa: NPY002
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
