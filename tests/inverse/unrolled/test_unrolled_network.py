"""Unrolled networks on their misfits."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import Lasso

from skhj.inverse.unrolled.architecture import Architecture
from skhj.inverse.unrolled.build import make_unrolled
from skhj.inverse.unrolled.dense_misfit import DensePhysics
from skhj.inverse.unrolled.embedding import DenseEmbedding, SharedKernels
from skhj.inverse.unrolled.network import EmbeddedNetwork, Halving, standard_normal
from skhj.inverse.unrolled.nonlinear_misfit import NonlinearParts, NonlinearPhysics
from skhj.inverse.unrolled.potential import DensePotential, Potential
from skhj.inverse.unrolled.spectral_misfit import SpectralPhysics
from skhj.inverse.waves import CosineWaves
from skhj.operators import as_operator

SHAPE, N, M = (2, 3, 4), 24, 10
NETWORKS = ["eunet", "optenet", "proximal"]
networks = pytest.mark.parametrize("network", NETWORKS)


def draw(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=dtype)


def dense_physics():
    matrix = draw(M, N)
    factor = draw(N, N, seed=1)
    return DensePhysics(matrix / torch.linalg.norm(matrix, 2), factor, factor)


def spectral_physics():
    multiplier = torch.rand(SHAPE, generator=torch.Generator().manual_seed(0))
    return SpectralPhysics(multiplier, 1 + multiplier, CosineWaves(), SHAPE).double()


def nonlinear_physics():
    W = draw(M, N) / 8
    operator = as_operator(lambda x: torch.tanh(x @ W.to(x).T), shape=(M, N))
    identity, range_ = torch.eye(N).double(), torch.full((N,), 9.0).double()
    parts = NonlinearParts(
        model_mean=draw(N, seed=1),
        models=identity / 2,
        data_mean=torch.zeros(M).double(),
        whitening=torch.eye(M).double(),
        lowest=-range_,
        highest=range_,
        factor=identity,
        spread=identity,
    )
    return NonlinearPhysics(operator, parts)


def build(physics, network, **changes):
    architecture = Architecture(network, 30, n_layers=3)
    return make_unrolled(physics, replace(architecture, **changes)).double()


def make_inputs(physics, n=5):
    width = N if isinstance(physics, SpectralPhysics) else N + M
    return draw(n, width, seed=3)


settings = pytest.mark.parametrize(
    ("make", "image_shape"),
    [
        (dense_physics, None),
        (dense_physics, SHAPE),
        (spectral_physics, SHAPE),
        (nonlinear_physics, None),
        (nonlinear_physics, SHAPE),
    ],
)


@networks
@settings
def test_iterates_go_from_the_start_to_the_answer(network, make, image_shape):
    physics = make()
    module = build(physics, network, image_shape=image_shape)
    inputs = make_inputs(physics)
    iterates = module.iterates(inputs)
    assert len(iterates) == 4
    start = inputs[:, :N]
    torch.testing.assert_close(iterates[0], physics.to_model(start, start))
    torch.testing.assert_close(iterates[-1], module(inputs))
    assert (iterates[1] - iterates[0]).abs().max() > 0


@pytest.mark.parametrize("embedding", ["shared", "layer", "time"])
@settings
def test_layers_are_their_formula(embedding, make, image_shape):
    """z - h_j E_j^T grad D(r + E_j z) - h_j grad phi_j(z) at the times j / J."""
    physics = make()
    module = build(physics, "eunet", embedding=embedding, image_shape=image_shape)
    for seed, parameter in enumerate(module.parameters()):
        parameter.data += 0.1 * draw(*parameter.shape, seed=seed)
    inputs = make_inputs(physics)
    start, data = physics.split(inputs)
    kernels, misfit = module.kernels(), physics.misfit(data)
    expand, restrict = module.embedding.expand, module.embedding.restrict
    z = restrict(kernels[0], start)
    rest, iterates = start - expand(kernels[0], z), [start]
    for j in range(3):
        potential = module.potentials[j % len(module.potentials)]
        slope = misfit.gradient(rest + expand(kernels[j], z))
        slope = restrict(kernels[j], slope) + potential.gradient(z, j / 3)
        z = z - module.log_steps[j].exp() * slope
        iterates.append(rest + expand(kernels[j + 1], z))
    for u, iterate in zip(iterates, module.iterates(inputs), strict=True):
        torch.testing.assert_close(iterate, physics.to_model(u, start))


@settings
@pytest.mark.parametrize("with_embedding", [False, True])
def test_gradient_of_the_misfit_is_its_derivative(make, image_shape, with_embedding):
    physics = make()
    module = build(physics, "eunet", image_shape=image_shape)
    start, data = physics.split(make_inputs(physics))
    misfit, z = physics.misfit(data), start
    if with_embedding:
        embedding, kernel = module.embedding, module.kernels()[0]
        z = embedding.restrict(kernel, start)
        misfit = physics.embed(embedding, kernel, 0.1 * start, data)
    z = z.detach().requires_grad_()
    (expected,) = torch.autograd.grad(misfit(z).sum(), z)
    torch.testing.assert_close(misfit.gradient(z), expected)


@networks
@pytest.mark.parametrize("embedding", ["shared", "layer", "time"])
@settings
def test_every_parameter_is_learned(network, embedding, make, image_shape):
    physics = make()
    module = build(physics, network, embedding=embedding, image_shape=image_shape)
    for parameter in module.parameters():
        parameter.data += 0.01 * torch.randn(
            parameter.shape,
            generator=torch.Generator().manual_seed(4),
            dtype=parameter.dtype,
        )
    module(make_inputs(physics)).square().sum().backward()
    # A bias of the last layer's gradient enters through its slope only.
    assert all(parameter.grad is not None for parameter in module.parameters())
    assert all(parameter.grad.abs().sum() > 0 for parameter in module.parameters())


def recording(gradient, iterates):
    """Function that notes where the gradient is asked for."""

    def noting(z, time):
        iterates.append(z)
        return gradient(z, time)

    return noting


@settings
def test_optenet_descends_its_objective(make, image_shape, monkeypatch):
    """Even with steps a hundred times too long."""
    physics = make()
    module = build(physics, "optenet", image_shape=image_shape, n_layers=8)
    with torch.no_grad():
        module.log_steps += np.log(100.0)
        module.potentials[0].output_weight *= 10
    inputs, iterates = make_inputs(physics), []
    start, data = physics.split(inputs)
    kernel, potential = module.kernels()[0], module.potentials[0]
    monkeypatch.setattr(potential, "gradient", recording(potential.gradient, iterates))
    module.eval()(inputs)
    rest = start - module.embedding.expand(kernel, iterates[0])
    misfit = physics.embed(module.embedding, kernel, rest, data)
    values = [potential(z) + misfit(z) for z in iterates]
    falls = torch.stack(values).diff(dim=0)
    # Nothing but rounding may rise.
    assert (falls <= 1e-12 * values[0].abs()).all()
    assert (falls[0] < 0).all()


def test_training_halves_steps_of_some_samples_only():
    physics = dense_physics()
    module = build(physics, "optenet")
    inputs = make_inputs(physics)
    plain = module(inputs)
    torch.testing.assert_close(module.eval()(inputs), plain)
    with torch.no_grad():
        module.log_steps += np.log(100.0)
        halved, mixed = module(inputs), module.train()(inputs)
    is_halved = torch.arange(len(inputs)) % module.halving.every == 0
    torch.testing.assert_close(mixed[is_halved], halved[is_halved])
    rest = ~is_halved
    assert (mixed - plain)[rest].norm() > 10 * (halved - plain)[rest].norm()


def test_embedded_steps_are_the_formula():
    physics = dense_physics()
    module = build(physics, "eunet", n_layers=1)
    start, data = physics.split(make_inputs(physics))
    E, last = module.kernels()
    z, h, A = start @ E, module.steps[0], physics.matrix
    rest = start - z @ E.T
    misfit_slope = ((rest + z @ E.T) @ A.T - data) @ A @ E
    z = z - h * misfit_slope - h * module.potentials[0].gradient(z, 0.0)
    expected = (rest + z @ last.T) @ physics.factor.T
    torch.testing.assert_close(module(make_inputs(physics)), expected)


def test_one_sharp_layer_is_the_lasso():
    """K = gamma I: descent on |A E z - d|^2 / 2 + alpha |z|_1."""
    k, m, K, alpha, gamma = 6, 8, 12, 0.1, 500.0
    A = torch.linalg.qr(draw(m, k))[0]
    dictionary = torch.linalg.qr(draw(K, k, seed=1))[0].T
    one = torch.ones(K, dtype=torch.float64)
    potential = Potential.__new__(DensePotential)
    eye = torch.eye(K, dtype=torch.float64)
    Potential.__init__(potential, [eye], [0 * one], alpha * one, gamma * one)
    identity = torch.eye(k, dtype=torch.float64)
    physics = DensePhysics(A, identity, identity)
    kernels = SharedKernels(dictionary, 2000)
    # Steps below 2 / (1 + alpha gamma), the curvature of the objective.
    options = {"step": 0.03, "halving": Halving()}
    network = EmbeddedNetwork(
        physics, DenseEmbedding, kernels, [potential], 2000, **options
    ).eval()
    d = draw(3, m, seed=2)
    with torch.no_grad():
        network.log_steps.data = network.log_steps.data.double()
        answer = network(torch.cat([torch.zeros(3, k).double(), d], dim=1)).numpy()
    design = (A @ dictionary).numpy()
    lasso = Lasso(alpha=alpha / m, fit_intercept=False, tol=1e-12, max_iter=10**6)
    expected = np.stack([lasso.fit(design, row).coef_ for row in d.numpy()])
    # At the corner a coefficient is atanh(g) / gamma, with the l1 norm's subgradient g:
    # some thousandths for each of the twelve, where the lasso has zero.
    np.testing.assert_allclose(answer, expected @ dictionary.numpy().T, atol=2e-2)
    assert np.abs(expected).max() > 0.5


@networks
@settings
def test_noise_makes_draws_that_the_generator_determines(network, make, image_shape):
    physics = make()
    module = build(physics, network, image_shape=image_shape, noisy=True)
    inputs = make_inputs(physics)

    def answer(seed):
        return module(inputs, standard_normal(torch.Generator().manual_seed(seed)))

    torch.testing.assert_close(answer(0), answer(0), rtol=0, atol=0)
    assert (answer(0) - answer(1)).abs().max() > 0.01
    torch.testing.assert_close(module(inputs), module(inputs), rtol=0, atol=0)


@networks
def test_same_seed_same_weights(network):
    first, second, other = (
        build(dense_physics(), network, seed=seed).state_dict() for seed in (0, 0, 1)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)
