"""What a fit leaves: all or nothing, dropped by the next, rebuilt when loaded."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from skhj.estimators.fitted_state import FittedState


class Model:
    """Stands for a module on a device: it must not be pickled."""

    def __init__(self, weights):
        self.weights = weights

    def __reduce__(self):
        raise AssertionError("a loaded model was pickled")


class Estimator(FittedState, BaseEstimator):
    """A fit keeps weights, and a model made of them."""

    def __init__(self, fails=False):
        self.fails = fails

    def fit(self, X):
        self._forget_fit()
        if self.fails:
            raise KeyboardInterrupt
        return self._keep_fit(
            weights_=X,
            _fitted_scale=2.0,
            _loaded_model=Model(X),
        )

    def _load(self):
        return {"_loaded_model": Model(self._fitted_scale * self.weights_ / 2)}


X = np.arange(3.0)
COPIES = {"pickle": lambda e: pickle.loads(pickle.dumps(e)), "copy": copy.deepcopy}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copy_has_its_model_made_again(copied):
    estimator = Estimator().fit(X)
    other = copied(estimator)
    check_is_fitted(other)
    assert other._loaded_model is not estimator._loaded_model
    np.testing.assert_array_equal(other._loaded_model.weights, X)
    assert "_loaded_model" not in estimator.__getstate__()
    assert hasattr(estimator, "_loaded_model")  # being saved changes nothing


@pytest.mark.parametrize("copied", [*COPIES.values(), clone])
def test_a_copy_of_what_is_not_fitted_is_not_fitted(copied):
    other = copied(Estimator())
    with pytest.raises(NotFittedError):
        check_is_fitted(other)


def test_an_interrupted_refit_leaves_nothing_and_keeps_the_parameters():
    estimator = Estimator().fit(X).set_params(fails=True)
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X)
    assert vars(estimator) == {"fails": True}
    with pytest.raises(NotFittedError):
        check_is_fitted(estimator)


def test_a_copied_fit_is_that_of_the_other_but_for_what_changes():
    estimator = Estimator().fit(X)
    other = clone(estimator)._copy_fit(estimator, _fitted_scale=4.0)
    check_is_fitted(other)
    np.testing.assert_array_equal(other._loaded_model.weights, 2 * X)
    np.testing.assert_array_equal(estimator._loaded_model.weights, X)
