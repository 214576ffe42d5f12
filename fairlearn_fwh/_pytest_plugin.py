"""The plugin of pytest: a fixture with the policy of the project that is tested.

Every run of pytest imports this file, so that it imports nothing else of the package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .audit import Policy


@pytest.fixture(scope="session")
def no_harm_policy(request: pytest.FixtureRequest) -> Policy:
    """The policy in the pyproject.toml of the project, for `assert_no_harm(..., policy=no_harm_policy)`; an empty one where there is none."""
    from .audit import find_policy

    return find_policy(request.config.rootpath)
