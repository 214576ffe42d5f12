"""Solutions of preference problems: the best of several starts, and acceptance rates made to comply."""

from __future__ import annotations

import numpy as np

from ._convex_concave import Constraint, Members, PreferenceProblem, fit_parity

#: Regularisation of the parity classifier, as in the published example, and of the first start: as good as none.
_FREE_PENALTY = 1e-5

#: Most times that an intercept is raised.
_MAX_RAISES = 1000


class Solution:
    """Coefficients that were found.

    Parameters
    ----------
    thetas : ndarray, shape (K, d + 1)
    parity : ndarray, shape (d + 1,), or None
    penalties : ndarray, shape (K,)
    n_iter : int
        Steps that led there.
    """

    def __init__(
        self, thetas: np.ndarray, parity: np.ndarray | None, penalties: np.ndarray, n_iter: int = 1
    ) -> None:
        self.thetas = thetas
        self.parity = parity
        self.penalties = penalties
        self.n_iter = n_iter

    def rates(self, members: list[Members], constraints: list[Constraint]) -> list[tuple[float, float]]:
        """Acceptance rates of each constraint's group with its own and with the other classifier."""
        pairs = []
        for c in constraints:
            other = self.parity if c.other is None else self.thetas[c.other]
            assert other is not None
            member = members[c.group]
            pairs.append((member.acceptance_rate(self.thetas[c.group]), member.acceptance_rate(other)))
        return pairs

    def raise_intercepts(
        self, members: list[Members], constraints: list[Constraint], tolerance: float
    ) -> None:
        """Accept more people of groups that would be accepted more often by another classifier, until none would.

        Ends because rates only rise; where everybody is accepted nobody prefers anything.
        """
        for _ in range(_MAX_RAISES):
            rates = np.array(self.rates(members, constraints))
            missing = rates[:, 1] - rates[:, 0]
            worst = int(missing.argmax())
            if missing[worst] <= tolerance:
                return
            group = constraints[worst].group
            self.thetas[group, -1] += _needed_raise(members[group], self.thetas[group], rates[worst, 1])


def _needed_raise(members: Members, theta: np.ndarray, rate: float) -> float:
    """Smallest raise of the intercept with which a share `rate` of the people is accepted."""
    scores = members.X @ theta
    order = np.argsort(-scores)
    accepted = np.cumsum(members.weights[order]) / members.weights.sum()
    last = scores[order[min(int(np.searchsorted(accepted, rate - 1e-12)), len(scores) - 1)]]
    return float(max(-last, 0.0) + 1e-9 * (1 + abs(last)))


def solve(
    members: list[Members],
    constraints: list[Constraint],
    penalties: np.ndarray,
    n_init: int,
    max_iter: int,
    seed: np.random.RandomState,
) -> Solution:
    """Run the procedure from several starting points and keep the best feasible solution."""
    needs_parity = any(c.other is None for c in constraints)
    parity = fit_parity(members, _FREE_PENALTY) if needs_parity else None
    problem = PreferenceProblem(members, constraints, penalties, parity)
    # Hardly regularised: where a strong penalty makes a classifier accept nobody, there is no direction to go.
    free = np.full(len(members), _FREE_PENALTY)
    first = PreferenceProblem(members, [], free, None).unconstrained()
    spread = np.abs(first).mean()
    starts = [first, *(seed.normal(scale=spread, size=first.shape) for _ in range(n_init - 1))]
    found = [problem.solve(start, max_iter) for start in starts]
    thetas, n_iter = min(found, key=lambda result: problem.key(result[0]))
    return Solution(thetas.copy(), parity, penalties, n_iter)
