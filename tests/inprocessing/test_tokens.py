"""Texts as tokens: what is refused, and that a small transformer is trained under every method that takes them."""

import pickle
import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback
from torch import nn

from fairlearn_fwh.exceptions import GroupFallbackWarning
from fairlearn_fwh.inprocessing import (
    AdversarialReweightingClassifier,
    DROClassifier,
    GradientGraphClassifier,
    MultiTaskTransferClassifier,
    SelectiveExpertsClassifier,
)
from fairlearn_fwh.inprocessing._training._transformers import TransformerEncoder

VOCABULARY, LENGTH = 30, 6

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


class TinyTransformer(nn.Module):
    """One layer of attention over random embeddings, called as the transformers of that package are."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(VOCABULARY, 8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)

    def forward(self, input_ids, attention_mask):
        states = self.layer(self.embedding(input_ids), src_key_padding_mask=attention_mask == 0)
        return type("Answer", (), {"last_hidden_state": states})


def encoder():
    return TransformerEncoder(TinyTransformer())


def texts(rng, n=300, word=5):
    """Texts of which those with a word are positive; padding may hold any token."""
    tokens = rng.integers(6, VOCABULARY, (n, LENGTH))
    y = rng.integers(0, 2, n)
    tokens[np.arange(n), rng.integers(0, 3, n)] = np.where(y == 1, word, 1)
    length = rng.integers(3, LENGTH + 1, n)
    mask = (np.arange(LENGTH) < length[:, None]).astype(int)
    return np.stack([tokens, mask], axis=1), y, rng.choice(["a", "b"], n)


def quietly(fit, *arguments, **named):
    with warnings.catch_warnings():
        for category in (UserWarning, GroupFallbackWarning):
            warnings.simplefilter("ignore", category)
        return fit(*arguments, **named)


def test_the_mask_decides_what_counts(rng):
    X, _, _ = texts(rng, 20)
    made = encoder().eval()
    changed = X.copy()
    changed[:, 0][X[:, 1] == 0] = 7
    with torch.no_grad():
        first, second = (made(torch.as_tensor(tokens)) for tokens in (X, changed))
    torch.testing.assert_close(first, second)
    assert first.shape == (20, 8)


@pytest.mark.long(but_every=4)
@pytest.mark.parametrize(
    "model",
    [
        MultiTaskTransferClassifier(
            encoder(), max_epochs=12, learning_rate=0.01, batch_size=32, random_state=0
        ),
        SelectiveExpertsClassifier(
            encoder(), max_epochs=12, learning_rate=0.01, batch_size=32, random_state=0
        ),
        *(
            method(
                nn.Sequential(encoder(), nn.Linear(8, 1)),
                max_epochs=12,
                learning_rate=0.01,
                batch_size=32,
                random_state=0,
                **settings,
            )
            for method, settings in (
                (DROClassifier, {"alpha": 0.9}),
                (AdversarialReweightingClassifier, {}),
                (GradientGraphClassifier, {}),
            )
        ),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_transformer_is_trained_and_comes_back(rng, model):
    X, y, _ = texts(rng)
    model = quietly(clone(model).fit, X, y)
    assert model.score(X, y) > 0.8
    assert model.n_features_in_ == LENGTH
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_allclose(again.predict_proba(X), model.predict_proba(X))
    refitted = quietly(clone(model).fit, X, y)
    np.testing.assert_allclose(refitted.predict_proba(X), model.predict_proba(X), atol=1e-5)
    with pytest.raises(
        ValueError,
        match=f"texts of 4 tokens; {type(model).__name__} was fitted with texts of 6|rows of shape",
    ):
        model.predict(X[:, :, :4])


def test_a_stopped_fit_of_texts_goes_on_as_if_nothing_had_happened(rng, tmp_path):
    X, y, groups = texts(rng)

    class Stop(Callback):
        def on_epoch_begin(self, net, **kwargs):
            if len(net.history) == 3:
                raise KeyboardInterrupt

    settings = {"max_epochs": 4, "batch_size": 32, "fairness_weight": 0.0, "random_state": 0}
    expected = quietly(MultiTaskTransferClassifier(encoder(), **settings).fit, X, y)
    settings["checkpoint_dir"] = tmp_path
    with pytest.warns(ConvergenceWarning, match="Training was interrupted; the best state so far is kept"):
        MultiTaskTransferClassifier(encoder(), callbacks=[Stop()], **settings).fit(X, y)
    model = quietly(MultiTaskTransferClassifier(encoder(), **settings).fit, X, y)
    assert len(model.validation_history_) == 4
    assert model.validation_history_ == expected.validation_history_
    assert (model.predict_proba(X) == expected.predict_proba(X)).all()


def test_an_auxiliary_of_texts_shares_the_encoder(rng):
    X, y, groups = texts(rng)
    Z, z, _ = texts(rng, word=4)
    model = MultiTaskTransferClassifier(encoder(), max_epochs=3, batch_size=32, random_state=0)
    model = quietly(model.fit, X, y, auxiliary=(Z, z, groups))
    assert model.predict(X, task="auxiliary").shape == y.shape
    with pytest.raises(
        ValueError,
        match=r"auxiliary task 'auxiliary' has 4 features|have texts as tokens, and others have none",
    ):
        quietly(model.fit, X, y, auxiliary=(rng.standard_normal((50, 4)), z[:50], groups[:50]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: X.astype(float), "Texts must be whole numbers of shape"),
        (lambda X: X[:, :1], "Texts must be whole numbers of shape"),
        (
            lambda X: np.where(np.arange(2)[None, :, None] == 1, 2, X),
            r"The mask of texts, X\[:, 1\], must be 1",
        ),
        (
            lambda X: X * np.array([1, 0])[None, :, None],
            r"300 text\(s\) have no token that counts; the first is row 0",
        ),
        (lambda X: X - np.array([9, 0])[None, :, None], "Tokens must be at least 0"),
        (
            lambda X: X + np.array([99, 0])[None, :, None],
            "cannot take texts of shape .* Does it have another vocabulary",
        ),
    ],
)
def test_bad_texts_are_refused_before_training(rng, change, message):
    X, y, _ = texts(rng)
    model = MultiTaskTransferClassifier(encoder(), max_epochs=2, random_state=0)
    with pytest.raises(ValueError, match=message):
        model.fit(change(X), y)
    assert not hasattr(model, "classes_")


def test_texts_need_an_encoder(rng):
    X, y, _ = texts(rng)
    for model in (MultiTaskTransferClassifier(max_epochs=2), SelectiveExpertsClassifier(max_epochs=2)):
        with pytest.raises(ValueError, match="Texts as tokens need an encoder, such as"):
            model.fit(X, y)
    for method in (DROClassifier, AdversarialReweightingClassifier, GradientGraphClassifier):
        with pytest.raises(ValueError, match="Texts as tokens need a module that ends in a linear layer"):
            method(max_epochs=5).fit(X, y)


def test_an_adversary_sees_what_the_learner_makes_of_texts(rng):
    """With representation 0 for everybody nobody can be told from others of that label."""
    X, y, _ = texts(rng)
    blank = encoder()
    for parameter in blank.parameters():
        nn.init.zeros_(parameter)
    settings = {"max_epochs": 6, "warmup_epochs": 1, "keep_weights": True, "random_state": 0}
    module = nn.Sequential(blank, nn.Linear(8, 1))
    model = AdversarialReweightingClassifier(
        module, encoder_learning_rate=1e-30, adversary_learning_rate=0.01, batch_size=300, **settings
    )
    weights = quietly(model.fit, X, y).sample_weights_
    assert all(np.unique(weights[(y == label) & ~np.isnan(weights)]).size == 1 for label in (0, 1))
    seeing = clone(model).set_params(module=nn.Sequential(encoder(), nn.Linear(8, 1)))
    weights = quietly(seeing.fit, X, y).sample_weights_
    assert np.unique(weights[(y == 0) & ~np.isnan(weights)]).size > 50


@pytest.mark.parametrize("method", ["transfer", "experts", "dro"])
def test_an_encoder_learns_at_a_rate_of_its_own(rng, method):
    X, y, _ = texts(rng)
    settings = {
        "max_epochs": 2, "learning_rate": 0.1, "encoder_learning_rate": 1e-12, "batch_size": 32, "random_state": 0,
        "gradient_accumulation_steps": 2, "precision": "bfloat16",
    }  # fmt: skip
    if method == "transfer":
        model = quietly(MultiTaskTransferClassifier(encoder(), **settings).fit, X, y)
        module = model._networks["target"].module
    elif method == "experts":
        model = quietly(SelectiveExpertsClassifier(encoder(), **settings).fit, X, y)
        module = model.pooled_estimator_.network.module
    else:
        head = nn.Linear(8, 1)
        nn.init.zeros_(head.weight)
        whole = nn.Sequential(encoder(), head)
        model = quietly(DROClassifier(whole, alpha=1.0, warmup_epochs=0, **settings).fit, X, y)
        module = model._network.module
    learned, start = module[0].state_dict(), encoder().state_dict()
    for name, value in start.items():
        torch.testing.assert_close(learned[name], value, atol=1e-6, rtol=1e-5)
    assert (module[-1].weight.abs().max() > 0.3).item()  # the head has moved by 0.1 in each of some steps
