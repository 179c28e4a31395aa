"""Every estimator answers on a GPU as on the CPU, and moves from one to the other."""

import pickle

import numpy as np
import pytest
import torch
from rectangles import NOISE, SHAPE, squares

from skhj import EmbeddedInverseSolver, HJPriorRegressor, PriorInverseSolver
from skhj.numerics.memory_gradient import MemoryGradient
from skhj.operators import GaussianBlur
from skhj.priors.images.denoise import denoise
from skhj.priors.images.filters import FilterBank
from skhj.priors.images.prior import ImagePrior, cosine_filters

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
    pytest.mark.filterwarnings("ignore::skhj.exceptions.ExtrapolationWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
A = np.random.RandomState(9).normal(size=(5, 8)) / 2


def on_both(make, *data):
    """Fitted estimators, the same but for the device."""
    return tuple(make(device).fit(*data) for device in ("cuda", "cpu"))


def agree(one, other, share, spread):
    """Training amplifies single-precision rounding to a share of the spread."""
    assert np.sqrt(np.mean((one - other) ** 2)) < share * spread


def values_of_l1(n=600):
    X = np.random.RandomState(0).uniform(-3, 3, size=(n, 3))
    P = np.sign(X) * np.maximum(np.abs(X) - 0.5, 0)
    return X, np.abs(P).sum(axis=1) + ((X - P) ** 2).sum(axis=1)


@pytest.mark.parametrize("network", ["icnn", "ridge", "envelope"])
def test_priors_of_vectors(network):
    X, y = values_of_l1()
    gpu, cpu = on_both(
        lambda device: HJPriorRegressor(
            0.5, network=network, max_iter=10, random_state=0, device=device
        ),
        X,
        y,
    )
    agree(gpu.predict(X), cpu.predict(X), 0.05, y.std())
    moved = pickle.loads(pickle.dumps(gpu)).set_params(device="cpu")
    moved = pickle.loads(pickle.dumps(moved))
    for method in ("predict", "prox", "prior"):
        here, there = getattr(moved, method)(X), getattr(gpu, method)(X)
        np.testing.assert_allclose(here, there, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("reflect", [False, True])
def test_filters_and_their_transpose(reflect):
    """To single precision, which cuDNN's default is not."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(6, 2, 5, 3, generator=generator)
    images = torch.randn(3, 2, 20, 17, generator=generator)
    here, there = FilterBank(weights, reflect), FilterBank(weights.cuda(), reflect)
    responses = here.forward(images)
    torch.testing.assert_close(there.forward(images.cuda()).cpu(), responses)
    torch.testing.assert_close(
        there.transpose(responses.cuda()).cpu(), here.transpose(responses)
    )


def test_minimiser_reaches_its_tolerance():
    prior = ImagePrior(cosine_filters(24, (1, 5, 5)), 0.05).requires_grad_(False)
    noisy = torch.rand(4, 1, 60, 50, generator=torch.Generator().manual_seed(0))
    found = denoise(prior.cuda().potential(reflect=True), noisy.cuda())
    assert (found.residual <= MemoryGradient.tolerance).all()
    expected = denoise(prior.cpu().potential(reflect=True), noisy)
    # The tolerance, of images of norm 50 in units of their noise.
    torch.testing.assert_close(found.point.cpu(), expected.point, rtol=0, atol=2e-3)


@pytest.fixture(scope="module")
def image_priors():
    return on_both(
        lambda device: HJPriorRegressor(
            NOISE**2,
            target="prox",
            image_shape=SHAPE,
            max_iter=3,
            batch_size=6,
            random_state=0,
            device=device,
        ),
        *squares(100),
    )


def test_priors_of_images(image_priors):
    gpu, cpu = image_priors
    X, clean = squares(20, seed=1)
    agree(gpu.prox(X), cpu.prox(X), 0.2, np.sqrt(np.mean((cpu.prox(X) - clean) ** 2)))
    moved = pickle.loads(pickle.dumps(gpu)).set_params(device="cpu")
    moved = pickle.loads(pickle.dumps(moved))
    np.testing.assert_allclose(moved.prox(X), gpu.prox(X), rtol=0, atol=1e-3)
    np.testing.assert_allclose(moved.prior(X), gpu.prior(X), rtol=1e-9)


def test_reconstructions(image_priors):
    """The prior's device is the reconstruction's."""
    operator = GaussianBlur(SHAPE, 0.5)
    _, clean = squares(3, seed=1)
    noise = 0.02 * np.random.default_rng(0).normal(size=clean.shape)
    B = operator.data(clean) + noise
    gpu = image_priors[0]
    cpu = pickle.loads(pickle.dumps(gpu.set_params(device="cpu")))
    answers = [
        PriorInverseSolver(operator, prior, strength=0.5, noise_level=0.02, tol=1e-6)
        .fit(B)
        .predict(B)
        for prior in (gpu, cpu)
    ]
    np.testing.assert_allclose(*answers, rtol=0, atol=1e-3)


@pytest.mark.parametrize("network", ["eunet", "optenet", "proximal"])
@pytest.mark.parametrize("loss", ["mse", "energy"])
def test_embedded_solvers(network, loss):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(600, 8)) * (rng.uniform(size=(600, 8)) < 0.25)
    B = X @ A.T + 0.05 * rng.normal(size=(600, 5))
    gpu, cpu = on_both(
        lambda device: EmbeddedInverseSolver(
            A,
            network=network,
            loss=loss,
            max_iter=3,
            embedding_dim=16,
            random_state=0,
            device=device,
        ),
        B,
        X,
    )
    agree(gpu.predict(B), cpu.predict(B), 0.1, X.std())
    moved = pickle.loads(pickle.dumps(gpu)).set_params(device="cpu")
    moved = pickle.loads(pickle.dumps(moved))
    np.testing.assert_allclose(moved.predict(B), gpu.predict(B), rtol=0, atol=1e-4)
    if loss == "energy":
        draws, others = gpu.sample(B[:5], 50), moved.sample(B[:5], 50)
        assert draws.shape == others.shape
        agree(draws.mean(axis=0), others.mean(axis=0), 1.0, X.std())
