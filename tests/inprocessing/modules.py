"""Small networks for tests."""

import numpy as np
import torch
from torch import nn

from fairlearn_fwh.inprocessing.dafh._network import LinearHeads, RoutedHeads
from fairlearn_fwh.inprocessing.dafh._objectives import hinge


def make_module(members, n_features, n_groups, n_classes=2, *, bins=None, balance=0.1, batch_size=1000):
    n_outputs = 1 if n_classes == 2 else n_classes
    n_inputs = n_features + (0 if bins is None else len(bins.mean))
    torch.manual_seed(0)
    routers = [
        nn.Sequential(nn.Linear(n_inputs, 7), nn.ReLU(), nn.Linear(7, n_groups)) for _ in range(members)
    ]
    heads = [LinearHeads(torch.randn(n_features + 1, n_groups, n_outputs)) for _ in range(members)]
    costs = 1.0 - np.eye(n_classes)
    return RoutedHeads(routers, heads, bins, hinge, balance, batch_size, n_groups, costs)
