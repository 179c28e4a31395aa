"""Parameters that estimators of trained networks share, as scikit-learn checks them."""

from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions

__all__ = ["AUTO", "COUNT", "POSITIVE", "TRAINING"]

AUTO = StrOptions({"auto"})
COUNT = Interval(Integral, 1, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")

TRAINING = {
    "batch_size": [AUTO, COUNT],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "device": [str, torch.device, None],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}
