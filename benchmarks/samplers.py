"""Draws from posteriors by what the papers compare with: diffusion and Langevin.

And where no draw should be: the share of draws at which a known posterior has no mass.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from skhj.numerics.gaussian_mixture import GaussianMixture, mean

__all__ = [
    "Diffusion",
    "diffusion_draws",
    "exact_draws",
    "langevin",
    "share_without_mass",
]


@dataclass
class Diffusion:
    """Diffusion posterior sampling: a prior by a score network, and guidance by b.

    Chung et al., "Diffusion posterior sampling for general noisy inverse problems",
    ICLR 2023, algorithm 1: noise is predicted by a network trained on models alone, and
    each reverse step is followed by one against the misfit of the predicted model.

    Parameters
    ----------
    n_steps : int, default=500
        Steps of the diffusion.
    n_updates : int, default=4000
        Steps of Adam, of 512 models each.
    hidden : int, default=128
        Width of three layers.
    clipped : bool, default=False
        Whether predicted models are kept within the range of those learned from, as is
        usual for images: without it errors of the first steps grow with the dimension.
    seed : int, default=0
        Source of everything.
    """

    n_steps: int = 500
    n_updates: int = 4000
    hidden: int = 128
    clipped: bool = False
    seed: int = 0

    def fit(self, X):
        """Learn the score of models (n, N)."""
        torch.manual_seed(self.seed)
        self.mean, scale = X.mean(axis=0), X.std(axis=0)
        # Pixels that are all but always black would be outliers in their own units.
        self.scale = np.maximum(scale, 0.2 * scale.max())
        x = torch.tensor((X - self.mean) / self.scale, dtype=torch.float32)
        self.range = x.amin(dim=0), x.amax(dim=0)
        steps = torch.linspace(0, 1, self.n_steps + 1)
        kept = torch.cos((steps + 0.008) / 1.008 * math.pi / 2).square()
        self.betas = (1 - kept[1:] / kept[:-1]).clamp(max=0.999)
        self.kept = (1 - self.betas).cumprod(0)
        N, H = x.shape[1], self.hidden
        layers = [nn.Linear(N + 16, H), nn.SiLU(), nn.Linear(H, H), nn.SiLU()]
        self.network = nn.Sequential(
            *layers, nn.Linear(H, H), nn.SiLU(), nn.Linear(H, N)
        )
        optimizer = torch.optim.Adam(self.network.parameters(), 1e-3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.n_updates)
        for _ in range(self.n_updates):
            rows = x[torch.randint(len(x), (512,))]
            step = torch.randint(self.n_steps, (512,))
            noise = torch.randn_like(rows)
            kept = self.kept[step][:, None]
            noisy = kept.sqrt() * rows + (1 - kept).sqrt() * noise
            loss = (self._noise(noisy, step) - noise).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        return self

    def _noise(self, x, step):
        angles = step[:, None] / self.n_steps * 2.0 ** torch.arange(8) * math.pi / 2
        return self.network(torch.cat([x, angles.sin(), angles.cos()], dim=1))

    def sample(self, B, A, guidance):
        """Draws (n, N), one for each of the data (n, M).

        ``guidance`` is the length of a step against the misfit.
        """
        torch.manual_seed(self.seed + 1)
        n = len(B)
        A_unit = torch.tensor(A * self.scale, dtype=torch.float32)
        target = torch.tensor(B - A @ self.mean, dtype=torch.float32)
        x = torch.randn(n, A.shape[1])
        for i in reversed(range(self.n_steps)):
            x = x.requires_grad_(True)
            noise = self._noise(x, torch.full((n,), i))
            clean = (x - (1 - self.kept[i]).sqrt() * noise) / self.kept[i].sqrt()
            clean = clean.clamp(*self.range) if self.clipped else clean
            misfit = (clean @ A_unit.T - target).norm(dim=1)
            (slope,) = torch.autograd.grad(misfit.square().sum(), x)
            with torch.no_grad():
                before = self.kept[i - 1] if i else torch.ones(())
                beta, kept = self.betas[i], self.kept[i]
                x = (
                    (1 - beta).sqrt() * (1 - before) / (1 - kept) * x
                    + before.sqrt() * beta / (1 - kept) * clean
                    + (beta * (1 - before) / (1 - kept)).sqrt() * torch.randn_like(x)
                    - guidance * slope / misfit[:, None].clamp(min=1e-6)
                )
        return self.mean + self.scale * x.numpy()


def diffusion_draws(B, X, A, B_test, guidances, *, n_draws, seed, n_judges=100):
    """Draws of diffusion posterior sampling at the best of some guidances.

    Learned from models alone; the guidance is the one whose means of draws are best on
    training pairs. Guidance counts in the data's standard deviation, whatever its unit.

    Parameters
    ----------
    B, X : ndarray of shape (n, M) and (n, N)
        Training pairs.
    A : ndarray of shape (M, N)
        The operator.
    B_test : ndarray of shape (m, M)
        Data to draw for.
    guidances : sequence of float
        Candidates.
    n_draws : int
        Draws for each.
    seed : int
        Source of everything.
    n_judges : int, default=100
        Training pairs that choose the guidance.

    Returns
    -------
    ndarray of shape (n_draws, m, N)
        The draws.
    """
    model, unit = Diffusion(clipped=True, seed=seed).fit(X), B.std()

    def draws(B, guidance):
        rows = np.tile(B, (n_draws, 1)) / unit
        return model.sample(rows, A / unit, guidance).reshape(n_draws, len(B), -1)

    def error(guidance):
        means = draws(B[:n_judges], guidance).mean(axis=0)
        return np.mean((means - X[:n_judges]) ** 2)

    return draws(B_test, min(guidances, key=error))


def langevin(posterior, n, *, n_steps=2000, seed=0):
    """Unadjusted Langevin draws (n, d) of a known mixture, from the prior's own width.

    Steps are a tenth of the narrowest variance, the longest that keep its spread; the
    starts are normal, with the mean and the covariance of the mixture.

    Parameters
    ----------
    posterior : GaussianMixture
        Given one datum: weights (K,), means (K, d), covariances (K, d, d). Or given
        several, weights (m, K) and means (m, K, d).
    n : int
        Draws.
    n_steps : int, default=2000
        Steps.
    seed : int, default=0
        Source of the noise.

    Returns
    -------
    ndarray of shape (n, d) or (n, m, d)
        The draws.
    """
    rng = np.random.RandomState(seed)
    weights, means, covariances = posterior = GaussianMixture(*posterior)
    precisions = np.linalg.inv(covariances)
    logs = np.log(np.maximum(weights, 1e-300)) + np.linalg.slogdet(precisions)[1] / 2
    h = 0.1 * np.linalg.eigvalsh(covariances).min()
    centre = mean(posterior)
    away = means - centre[..., None, :]
    spread = np.einsum("...k,kij->...ij", weights, covariances)
    spread = spread + np.einsum("...k,...ki,...kj->...ij", weights, away, away)
    _, variances, axes = np.linalg.svd(spread)
    x = np.sqrt(variances) * rng.normal(size=(n, *centre.shape))
    x = centre + np.einsum("...i,...ij->...j", x, axes)
    for _ in range(n_steps):
        away = x[..., None, :] - means
        pulls = np.einsum("kij,...kj->...ki", precisions, away)
        log = logs - np.einsum("...ki,...ki->...k", away, pulls) / 2
        share = np.exp(log - log.max(axis=-1, keepdims=True))
        share /= share.sum(axis=-1, keepdims=True)
        score = -np.einsum("...k,...ki->...i", share, pulls)
        x = x + h * score + np.sqrt(2 * h) * rng.normal(size=x.shape)
    return x


def exact_draws(posterior, n, rng):
    """Draws of one posterior."""
    k = rng.choice(len(posterior.weights), size=n, p=posterior.weights)
    factors = np.linalg.cholesky(posterior.covariances)[k]
    noise = rng.normal(size=(n, posterior.means.shape[1]))
    return posterior.means[k] + np.einsum("nij,nj->ni", factors, noise)


def _line_of_modes(posterior):
    """Direction from the likeliest mode of one posterior to the next."""
    first, second = posterior.means[np.argsort(-posterior.weights)[:2]]
    return (second - first) / np.linalg.norm(second - first)


def share_without_mass(draws, posterior):
    """Share of draws where the density along the line of modes is below 5 %."""
    direction = _line_of_modes(posterior)
    centres = posterior.means @ direction
    widths = np.sqrt(direction @ posterior.covariances @ direction)

    def density(places):
        white = (places[:, None] - centres) / widths
        return np.exp(-(white**2) / 2) @ (posterior.weights / widths)

    peak = density(np.linspace(centres.min() - 1, centres.max() + 1, 4000)).max()
    return np.mean(density(draws @ direction) < 0.05 * peak)
