import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback

from fairlearn_fwh.inprocessing._training._batches import TensorBatches, TensorTable
from fairlearn_fwh.inprocessing._training._trainer import train
from fairlearn_fwh.inprocessing.dafh._objectives import hinge

from ..modules import make_module


class Line(torch.nn.Module):
    """Two independent slopes that are fitted by least squares."""

    def __init__(self, start=(0.0, 5.0)):
        super().__init__()
        self.slope = torch.nn.Parameter(torch.tensor(start))

    def forward(self, x, y):
        return ((x[:, None] * self.slope - y[:, None]) ** 2).mean(dim=0)

    def keep_buffers(self, members):
        pass

    def member_state(self, member):
        return {"slope": self.slope[member].detach().numpy().copy()}


def fit(module, validate, **settings):
    x = np.linspace(-1, 1, 64, dtype=np.float32)
    defaults = {
        "n_members": len(module.slope),
        "optimizer": "sgd",
        "parameter_groups": [],
        "learning_rate": 0.05,
        "max_epochs": 30,
        "batch_size": 16,
        "patience": 5,
        "generator": torch.Generator().manual_seed(0),
        "device": "cpu",
        "verbose": 0,
    }
    return train(module, {"x": x, "y": 2 * x}, validate, **defaults | settings)


def distance(module):
    return [((-abs(slope - 2),), {"slope": slope}) for slope in module.slope.tolist()]


def test_members_train_side_by_side_and_the_best_state_is_kept():
    progress = fit(Line(), distance, max_epochs=60, patience=60)
    assert progress.best[progress.alive[0]][2]["slope"] == pytest.approx(2, abs=1e-2)
    keys = [[-abs(figures[m]["slope"] - 2) for figures in progress.figures if m in figures] for m in range(2)]
    for member, (key, epoch, _) in progress.best.items():
        assert key[0] == max(keys[member])
        assert epoch == 1 + int(np.argmax(keys[member]))
    assert len(progress.costs) == len(progress.figures) == 60


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_worse_half_is_dropped_and_the_others_go_on_undisturbed(optimizer):
    starts = (9.0, 0.0, -9.0, 1.0, 20.0)
    together = fit(Line(starts), distance, optimizer=optimizer, max_epochs=25, patience=25)
    assert [sorted(figures) for figures in together.figures[4::5]] == [
        [0, 1, 2, 3, 4], [0, 1, 3], [1, 3], [1, 3], [3],
    ]  # fmt: skip
    assert together.alive == [3]
    assert np.isnan(together.costs[-1]).tolist() == [True, True, True, False, True]
    alone = fit(Line((1.0,)), distance, optimizer=optimizer, max_epochs=25, patience=25)
    assert together.figures[-1][3]["slope"] == pytest.approx(alone.figures[-1][0]["slope"], abs=1e-5)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_member_trains_as_it_would_alone(optimizer):
    together = fit(Line((0.0, 5.0)), distance, optimizer=optimizer)
    alone = fit(Line((0.0,)), distance, optimizer=optimizer)
    assert together.figures[4][0]["slope"] == pytest.approx(alone.figures[4][0]["slope"], abs=1e-5)


def test_training_stops_when_patience_runs_out():
    progress = fit(Line(), lambda module: [((0.0,), {})] * 2, patience=3)
    assert len(progress.costs) == 4


def test_interruption_keeps_the_best_state_and_warns():
    calls = []

    def interrupted(module):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return distance(module)

    with pytest.warns(ConvergenceWarning, match="interrupted; the best state so far is kept"):
        progress = fit(Line(), interrupted)
    assert len(progress.best) == 2


def test_interruption_in_the_first_epoch_is_passed_on():
    def interrupted(module):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(Line(), interrupted)


def test_a_cost_that_is_not_finite_stops_with_the_step():
    with pytest.raises(
        FloatingPointError, match="not finite from batch 1 of epoch 1 on; lower the learning rates"
    ):
        fit(Line((np.nan, np.nan)), distance)


def test_a_cost_that_is_no_longer_finite_keeps_the_best_state():
    class Diverging(Line):
        epochs = 0

        def forward(self, x, y):
            return super().forward(x, y) * (float("nan") if self.epochs >= 3 else 1.0)

    def counted(module):
        module.epochs += 1
        return distance(module)

    with pytest.warns(
        ConvergenceWarning,
        match=r"not finite from batch \d+ of epoch 4 on; lower the learning rates, or .* The best state before is kept",
    ):
        progress = fit(Diverging(), counted)
    assert len(progress.figures) == 3
    assert {epoch for _, epoch, _ in progress.best.values()} <= {1, 2, 3}
    assert not progress.interrupted


def test_members_whose_figures_are_never_finite_are_left_behind():
    progress = fit(Line((0.0, np.nan)), distance, max_epochs=8)
    assert list(progress.best) == [0]


def test_a_progress_bar_shows_epochs_and_figures(capsys):
    fit(Line(), distance, max_epochs=3, verbose=1)
    shown = capsys.readouterr().err
    assert "3/3" in shown
    assert "slope=" in shown
    fit(Line(), distance, max_epochs=3)
    assert capsys.readouterr().err == ""


def test_batches_of_sparse_columns_are_dense():
    X = sparse.csr_array(np.arange(40, dtype=np.float32).reshape(10, 4) % 3)
    table = TensorTable({"x": X, "y": np.arange(10)}, "cpu")
    for columns, _ in TensorBatches(table, 4, torch.Generator().manual_seed(0)):
        np.testing.assert_array_equal(columns["x"].numpy(), X.toarray()[columns["y"].numpy()])


def test_batches_hold_every_row_once():
    table = TensorTable({"x": np.arange(10.0), "y": np.arange(10)}, "cpu")
    batches = list(TensorBatches(table, 4, torch.Generator().manual_seed(0)))
    assert [len(columns["x"]) for columns, _ in batches] == [4, 4, 2]
    seen = torch.cat([columns["y"] for columns, _ in batches])
    assert sorted(seen.tolist()) == list(range(10))
    assert seen.tolist() != list(range(10))


def test_balance_is_the_divergence_of_the_batchs_shares():
    module = make_module(2, 4, 3)
    X, y = torch.randn(50, 4), torch.randint(0, 2, (50,))
    weight = torch.rand(50)
    assignment = torch.softmax(module.assignment_logits(X), dim=-1)
    shares = (assignment * weight[:, None]).sum(dim=1) / weight.sum()
    divergence = (shares * torch.log(shares * 3)).sum(dim=-1)
    costs = (hinge(assignment, module.losses(X, y), torch.zeros(50)) * weight).sum(dim=-1) / weight.sum()
    torch.testing.assert_close(module(X, y, torch.zeros(50), weight), costs + 0.1 * divergence)


def test_small_batches_use_a_running_share_with_the_batchs_gradient():
    module = make_module(1, 4, 2, balance=1.0, batch_size=25)
    assert module.running_weight == 0.25
    X = torch.randn(25, 4)
    shares = torch.softmax(module.assignment_logits(X), dim=-1).mean(dim=1)
    shares.retain_grad()
    module._imbalance(shares).sum().backward()
    torch.testing.assert_close(module.running_shares, 0.75 * torch.full((1, 2), 0.5) + 0.25 * shares.detach())
    torch.testing.assert_close(shares.grad, torch.log(2 * module.running_shares) + 1)


class Masked(Line):
    """A line with a buffer that is infinite, as masks of attention are."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mask", torch.tensor([0.0, -torch.inf]))

    def member_state(self, member):
        return super().member_state(member) | {"mask": self.mask.numpy().copy()}


def test_a_buffer_that_is_not_finite_is_no_cost_that_is_not_finite():
    history = fit(Masked(), distance, max_epochs=60, patience=60)
    assert history.best[history.leader][2]["slope"] == pytest.approx(2, abs=1e-2)
    assert np.isinf(history.best[0][2]["mask"]).any()


def test_what_is_not_finite_is_named():
    def nothing(module):
        return [((np.nan,), {})] * 2

    with pytest.raises(
        FloatingPointError,
        match="Parameters or validation figures are not finite after epoch 1, though the cost is; lower",
    ):
        fit(Line(), nothing)


def test_a_module_may_compute_and_clip_gradients_in_its_own_way():
    class Backwards(Line):
        calls = 0

        def backward(self, cost):
            (-cost).backward()

        def clip_gradients(self):
            self.calls += 1
            self.slope.grad.clamp_(-0.01, 0.01)

    module = Backwards((1.0, 1.0))
    fit(module, distance, max_epochs=1)
    assert module.calls == 4
    assert (module.slope < 1.0).all()
    assert (module.slope > 0.99).all()


@pytest.mark.parametrize(("batch_size", "steps"), [(16, 2), (8, 4), (4, 8)])
def test_gradients_of_several_batches_make_the_step_of_one_large_batch(batch_size, steps):
    settings = {"max_epochs": 5, "patience": 5}
    large, small = Line(), Line()
    expected = fit(large, distance, batch_size=32, **settings)
    got = fit(small, distance, batch_size=batch_size, gradient_accumulation_steps=steps, **settings)
    np.testing.assert_allclose(small.slope.detach().numpy(), large.slope.detach().numpy(), rtol=1e-5)
    assert [len(costs) for costs in got.costs] == [len(costs) for costs in expected.costs]


def test_the_last_step_of_an_epoch_may_have_fewer_batches():
    moves = []

    class Moves(Callback):
        def on_grad_computed(self, net, named_parameters=None, **kwargs):
            moves.append(dict(named_parameters)["slope"].grad.clone())

    fit(
        Line(), distance, batch_size=16, gradient_accumulation_steps=3, max_epochs=2, callbacks=[Moves()]
    )  # four batches: a step of three, and one of one
    assert len(moves) == 4


def test_a_step_of_several_batches_goes_down_their_mean_gradient():
    moved = Line()
    fit(moved, distance, batch_size=16, gradient_accumulation_steps=4, max_epochs=1)
    x = np.linspace(-1, 1, 64)
    gradient = (2 * x**2 * (0.0 - 2.0)).mean()  # of the slope that begins at 0
    assert moved.slope[0].item() == pytest.approx(-0.05 * gradient, rel=1e-5)
