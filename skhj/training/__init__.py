"""The one place where torch modules are trained, through skorch."""

from skhj.training.net import checked_net_params
from skhj.training.processes import share_training
from skhj.training.schedule import Schedule
from skhj.training.trainer import Trainer, TrainingResult

__all__ = [
    "Schedule",
    "Trainer",
    "TrainingResult",
    "checked_net_params",
    "share_training",
]
