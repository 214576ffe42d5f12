"""What a gate exits with: harm, envy, undecided and a failure can be told apart."""

from __future__ import annotations

#: 2 is for whatever cannot be used, or fails.
PASSED, HARM, UNDECIDED = 0, 1, 3

#: What a gate may fail on; each but "envy" includes those before it.
FAIL_ON = ("harm", "undecided", "envy")

#: What was asked for before, and what it means.
REQUIREMENTS = {"no-harm": "harm", "certified": "undecided"}


def check_fail_on(fail_on: str) -> None:
    """Raise ValueError unless `fail_on` is known."""
    if fail_on not in FAIL_ON:
        raise ValueError(f"fail_on must be one of {list(FAIL_ON)}; got {fail_on!r}.")


def status(*, harm: bool, certified: bool, envy: bool, fail_on: str) -> int:
    """Say what to exit with.

    Parameters
    ----------
    harm, certified, envy : bool
        Whether harm was found, whether it was ruled out everywhere, whether somebody envies another group.
    fail_on : {"harm", "undecided", "envy"}

    Returns
    -------
    int
        1 for harm, and with "envy" for envy; 3 where harm is neither found nor ruled out, with "undecided"; else 0.

    Raises
    ------
    ValueError
        If `fail_on` is unknown.
    """
    check_fail_on(fail_on)
    if harm or (fail_on == "envy" and envy):
        return HARM
    return UNDECIDED if fail_on == "undecided" and not certified else PASSED


def state(*, harm: bool, certified: bool) -> str:
    """Name what came out: "harm", "certified" or "undecided"."""
    return "harm" if harm else "certified" if certified else "undecided"
