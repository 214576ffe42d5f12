"""Linear classifiers under preference constraints, by the convex-concave procedure.

Constraints compare mean margins above zero, which are convex in the coefficients and stand on both sides: a difference of
convex functions. At each step the greater side is replaced by its tangent, which lies below it, so that what satisfies the
convex problem satisfies the original one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special
from scipy.linalg import null_space

#: Growth of the penalty on slack from step to step, and where it starts and ends (Zafar et al. 2017; Lipp and Boyd 2016).
_PENALTY, _GROWTH, _LARGEST_PENALTY = 0.5, 1.2, 1e4

#: Violation of a constraint on mean scores that counts as none.
_FEASIBLE = 1e-4

#: Slack and relative change of the objective at which the procedure stops.
_SLACK, _CHANGE = 1e-6, 1e-4


@dataclass(frozen=True)
class Members:
    """The people of one group, of whom there are m.

    Attributes
    ----------
    X : ndarray, shape (m, d + 1)
        Features, the last column is one.
    sign : ndarray, shape (m,)
        1 for the positive class, else -1.
    weights : ndarray, shape (m,)
    """

    X: np.ndarray
    sign: np.ndarray
    weights: np.ndarray

    def margin(self, theta: np.ndarray) -> float:
        """Mean margin above zero, the proxy of the acceptance rate."""
        return float(self.weights @ np.maximum(self.X @ theta, 0.0) / self.weights.sum())

    def margin_gradient(self, theta: np.ndarray) -> np.ndarray:
        """(Sub)gradient of `margin`, shape (d + 1,)."""
        return (self.weights * (self.X @ theta > 0)) @ self.X / self.weights.sum()

    def acceptance_rate(self, theta: np.ndarray) -> float:
        """Share of the people that are accepted."""
        return float(np.average(self.X @ theta > 0, weights=self.weights))

    def loss(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Sum of the logistic losses and its gradient."""
        z = self.sign * (self.X @ theta)
        slope = -self.weights * self.sign * special.expit(-z)
        return float(self.weights @ np.logaddexp(0.0, -z)), slope @ self.X


@dataclass(frozen=True)
class Constraint:
    """A group's margin with its own classifier is at least that with another one.

    Attributes
    ----------
    group : int
    other : int or None
        Group whose classifier it is; None for the parity classifier.
    """

    group: int
    other: int | None


class PreferenceProblem:
    """Minimise the logistic loss of all groups' linear classifiers under preference constraints.

    Parameters
    ----------
    members : list of Members
        One per group.
    constraints : list of Constraint
    penalties : ndarray, shape (K,)
        Of the squared coefficients of each group (not the intercept), beside the mean loss.
    parity : ndarray, shape (d + 1,), or None
        Coefficients of the parity classifier.
    """

    def __init__(
        self,
        members: list[Members],
        constraints: list[Constraint],
        penalties: np.ndarray,
        parity: np.ndarray | None,
    ) -> None:
        self.members = members
        self.constraints = constraints
        self.penalties = penalties
        self.total = sum(float(m.weights.sum()) for m in members)
        self.shape = (len(members), members[0].X.shape[1])
        self.parity_margins = None if parity is None else [m.margin(parity) for m in members]

    def objective(self, thetas: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and gradient; thetas has shape (K, d + 1)."""
        value, gradient = 0.0, np.zeros(self.shape)
        for k, (member, theta, penalty) in enumerate(zip(self.members, thetas, self.penalties, strict=True)):
            loss, slope = member.loss(theta)
            value += loss / self.total + penalty * float(theta[:-1] @ theta[:-1])
            gradient[k] = slope / self.total
            gradient[k, :-1] += 2 * penalty * theta[:-1]
        return value, gradient

    def unconstrained(self) -> np.ndarray:
        """Fit the groups' classifiers without constraints, shape (K, d + 1)."""
        return _minimize(self.objective, np.zeros(self.shape))

    def violation(self, thetas: np.ndarray) -> float:
        """Largest violation of a constraint."""
        return max((self._shortfall(c, thetas) for c in self.constraints), default=0.0)

    def solve(self, start: np.ndarray, max_iter: int) -> tuple[np.ndarray, int]:
        """Run the convex-concave procedure from a starting point, shape (K, d + 1).

        Returns
        -------
        thetas : ndarray, shape (K, d + 1)
            The best feasible iterate; if none is, the one that violates least.
        n_iter : int
            Number of steps.
        """
        thetas, penalty, last = start, _PENALTY, np.inf
        best, best_key = start, self.key(start)
        n_iter = 0
        while n_iter < max_iter:
            n_iter += 1
            thetas, slack = self._solve_convex(thetas, penalty)
            if (key := self.key(thetas)) < best_key:
                best, best_key = thetas, key
            value = self.objective(thetas)[0]
            if slack < _SLACK and abs(last - value) <= _CHANGE * abs(value):
                break
            last, penalty = value, min(_GROWTH * penalty, _LARGEST_PENALTY)
        return best, n_iter

    def key(self, thetas: np.ndarray) -> tuple[float, float]:
        """Order solutions: feasible ones first, then by the objective."""
        return max(self.violation(thetas), _FEASIBLE), self.objective(thetas)[0]

    def _shortfall(self, constraint: Constraint, thetas: np.ndarray) -> float:
        return self._other_margin(constraint, thetas) - self._own_margin(constraint, thetas)

    def _own_margin(self, constraint: Constraint, thetas: np.ndarray) -> float:
        return self.members[constraint.group].margin(thetas[constraint.group])

    def _other_margin(self, constraint: Constraint, thetas: np.ndarray) -> float:
        if constraint.other is None:
            assert self.parity_margins is not None
            return self.parity_margins[constraint.group]
        return self.members[constraint.group].margin(thetas[constraint.other])

    def _solve_convex(self, at: np.ndarray, penalty: float) -> tuple[np.ndarray, float]:
        """Solve the problem with linearised own margins and penalised slack."""
        constraints = self.constraints
        size, m = at.size, len(constraints)
        tangents = [self.members[c.group].margin_gradient(at[c.group]) for c in constraints]

        def value(point: np.ndarray) -> tuple[float, np.ndarray]:
            loss, gradient = self.objective(point[:size].reshape(self.shape))
            return loss + penalty * point[size:].sum(), np.append(gradient, np.full(m, penalty))

        def room(point: np.ndarray) -> np.ndarray:
            thetas = point[:size].reshape(self.shape)
            own = np.array([t @ thetas[c.group] for c, t in zip(constraints, tangents, strict=True)])
            return own - np.array([self._other_margin(c, thetas) for c in constraints]) + point[size:]

        def room_gradient(point: np.ndarray) -> np.ndarray:
            thetas = point[:size].reshape(self.shape)
            gradient = np.zeros((m, *self.shape))
            for i, (c, tangent) in enumerate(zip(constraints, tangents, strict=True)):
                gradient[i, c.group] += tangent
                if c.other is not None:
                    gradient[i, c.other] -= self.members[c.group].margin_gradient(thetas[c.other])
            return np.hstack([gradient.reshape(m, size), np.eye(m)])

        slack = np.maximum(-room(np.append(at, np.zeros(m))), 0.0)
        result = optimize.minimize(
            value,
            np.append(at, slack),
            jac=True,
            method="SLSQP",
            bounds=[(None, None)] * size + [(0.0, None)] * m,
            constraints={"type": "ineq", "fun": room, "jac": room_gradient},
            options={"maxiter": 200, "ftol": 1e-9},
        )
        point = result.x if np.isfinite(result.x).all() else np.append(at, slack)
        return point[:size].reshape(self.shape), float(point[size:].max(initial=0.0))


def fit_parity(members: list[Members], penalty: float) -> np.ndarray:
    """Fit one classifier whose mean margin is the same in all groups (covariance 0 for two groups), shape (d + 1,)."""
    means = np.array([m.weights @ m.X / m.weights.sum() for m in members])
    basis = null_space(means[1:] - means[0])
    everybody = Members(
        np.concatenate([m.X for m in members]),
        np.concatenate([m.sign for m in members]),
        np.concatenate([m.weights for m in members]),
    )
    problem = PreferenceProblem([everybody], [], np.array([penalty]), None)

    def value(point: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient = problem.objective((basis @ point[0])[None])
        return loss, gradient @ basis

    return basis @ _minimize(value, np.zeros((1, basis.shape[1])))[0]


def _minimize(value: Callable[[np.ndarray], tuple[float, np.ndarray]], start: np.ndarray) -> np.ndarray:
    """Minimise a smooth convex function of an array."""

    def flat(point: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient = value(point.reshape(start.shape))
        return loss, gradient.ravel()

    result = optimize.minimize(
        flat, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 2000, "ftol": 1e-12}
    )
    return result.x.reshape(start.shape)
