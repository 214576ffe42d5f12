"""Who weighs people: graphs of gradients, adversaries, robust risks, against plain references."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from torch import nn

from fairlearn_fwh.inprocessing._training._learners import make_learner, person_losses, residuals
from fairlearn_fwh.inprocessing.reweighted._adversarial_weighting import AdversarialWeighting
from fairlearn_fwh.inprocessing.reweighted._epoch_choice import LeastWorstWeighting
from fairlearn_fwh.inprocessing.reweighted._gradient_graph_weighting import (
    GradientGraphWeighting,
    GraphConvolution,
    gradient_distances,
    nearest_neighbors,
    vector_distances,
)
from fairlearn_fwh.inprocessing.reweighted._robust_weighting import (
    RobustWeighting,
    ball_constant,
    chi_square_risk,
    chi_square_threshold,
    conditional_value_at_risk,
    value_at_risk,
)
from fairlearn_fwh.inprocessing.reweighted._weighting import Batch, effective_share, normalize_weights

B, D, M = 13, 4, 5


def double(*shape, seed=0):
    return torch.as_tensor(np.random.default_rng(seed).standard_normal(shape))


def batch_of(n_classes, seed=0):
    """A batch with everything in float64."""
    n_outputs = 1 if n_classes == 2 else n_classes
    X, h = double(B, D, seed=seed), double(B, M, seed=seed + 1)
    scores, W = double(B, n_outputs, seed=seed + 2), double(n_outputs, M, seed=seed + 3)
    y = torch.as_tensor(np.random.default_rng(seed + 4).integers(0, n_classes, B))
    return Batch(X, y, torch.ones(B), person_losses(scores, y), h, residuals(scores, y), W)


# --- gradients -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_classes", [2, 3])
def test_last_layer_gradients_in_closed_form_are_those_of_autograd(n_classes):
    n_outputs = 1 if n_classes == 2 else n_classes
    learner = make_learner(None, D, n_outputs, (6, M)).double()
    X, y = double(B, D), torch.as_tensor(np.random.default_rng(1).integers(0, n_classes, B))
    entered, scores = learner(X)
    r = residuals(scores, y)
    for i in range(B):
        h = entered[i].detach().requires_grad_()
        loss = person_losses(
            nn.functional.linear(h, learner.weight, learner._last[0].bias)[None], y[i : i + 1]
        )[0]
        by_weight, by_input = torch.autograd.grad(loss, [learner.weight, h])
        assert torch.allclose(by_weight, r[i][:, None] * entered[i])
        assert torch.allclose(by_input, r[i] @ learner.weight)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_distances_of_gradients_need_no_gradients(n_classes, metric):
    batch = batch_of(n_classes)
    gradients = [
        torch.outer(r, h).flatten() for r, h in zip(batch.residuals, batch.representation, strict=True)
    ]
    expected = torch.zeros(B, B, dtype=torch.float64)
    for i in range(B):
        for j in range(B):
            if metric == "euclidean":
                expected[i, j] = ((gradients[i] - gradients[j]) ** 2).sum()
            else:
                expected[i, j] = 1 - gradients[i] @ gradients[j] / gradients[i].norm() / gradients[j].norm()
    assert torch.allclose(
        gradient_distances(batch.representation, batch.residuals, metric), expected, atol=1e-10
    )
    vectors = torch.stack(gradients)
    assert torch.allclose(vector_distances(vectors, metric), expected, atol=1e-10)


def test_neighbors_are_the_nearest_others():
    distances = vector_distances(double(B, D))
    neighbors = nearest_neighbors(distances, 3)
    for i in range(B):
        others = sorted((float(distances[i, j]), j) for j in range(B) if j != i)
        assert neighbors[i].tolist() == [j for _, j in others[:3]]


def test_nobody_is_a_neighbor_of_oneself_among_duplicates():
    same = torch.ones(6, 2)
    assert all(i not in row for i, row in enumerate(nearest_neighbors(vector_distances(same), 3).tolist()))
    assert nearest_neighbors(vector_distances(same[:2]), 3).tolist() == [[1], [0]]
    assert nearest_neighbors(vector_distances(same[:1]), 3).shape == (1, 0)
    assert torch.isfinite(vector_distances(torch.zeros(3, 2), "cosine")).all()


def test_a_graph_convolution_is_the_normalised_one():
    X, neighbors = double(B, D), nearest_neighbors(vector_distances(double(B, D, seed=5)), 3)
    layer = GraphConvolution(D, 2).double()
    A = torch.eye(B, dtype=torch.float64)
    for i in range(B):
        A[i, neighbors[i]] = 1
    degree = torch.diag(A.sum(dim=1) ** -0.5)
    expected = degree @ A @ degree @ X @ layer.linear.weight.T + layer.linear.bias
    assert torch.allclose(layer(X, neighbors), expected)


def reference_weights(weighting, batch):
    """Weights of a graph adversary with one convolution, person by person."""
    nodes = weighting.body(batch.X)
    G = [torch.outer(r, h).flatten() for r, h in zip(batch.residuals, batch.representation, strict=True)]
    scores = []
    for i in range(B):
        nearest = sorted((float(((G[i] - G[j]) ** 2).sum()), j) for j in range(B) if j != i)[
            : weighting.n_neighbors
        ]
        mean = torch.stack([nodes[i], *(nodes[j] for _, j in nearest)]).mean(dim=0)
        linear = weighting.convolutions[0].linear
        scores.append((linear.weight[0] @ mean + linear.bias[0]).item())
    s = [1 / (1 + np.exp(-score)) for score in scores]
    return [1 + value / np.mean(s) for value in s]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_weights_of_the_graph_adversary_equal_a_reference(n_classes):
    batch = batch_of(n_classes)
    weighting = graph_weighting(n_classes).double()
    assert weighting(batch).tolist() == pytest.approx(reference_weights(weighting, batch))


def graph_weighting(n_classes, **changes):
    settings = {
        "n_features": D, "n_classes": n_classes, "n_representation": M, "n_outputs": 1 if n_classes == 2 else n_classes,
        "n_neighbors": 3, "n_graph_layers": 1, "gradient": "weights", "graph": "gradients", "metric": "euclidean",
        "node_features": "inputs", "weight_normalization": "bounded", "hidden_layer_sizes": (7,),
    }  # fmt: skip
    return GradientGraphWeighting(**(settings | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"n_graph_layers": 0},
        {"n_graph_layers": 2},
        {"gradient": "input"},
        {"gradient": "input", "node_features": "gradients"},
        {"node_features": "gradients"},
        {"node_features": "inputs_and_label"},
        {"graph": "inputs"},
        {"graph": "representation", "metric": "cosine"},
        {"weight_normalization": "softmax"},
        {"weight_normalization": "mean"},
        {"hidden_layer_sizes": ()},
    ],
)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_every_graph_adversary_weighs_all_and_learns(n_classes, changes):
    weighting, batch = graph_weighting(n_classes, **changes).double(), batch_of(n_classes)
    weights = weighting(batch)
    assert weights.shape == (B,)
    assert ((weights >= 0.05) & (weights <= 10)).all()
    (weights * batch.losses).mean().backward()
    assert all(parameter.grad is not None for parameter in weighting.parameters())


def test_the_label_free_adversary_does_not_see_labels():
    batch = batch_of(2)
    flipped = Batch(
        batch.X,
        1 - batch.y,
        batch.weight,
        batch.losses,
        batch.representation,
        batch.residuals,
        batch.last_weight,
    )
    blind, seeing = graph_weighting(2).double(), graph_weighting(2, node_features="inputs_and_label").double()
    assert (blind(batch) == blind(flipped)).all()
    assert (seeing(batch) != seeing(flipped)).any()


# --- weights ---------------------------------------------------------------------------------------------------------


def test_weights_by_their_definitions():
    scores = torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64)
    s = 1 / (1 + np.exp(-scores.numpy()))
    assert normalize_weights(scores, "bounded").tolist() == pytest.approx(1 + s / s.mean())
    u = np.array([-0.01, 0.0, 2.0]) + 1
    assert normalize_weights(scores, "mean").tolist() == pytest.approx(u / u.mean())
    e = np.exp(scores.numpy())
    assert normalize_weights(scores, "softmax").tolist() == pytest.approx(3 * e / e.sum())
    assert normalize_weights(torch.tensor([-1e4, 1e4]), "mean").tolist() == pytest.approx(
        [0.05, 2.0], abs=0.05
    )


def test_arl_weights_are_those_of_the_paper():
    batch = batch_of(2)
    weighting = AdversarialWeighting(D, 2, ()).double()
    one_hot = torch.stack([1.0 - batch.y, batch.y.double()], dim=1)
    s = torch.sigmoid(weighting.last(torch.cat([batch.X, one_hot], dim=1))[:, 0])
    assert torch.allclose(weighting(batch), 1 + s / s.mean())


def test_effective_share():
    assert float(effective_share(torch.ones(7))) == pytest.approx(1.0)
    assert float(effective_share(torch.tensor([1.0, 0.0, 0.0, 0.0]))) == pytest.approx(0.25)


# --- robust risks ----------------------------------------------------------------------------------------------------


def equal(losses):
    """Everybody's share in means."""
    return torch.full_like(losses.detach(), 1 / len(losses))


def worst_mean_by_solver(losses, radius):
    """Largest weighted mean over distributions q with ``mean((n q - 1)^2) <= radius``, by a generic solver."""
    n = len(losses)
    best = optimize.minimize(
        lambda q: -q @ losses,
        np.full(n, 1 / n),
        jac=lambda q: -losses,
        bounds=[(0, 1)] * n,
        constraints=[
            {"type": "eq", "fun": lambda q: q.sum() - 1, "jac": lambda q: np.ones(n)},
            {
                "type": "ineq",
                "fun": lambda q: radius - ((n * q - 1) ** 2).mean(),
                "jac": lambda q: -2 * (n * q - 1),
            },
        ],
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-12},
    )
    return -best.fun


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("radius", [0.1, 1.0, 4.0])
def test_chi_square_risk_is_the_worst_mean_over_the_ball(seed, radius):
    losses = np.random.default_rng(seed).exponential(size=15)
    risk = chi_square_risk(torch.as_tensor(losses), equal(torch.as_tensor(losses)), np.sqrt(1 + radius))
    assert float(risk) == pytest.approx(worst_mean_by_solver(losses, radius), abs=2e-5)


@given(
    st.lists(st.floats(0, 10), min_size=2, max_size=30),
    st.floats(0.05, 1.0),
)
@settings(max_examples=60, deadline=None)
def test_robust_risks_lie_between_mean_and_largest_loss(losses, alpha):
    values = torch.tensor(losses, dtype=torch.float64)
    for risk in (
        chi_square_risk(values, equal(values), ball_constant(alpha, "tight")),
        conditional_value_at_risk(values, equal(values), alpha),
    ):
        assert float(values.mean()) - 1e-6 <= float(risk) <= float(values.max()) + 1e-6


def test_conditional_value_at_risk_is_the_mean_of_the_largest_losses():
    losses = torch.arange(10, dtype=torch.float64)
    assert float(conditional_value_at_risk(losses, equal(losses), 0.2)) == pytest.approx(8.5)
    assert float(conditional_value_at_risk(losses, equal(losses), 1.0)) == pytest.approx(4.5)


def test_the_tight_ball_reaches_every_group_of_its_share():
    losses = torch.as_tensor(np.random.default_rng(0).exponential(size=1000))
    largest_fifth = losses.sort(descending=True).values[:200].mean()
    assert float(chi_square_risk(losses, equal(losses), ball_constant(0.2, "tight"))) >= float(largest_fifth)
    assert ball_constant(0.2, "tight") ** 2 == pytest.approx(5)
    assert ball_constant(0.2, "vfair") ** 2 == pytest.approx(17)
    assert ball_constant(0.2, "hashimoto") ** 2 == pytest.approx(33)
    assert ball_constant(0.2, 3.0) == pytest.approx(2)
    assert ball_constant(1.0, "tight") == 1


def test_the_gradient_of_the_chi_square_risk_is_right():
    losses = torch.as_tensor(np.random.default_rng(3).exponential(size=8)).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda values: chi_square_risk(values, equal(values), 1.7), losses, eps=1e-6, atol=1e-5
    )


def batch_with(losses, weight=None):
    """A batch of which losses and weights matter."""
    nothing = torch.zeros(len(losses), 1)
    weight = torch.ones_like(losses) if weight is None else weight
    return Batch(nothing, nothing, weight, losses, nothing, nothing, nothing)


@pytest.mark.parametrize(
    ("objective", "risk"),
    [
        ("chi2", lambda losses: chi_square_risk(losses, equal(losses), 2.0)),
        ("cvar", lambda losses: conditional_value_at_risk(losses, equal(losses), 0.25)),
    ],
)
def test_weights_give_the_gradient_of_the_risk(objective, risk):
    losses = torch.as_tensor(np.random.default_rng(0).exponential(size=B)).requires_grad_()
    gradient = torch.autograd.grad(risk(losses), losses)[0]
    weights = RobustWeighting(objective, 0.25, 2.0)(batch_with(losses.detach()))
    at_threshold = losses.detach() == value_at_risk(losses.detach(), equal(losses), 0.25)  # a kink
    smooth = ~at_threshold if objective == "cvar" else torch.ones(B, dtype=torch.bool)
    assert torch.allclose((weights / B)[smooth], gradient[smooth])


@pytest.mark.parametrize("alpha", [0.05, 0.5, 0.6, 1.0])
def test_weights_of_the_largest_losses_have_mean_one_whatever_the_ties(alpha):
    losses = torch.tensor([0.1] * 4 + [0.7] * 3 + [0.9] * 3, dtype=torch.float64)
    weights = RobustWeighting("cvar", alpha, 1.0)(batch_with(losses))
    assert float(weights.mean()) == pytest.approx(1.0)
    assert float((weights * losses).mean()) == pytest.approx(
        float(conditional_value_at_risk(losses, equal(losses), alpha))
    )


@pytest.mark.parametrize("objective", ["chi2", "cvar"])
@given(st.lists(st.sampled_from([0.0, 0.3, 0.5, 2.0]), min_size=2, max_size=20), st.floats(0.05, 0.95))
@settings(max_examples=60, deadline=None)
def test_weights_have_mean_one_and_reach_the_risk_where_many_losses_are_equal(objective, losses, alpha):
    """Also where features are few: no batch is without weight."""
    losses = torch.tensor(losses, dtype=torch.float64)
    weighting = RobustWeighting(objective, alpha, ball_constant(alpha, "tight"))
    weights = weighting(batch_with(losses))
    assert (weights >= 0).all()
    assert float((weights * losses).mean()) == pytest.approx(
        float(weighting.risk(losses, equal(losses))), abs=1e-6
    )
    assert float(weights.mean()) == pytest.approx(1.0)


@pytest.mark.parametrize("objective", ["chi2", "cvar"])
def test_equal_losses_weigh_the_same(objective):
    assert RobustWeighting(objective, 0.5, 2.0)(batch_with(torch.full((5,), 0.7))).tolist() == [1.0] * 5


def test_thresholds_of_equal_losses_and_of_no_ball():
    same = torch.full((5,), 0.7, dtype=torch.float64)
    assert float(chi_square_risk(same, equal(same), 2.0)) == pytest.approx(0.7)
    assert float(chi_square_threshold(same, equal(same), 1.0)) == -np.inf
    assert float(chi_square_risk(torch.tensor([1.0, 3.0]), torch.tensor([0.5, 0.5]), 1.0)) == 2.0


@pytest.mark.parametrize("objective", ["chi2", "cvar"])
def test_a_person_of_weight_three_counts_as_three(objective):
    losses = torch.as_tensor(np.random.default_rng(1).exponential(size=6))
    counts = torch.tensor([1, 3, 2, 1, 1, 2])
    copies = losses.repeat_interleave(counts)
    weighting = RobustWeighting(objective, 0.45, 1.6)
    assert float(weighting.risk(losses, counts / counts.sum().double())) == pytest.approx(
        float(weighting.risk(copies, equal(copies)))
    )
    weighted = weighting(batch_with(losses, counts.double()))
    assert torch.allclose(weighted.repeat_interleave(counts), weighting(batch_with(copies)))


def test_adversaries_do_not_turn_round_or_die_at_large_scores():
    scores = torch.tensor([-101.0, -150.0, -102.0, 0.0])
    weights = normalize_weights(scores, "mean")
    assert weights[3] > weights[:3].max()
    bounded = normalize_weights(torch.tensor([-300.0, -301.0]), "bounded")
    assert float(bounded[0]) == pytest.approx(1 + 2 * np.e / (1 + np.e), rel=1e-5)


# --- the choice of the epoch -----------------------------------------------------------------------------------------


def test_the_epoch_stands_best_against_all_weightings_so_far():
    """Compared with all states against all weightings, when everybody has met everybody."""
    shares = torch.tensor([0.5, 0.5])
    states = [(0.1, 0.9), (0.2, 0.85), (0.3, 0.5), (0.25, 0.6)]
    weightings = [(1.0, 1.0), (0.4, 1.6), (1.0, 1.0), (1.2, 0.8)]
    choice, kept, best = LeastWorstWeighting(), None, (-np.inf,)
    for epoch, (losses, weights) in enumerate(zip(states, weightings, strict=True)):
        key, risk = choice.judge(torch.tensor(losses), shares, torch.tensor(weights))
        worst = max(
            sum(w * loss for w, loss in zip(met, losses, strict=True)) / 2 for met in weightings[: epoch + 1]
        )
        assert risk == pytest.approx(worst)
        if key > best:
            kept, best = epoch, key
    worst = [max(sum(np.multiply(w, s)) / 2 for w in weightings) for s in states]
    assert kept == int(np.argmin(worst)) == 2


def test_an_early_state_meets_later_weightings():
    """It was best by the mean, before anybody was weighed up."""
    choice, shares = LeastWorstWeighting(), torch.tensor([0.5, 0.5])
    first, _ = choice.judge(torch.tensor([0.0, 0.8]), shares, torch.tensor([1.0, 1.0]))
    second, risk = choice.judge(torch.tensor([0.45, 0.45]), shares, torch.tensor([0.5, 1.5]))
    assert second > first
    assert risk == pytest.approx(0.45)
    third, _ = choice.judge(torch.tensor([0.45, 0.45]), shares, torch.tensor([0.5, 1.5]))
    assert third < second  # no better


def test_a_state_without_a_loss_is_never_kept():
    choice, shares = LeastWorstWeighting(), torch.tensor([0.5, 0.5])
    lost, risk = choice.judge(torch.tensor([np.nan, 0.1]), shares, torch.tensor([1.0, 1.0]))
    assert lost == (-np.inf,)
    assert np.isnan(risk)
    kept, _ = choice.judge(torch.tensor([9.0, 9.0]), shares, torch.tensor([1.0, 1.0]))
    assert kept > lost
