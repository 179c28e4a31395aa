"""Fitted priors as torch modules: answers, types, and gradients."""

import pickle

import numpy as np
import pytest
import torch
from rectangles import NOISE, SHAPE, squares
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from torch.autograd import gradcheck, gradgradcheck

from skhj import HJPriorRegressor, PQMPrior
from skhj.adaptors import to_torch
from skhj.datasets import make_value_samples
from skhj.problems import L1, ConcaveQuadratic

T = 0.5
FEW = {"envelope": 5, "icnn": 5, "ridge": 100}
pytestmark = [
    pytest.mark.filterwarnings("ignore::skhj.exceptions.ExtrapolationWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


@pytest.fixture(scope="module", params=FEW)
def fitted(request):
    """A prior of each kind."""
    X, y, G = make_value_samples(L1(), 300, 2, t=T, random_state=0)
    est = HJPriorRegressor(
        T, network=request.param, max_iter=FEW[request.param], random_state=0
    )
    return est.fit(X, y, gradient=G)


@pytest.fixture(scope="module")
def images():
    est = HJPriorRegressor(
        NOISE**2, target="prox", image_shape=SHAPE, max_iter=2, batch_size=6
    )
    return est.set_params(random_state=0).fit(*squares(60))


def points(n=4, d=2):
    return torch.tensor(
        np.random.default_rng(0).normal(size=(n, d)), requires_grad=True
    )


def test_answers_are_the_estimators(fitted):
    module, x = to_torch(fitted), points()
    X = x.detach().numpy()
    for answer, expected in (
        (module.value(x), fitted.predict(X)),
        (module.prox(x), fitted.prox(X)),
        (module(x), fitted.prox(X)),
        (module.prox(x, time=0.2), fitted.prox(X, time=0.2)),
        (module.prior(x), fitted.prior(X)),
    ):
        np.testing.assert_array_equal(answer.detach().numpy(), expected)


def test_gradients_are_the_derivatives(fitted):
    """Kinks of piecewise quadratic potentials are not met by these points."""
    module, x = to_torch(fitted), points()
    assert gradcheck(module.value, x, atol=1e-6)
    assert gradcheck(module.prox, x, eps=1e-5, atol=1e-4)
    assert gradcheck(lambda x: module.prox(x, 0.2), x, eps=1e-5, atol=1e-4)


def test_gradient_of_the_prior_is_its_derivative(fitted):
    # Newton's method solves for the prior to 1e-8 or so.
    assert gradcheck(to_torch(fitted).prior, points(), eps=1e-4, atol=1e-3, rtol=1e-3)


def test_the_value_function_is_differentiable_twice():
    X, y, G = make_value_samples(ConcaveQuadratic(0.5), 100, 2, t=T, random_state=0)
    est = HJPriorRegressor(T, network="ridge", random_state=0).fit(X, y, gradient=G)
    assert gradgradcheck(to_torch(est).value, points(), atol=1e-6)
    # S = -|x|^2 / (4 - 2t): the concave quadratic's own.
    hessian = torch.autograd.functional.hessian(
        lambda x: to_torch(est).value(x).sum(), points(1)
    ).reshape(2, 2)
    P = est.prox(np.eye(2)) - est.prox(np.zeros((2, 2)))
    np.testing.assert_allclose(hessian, (np.eye(2) - P) / T, atol=1e-8)


def test_images_keep_their_shape_and_gradients_flow(images):
    """The derivative u along v solves u + t Hess J(p) u = v at the proximal image p."""
    module = to_torch(images)
    x = torch.tensor(squares(2, seed=1)[0].reshape(-1, 1, *SHAPE), requires_grad=True)
    v = torch.randn(
        x.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    P = module(x)
    (u,) = torch.autograd.grad(P, x, v)
    assert P.shape == u.shape == x.shape
    P, U = (part.detach().flatten(1).numpy() for part in (P, u))
    step = 1e-6
    ends = [images.prior_gradient(P + sign * step * U) for sign in (1, -1)]
    hessian = (ends[0] - ends[1]) / (2 * step)
    # The tolerance of the solver, 1e-4 of the direction.
    left = U + module.t * hessian - v.flatten(1).numpy()
    assert (
        np.linalg.norm(left, axis=1) < 3e-4 * v.flatten(1).norm(dim=1).numpy()
    ).all()


def test_a_time_below_t_has_its_own_derivative(images):
    """At a small time the prox is nearly the identity, and so its derivative."""
    module = to_torch(images)
    x = torch.tensor(squares(1, seed=1)[0], requires_grad=True)
    v = torch.ones_like(x)
    (slope,) = torch.autograd.grad(module.prox(x, 1e-8 * module.t), x, v)
    np.testing.assert_allclose(slope, v, atol=1e-5)


def test_single_precision_stays(fitted):
    x = points().detach().float().requires_grad_()
    module = to_torch(fitted)
    for method in (module.value, module.prox, module.prior):
        answer = method(x)
        assert answer.dtype == torch.float32
        answer.sum().backward()
    assert x.grad.dtype == torch.float32


def test_modules_nest_and_pickle(fitted):
    x = points()
    network = torch.nn.Sequential(torch.nn.Linear(2, 2).double(), to_torch(fitted))
    network(x).sum().backward()
    assert network[0].weight.grad.abs().sum() > 0
    copy = pickle.loads(pickle.dumps(to_torch(fitted)))
    torch.testing.assert_close(copy(x), to_torch(fitted)(x), rtol=1e-12, atol=0)
    frozen = to_torch(FrozenEstimator(fitted))
    torch.testing.assert_close(frozen(x), copy(x), rtol=1e-12, atol=0)


def test_what_has_no_derivative_says_so():
    X, y, G = make_value_samples(L1(), 100, 2, t=T, random_state=0)
    module = to_torch(PQMPrior(T).fit(X, y, G))
    x = points()
    module.value(x).sum().backward()
    assert x.grad.isfinite().all()
    with pytest.raises(NotImplementedError, match="of PQMPrior has no derivative"):
        module.prox(x).sum().backward()


def test_what_is_no_fitted_prior_is_refused():
    for wrong in (L1(), HJPriorRegressor, None):
        with pytest.raises(ValueError, match="est must be a fitted estimator"):
            to_torch(wrong)
    with pytest.raises(NotFittedError):
        to_torch(HJPriorRegressor())


@pytest.mark.parametrize("time", [0.0, -1.0, 0.6, np.nan, "a"])
def test_a_time_that_was_not_learned_is_refused(fitted, time):
    with pytest.raises(ValueError, match=r"time must be above 0 and at most t=0.5"):
        to_torch(fitted).prox(points(), time=time)
