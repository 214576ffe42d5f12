"""What skops and skorch do with other people's estimators."""

import warnings

import numpy as np
import pytest
from fairlearn.postprocessing import ThresholdOptimizer
from sklearn.linear_model import LogisticRegression

from fairlearn_fwh.postprocessing import NoHarmSelector

from .traps import trap


@trap("mitigators through skops")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_selector_around_a_mitigator_says_why_skops_cannot_write_it(rng, tmp_path):
    joblib, skops = pytest.importorskip("joblib"), pytest.importorskip("skops.io")
    X, s = rng.standard_normal((300, 2)), rng.integers(0, 2, 300)
    y = (X[:, 0] > 0).astype(int)
    mitigator = ThresholdOptimizer(
        estimator=LogisticRegression(), constraints="demographic_parity", predict_method="predict_proba"
    )
    with pytest.raises(TypeError, match="no default __reduce__"):
        skops.dumps(mitigator.fit(X, y, sensitive_features=s))
    selector = NoHarmSelector((LogisticRegression(), mitigator), guarantee="empirical", random_state=0)
    selector.fit(X, y, sensitive_features=s)
    with pytest.raises(
        TypeError,
        match="skops cannot write this estimator: .*ThresholdOptimizer of fairlearn.* Use joblib.dump",
    ):
        skops.dumps(selector)
    joblib.dump(selector, tmp_path / "selector.joblib")
    again = joblib.load(tmp_path / "selector.joblib")
    assert again.selection_table_.equals(selector.selection_table_)


@trap("labels 1 and 2")
def test_our_networks_answer_in_the_labels_of_the_user(rng):
    torch, skorch = pytest.importorskip("torch"), pytest.importorskip("skorch")
    from fairlearn_fwh.inprocessing import DROClassifier

    X = rng.standard_normal((200, 3)).astype(np.float32)
    y = (X[:, 0] > 0).astype(np.int64) + 1

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(3, 3)
            torch.nn.init.zeros_(self.linear.weight)
            self.linear.bias.data = torch.tensor([1.0, 0.0, 0.0])

        def forward(self, X):
            return torch.softmax(self.linear(X), -1)

    net = skorch.NeuralNetClassifier(Net, max_epochs=1, lr=0.0, verbose=0).fit(X, y)
    assert set(net.predict(X)) == {0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # how well it learns is of no interest
        model = DROClassifier(hidden_layer_sizes=(4,), max_epochs=5, random_state=0).fit(X, y)
    assert set(model.predict(X)) <= {1, 2}
