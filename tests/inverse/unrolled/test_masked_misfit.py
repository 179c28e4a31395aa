"""Misfit of data that were not all measured."""

import torch

from skhj.inverse.unrolled.masked_misfit import MaskedPhysics

M, K = 5, 4


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def make(size=2.0):
    root = draw(M, M)
    correlation = root @ root.T + torch.eye(M)
    eye = torch.eye(K, dtype=torch.float64)
    size = torch.tensor(size, dtype=torch.float64)
    start, offset = draw(K, M, seed=2), draw(K, seed=3)
    return MaskedPhysics(draw(M, K, seed=1), correlation, start, offset, size, eye, eye)


def test_misfit_is_of_the_data_measured_and_the_start_of_the_completed():
    physics = make()
    values, u = draw(3, M, seed=4), draw(3, K, seed=5).requires_grad_()
    mask = torch.tensor([[1, 1, 0, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]]).double()
    start, data = physics.split(torch.cat([values * mask, mask], dim=1))
    misfit = physics.misfit(data)
    expected, starts = [], []
    S = physics.correlation
    for b, m, point in zip(values, mask.bool(), u, strict=True):
        residuals = (physics.matrix @ point - b / 2)[m]
        expected.append(residuals @ torch.linalg.solve(S[m][:, m], residuals) / 2)
        complete = S[:, m] @ torch.linalg.solve(S[m][:, m], b[m])
        starts.append(physics.start @ complete + physics.offset)
    torch.testing.assert_close(misfit(u), torch.stack(expected))
    torch.testing.assert_close(start, torch.stack(starts))
    (slope,) = torch.autograd.grad(misfit(u).sum(), u)
    torch.testing.assert_close(misfit.gradient(u), slope)
    torch.testing.assert_close(physics.misfit(data[1:])(u[1:]), misfit(u)[1:])
