"""
A prior between two bounds
==========================

Samples of a value function and of its gradient bound the prior that generates it from
below (one quadratic a sample, touching at its proximal point) and from above. The
bracket closes as the samples grow, with no training.
"""

# %%
# A prior in one dimension
# ------------------------
# The prior below is smooth and not convex. Its constants at t = 1 are known: psi* is
# 0.3-strongly convex and 1.3-smooth.

import matplotlib.pyplot as plt
import numpy as np

from skhj import PQMPrior, check_reachable


def prior(Y):
    """J(y) = sum log cosh y_j - 0.35 |y|^2."""
    log_cosh = np.logaddexp(Y, -Y) - np.log(2)
    return (log_cosh - 0.35 * Y**2).sum(axis=1)


def samples(P):
    """Points whose prox at t = 1 is P, values and gradients there."""
    gradient = np.tanh(P) - 0.7 * P
    return P + gradient, prior(P) + (gradient**2).sum(axis=1) / 2, gradient


rng = np.random.default_rng(0)
y = np.linspace(-3, 3, 601)[:, None]
fig, axes = plt.subplots(2, 3, figsize=(10, 6.5), layout="constrained")
for ax, n_samples in zip(axes[0], (4, 8, 16), strict=True):
    X, S, gradient = samples(np.linspace(-2.8, 2.8, n_samples)[:, None])
    model = PQMPrior(t=1.0, alpha=0.3, smoothness=1.3).fit(X, S, gradient=gradient)
    lower, upper = model.prior_bounds(y)
    ax.fill_between(y[:, 0], lower, upper, alpha=0.3, label="certified bracket")
    ax.plot(y, prior(y), "k", lw=1, label="the prior")
    ax.set(title=f"{n_samples} samples", ylim=(-0.8, 0.5), xlabel="y")
    print(f"{n_samples} samples: widest bracket {np.max(upper - lower):.3f}")
axes[0, 0].legend(loc="lower center", fontsize=8)

# %%
# Could other data be a value function at all?
# --------------------------------------------
# These are, and would be until the time at which psi stops being convex.

print(check_reachable(X, S, gradient, t=1.0))

# %%
# Two dimensions: PAM, PQM, and a constant for each piece
# -------------------------------------------------------
# PAM needs no constant (alpha = 0) and no gradient; PQM takes the largest constant that
# the samples allow; "local" one for each piece, more accurate and no longer a bound.

grid = np.linspace(-2.5, 2.5, 101)
Y = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
X, S, gradient = samples(rng.uniform(-2.8, 2.8, size=(300, 2)))
exact = prior(Y)
for ax, alpha in zip(axes[1], (0, "auto", "local"), strict=True):
    model = PQMPrior(t=1.0, alpha=alpha).fit(X, S, gradient=gradient)
    error = exact - model.prior(Y)
    image = ax.pcolormesh(
        grid,
        grid,
        np.log10(np.abs(error) + 1e-6).reshape(101, 101),
        vmin=-5,
        vmax=-0.5,
        rasterized=True,
    )
    name = {0: "PAM", "auto": "PQM", "local": "local"}[alpha]
    ax.set(title=f"{name}: mean error {np.abs(error).mean():.4f}", aspect="equal")
    print(f"{name}: alpha {model.alpha_:.3f}, mean error {np.abs(error).mean():.5f}")
fig.colorbar(image, ax=axes[1], label="log10 of the error", shrink=0.8)
fig.savefig("certified_prior.png", dpi=120)
