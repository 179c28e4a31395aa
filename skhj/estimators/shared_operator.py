"""Operators as parameters: shared by copies, and left out of files they do not fit."""

import copy
import pickle
from typing import Any, Self

from sklearn.base import clone

__all__ = ["LeftOut", "SharedOperator"]


class LeftOut:
    """In the place of an operator that could not be saved.

    Parameters
    ----------
    kind : str
        Name of its class.
    """

    def __init__(self, kind):
        self.kind = kind

    def __repr__(self):
        return f"LeftOut({self.kind!r})"


class SharedOperator:
    """Base of the estimators with a parameter ``operator``, before `FittedState`.

    It is a part of the problem, not a number to copy or to tune, and often another
    library's: `clone` shares it. A fitted estimator is saved without one that does not
    pickle, and asks for it when it is needed. A subclass has ``_load_with(operator)``
    in the place of ``_load()``, and keeps ``_fitted_operator``.
    """

    def __sklearn_clone__(self):
        parameters = self.get_params(deep=False)
        shared = self._shared_parameters()
        copies = {
            k: clone(v, safe=False) for k, v in parameters.items() if k not in shared
        }
        new = type(self)(**copies, **shared)
        # What else scikit-learn's own clone keeps.
        for name in ("_metadata_request", "_sklearn_output_config"):
            if hasattr(self, name):
                setattr(new, name, copy.deepcopy(getattr(self, name)))
        if hasattr(self, "_skl_callbacks"):
            new._skl_callbacks = self._skl_callbacks
        return new

    def _shared_parameters(self):
        return {"operator": self.operator}

    def set_params(self, **params: Any) -> Self:
        """Set parameters; an operator that was left out of a file takes its place.

        Parameters
        ----------
        **params : dict
            Parameters by name.

        Returns
        -------
        estimator
            The estimator.
        """
        super().set_params(**params)  # type: ignore[misc]  # BaseEstimator's
        if "operator" in params and self._is_left_out():
            self._keep_fit(_fitted_operator=self.operator)
            self._keep_fit(**self._load())
        return self

    def _load(self):
        return {} if self._is_left_out() else self._load_with(self._fitted_operator)

    def _is_left_out(self):
        return isinstance(vars(self).get("_fitted_operator"), LeftOut)

    def __getattr__(self, name):
        if name.startswith("_loaded") and self._is_left_out():
            raise ValueError(
                f"operator, a {self._fitted_operator.kind}, does not pickle and was "
                "left out when this estimator was saved: call set_params(operator=...) "
                "with it first"
            )
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")

    def __getstate__(self):
        state = super().__getstate__()
        operator = state.get("_fitted_operator")
        if operator is not None and not _pickles(operator):
            left_out = LeftOut(type(operator).__name__)
            state = state | {"operator": left_out, "_fitted_operator": left_out}
        return state


def _pickles(operator):
    try:
        pickle.dumps(operator)
    except Exception:  # foreign code raises what it likes
        return False
    return True
