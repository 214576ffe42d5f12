"""What the documentation of all reweighted classifiers has in common."""

from __future__ import annotations

import textwrap

#: Parameters of the learner.
_LEARNER = """\
module : torch module or callable (n_features, n_outputs) -> torch module, optional
    Learner: maps standardised features (n, d), or texts as tokens (n, 2, L), to scores (n, O), O being 1 for two classes, by a linear last layer. Other
    modules than chains of linear layers and ReLU can be pickled, but skops may not write them.
hidden_layer_sizes : sequence of int
    Layers of the default learner; an empty sequence makes it linear.
"""

#: Parameters of its training.
_TRAINING = """\
warmup_epochs : int
    Epochs at the start in which everybody has the same weight.
validation_fraction : float
    Share of the rows on which the best epoch is found; with 0 it is found on those to learn from.
learning_rate : float
    Of the learner (AdamW, weight decay 0.1).
encoder_learning_rate : float, optional
    Of all layers of the learner but the last; by default `learning_rate`. A transformer that was trained before needs a small one (2e-5).
batch_size, max_epochs, patience : int
    `patience` is the number of epochs without improvement, after those of warming up, after which training stops.
gradient_accumulation_steps : int
    Batches whose gradients are averaged for a step: memory is needed for one of them. Weights are chosen within a batch.
precision : {"auto", "float32", "bfloat16"}
    How precisely the learner multiplies in training. "auto" is float32, on a GPU with ten bits of mantissa (TF32); "float32" has all 23
    bits; "bfloat16" has seven, on any device.
checkpoint_dir : path-like, optional
    Folder in which the state of training is kept after every epoch, in ``network.pt``: no features and labels, but people's weights and losses
    where the epoch is chosen by them. A fit that was stopped goes on from there; one of other data or settings is refused. Needs an integer
    `random_state`.
keep_weights : bool
    Whether the weights of the last epoch are kept, one for each row of `fit`.
callbacks : list of skorch callbacks, optional
    What else is to happen in training. They are used as they are given; the figures of an epoch stand in ``net.history`` as
    ``"valid_loss"`` and so on.
device : str
    "cpu", "cuda", "cuda:<number>" or "auto".
verbose : int
    0: silent; above: a progress bar.
random_state : int, RandomState or None
    Seeds the split, the networks and the batches.
"""

#: Attributes of a fitted classifier.
_FITTED = """\
classes_ : ndarray
    Labels of the classes.
best_epoch_ : int
    The epoch whose state was kept, from 1 on.
effective_shares_ : list of float
    Effective sample size in each epoch, as a share of the batch.
sample_weights_ : ndarray, shape (n,)
    With `keep_weights`: weights in the last epoch; NaN for validation rows and rows of weight 0.
"""


def with_shared_texts(doc: str) -> str:
    """Put the shared parts where a docstring has ``{learner}``, ``{training}`` and ``{fitted}``."""
    for name, text in {"learner": _LEARNER, "training": _TRAINING, "fitted": _FITTED}.items():
        doc = doc.replace(f"    {{{name}}}\n", textwrap.indent(text, "    "))
    return doc
