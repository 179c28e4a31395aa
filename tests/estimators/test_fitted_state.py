"""What a fit leaves: all or nothing, dropped by the next, rebuilt when loaded."""

import copy
import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

import skhj
from skhj import EmbeddedInverseSolver, HJPriorRegressor, PQMPrior, PriorInverseSolver
from skhj.estimators.fitted_state import FittedState
from skhj.problems import L1


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


def fitted():
    """One of each kind, quickly."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    S = L1().value(X, 1.0)
    few = {"max_iter": 1, "random_state": 0}
    return [
        HJPriorRegressor(network="ridge", **few).fit(X, S),
        PQMPrior().fit(X, S),
        EmbeddedInverseSolver(np.eye(2), n_layers=1, **few).fit(X, X),
        PriorInverseSolver(np.eye(2), L1(), strength=0.1).fit(X),
    ]


@pytest.fixture(scope="module")
def estimators():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fitted()


def take(estimator, **changes):
    """Load what was saved of it, but for some attributes; None drops one."""
    state = estimator.__getstate__() | changes
    state = {k: v for k, v in state.items() if v is not None or k not in changes}
    other = type(estimator).__new__(type(estimator))
    other.__setstate__(state)
    return other


def test_files_carry_the_versions_that_wrote_them(estimators):
    for estimator in estimators:
        saved = estimator.__getstate__()["_saved_by"]
        assert saved["skhj"] == skhj.__version__
        assert saved.keys() == {"skhj", "scikit-learn", "torch"}
        assert "_saved_by" not in vars(pickle.loads(pickle.dumps(estimator)))


def test_a_newer_version_is_refused_or_told(estimators):
    for estimator in estimators:
        saved = estimator.__getstate__()["_saved_by"]
        name = type(estimator).__name__
        message = f"this {name} was saved with skhj 99.0, which is newer, and does not"
        with pytest.raises(ValueError, match=message):
            take(estimator, _saved_by=saved | {"skhj": "99.0"})
        with pytest.warns(UserWarning, match="saved with torch 99.0, newer than"):
            take(estimator, _saved_by=saved | {"torch": "99.0"})
        take(estimator, _saved_by=saved | {"scikit-learn": "1.0", "torch": "1.0"})


def test_missing_and_unknown_attributes_are_one_sentence(estimators):
    for estimator in estimators:
        parameter = estimator._get_param_names()[0]
        message = f"without the parameter {parameter}, and does not load in skhj"
        with pytest.raises(ValueError, match=message):
            take(estimator, **{parameter: None})
        old = {"skhj": "0.0.1"}
        message = "with skhj 0.0.1, with the attribute colour, which is unknown here"
        with pytest.raises(ValueError, match=message):
            take(estimator, _saved_by=old, colour="red")
        with pytest.raises(ValueError, match="a version that files did not carry yet"):
            take(estimator, _saved_by=None, colour="red")
        assert take(estimator, colour="red").colour == "red"  # the user's own


@pytest.mark.parametrize(
    ("index", "name"), [(0, "_fitted_kind"), (2, "weights_"), (3, "_fitted_limits")]
)
def test_a_fit_that_cannot_be_made_again_is_one_sentence(estimators, index, name):
    message = f"attributes are not those of this version .*{name}.*or fit again"
    with pytest.raises(ValueError, match=message):
        take(estimators[index], **{name: None})
