"""
A double well, and what an embedding makes of it
================================================

Models x near -1 or near 1 have the regulariser R(x) = (x² - 1)², which has two wells:
descent ends in the one it starts in. Eliasof, Haber and Treister (arXiv 2402.04653,
example 3.3) lift such a problem to more dimensions, x = E z, where the regulariser is
convex. Here z = (x, x²), and R is the parabola (z₂ - 1)².

A convex regulariser of z and a linear E are not the whole story: the smallest value
over all z of one x is a convex function of x, without wells. ``EmbeddedInverseSolver``
learns embedding and steps from samples instead, and what it learns has the wells.
"""

# %%
# The well, and its embedding
# ---------------------------
# From b = x + noise, descent on the misfit plus R stays in the left well although the
# datum is in the right one. In z there is no barrier: the floor of the parabola, at
# z₂ = 1, leads from well to well. It leads to z₁ = b as well, which is the datum:
# that models are on the curve z₂ = z₁² is what (z₂ - 1)² alone does not know.

import matplotlib as mpl
import numpy as np
from scipy.integrate import cumulative_trapezoid

from skhj import EmbeddedInverseSolver

mpl.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

TEMPERATURE, NOISE = 0.3, 0.6


def well(x):
    """The regulariser, over its temperature."""
    return (x**2 - 1) ** 2 / TEMPERATURE


def descent(gradient, start, step=0.02, n_steps=300):
    """Points on the way down."""
    path = [np.array(start)]
    for _ in range(n_steps):
        path.append(path[-1] - step * gradient(path[-1]))
    return np.array(path)


datum, start = 0.5, -1.4


def slope(x):
    """Derivative of misfit and regulariser, as functions of x."""
    return (x - datum) / NOISE**2 + 4 * x * (x**2 - 1) / TEMPERATURE


def embedded_slope(z):
    """Gradient of misfit and regulariser, as functions of z."""
    return np.array([(z[0] - datum) / NOISE**2, 2 * (z[1] - 1) / TEMPERATURE])


x_path = descent(slope, start)
z_path = descent(embedded_slope, (start, start**2))
print(
    f"datum {datum}: descent in x ends at {x_path[-1]:.2f}, in z at {z_path[-1, 0]:.2f}"
)

fig, axes = plt.subplots(2, 2, figsize=(9, 7), layout="constrained")
x = np.linspace(-1.6, 1.6, 401)
axes[0, 0].plot(x, well(x), label="R")
objective = well(x_path) + (x_path - datum) ** 2 / (2 * NOISE**2)
axes[0, 0].plot(x, well(x) + (x - datum) ** 2 / (2 * NOISE**2), label="with the misfit")
axes[0, 0].plot(x_path, objective, "C1.", label="descent")
axes[0, 0].set(title="the double well", xlabel="x", ylim=(-0.5, 9))
axes[0, 0].legend()

z1, z2 = np.meshgrid(x, np.linspace(-0.6, 2.6, 201))
axes[0, 1].contourf(z1, z2, (z2 - 1) ** 2 / TEMPERATURE, 12, cmap="Blues_r")
axes[0, 1].plot(x, x**2, "k", linewidth=1, label="models: z₂ = z₁²")
axes[0, 1].plot([-1, 1], [1, 1], "ko", markersize=5)
axes[0, 1].plot(*z_path.T, "C1.", label="descent")
axes[0, 1].set(title="its embedding", xlabel="z₁ = x", ylabel="z₂", ylim=(-0.6, 2.6))
axes[0, 1].legend()

# %%
# Samples
# -------
# Models are drawn with density exp(-R), and measured with noise. The best estimate, the
# conditional mean, is an integral over one variable. Beside it stands the estimate by
# the largest convex function below R, to which the embedding comes if its z are those
# on and above the curve.

rng = np.random.default_rng(0)
grid = np.linspace(-2.5, 2.5, 2001)
density = np.exp(-well(grid))
distribution = np.cumsum(density) / density.sum()


def samples(n):
    """Data and models."""
    models = np.interp(rng.uniform(size=n), distribution, grid)[:, None]
    return models + NOISE * rng.standard_normal((n, 1)), models


def conditional_mean(B):
    """The best estimate, by a sum over the grid."""
    weights = density * np.exp(-((B - grid) ** 2) / (2 * NOISE**2))
    return weights @ grid[:, None] / weights.sum(axis=1, keepdims=True)


envelope = np.where(np.abs(grid) > 1, well(grid), 0.0)


def by_envelope(B):
    """The minimiser with the convex envelope for a regulariser."""
    return grid[np.argmin((B - grid) ** 2 / (2 * NOISE**2) + envelope, axis=1)][:, None]


B, X = samples(4000)
B_test, X_test = samples(4000)
est = EmbeddedInverseSolver([[1.0]], random_state=0).fit(B, X)
estimates = {
    "conditional mean": conditional_mean,
    "convex envelope": by_envelope,
    "linear": est.linear_estimate,
    "EmbeddedInverseSolver": est.predict,
}
errors = {name: np.mean((f(B_test) - X_test) ** 2) for name, f in estimates.items()}
for name, error in errors.items():
    print(f"{name}: {error / errors['conditional mean']:.3f} times the smallest error")

# %%
# The regulariser behind an estimate
# ----------------------------------
# A conditional mean m(b) is also the minimiser of (x - b)²/(2 s²) + J(x), for a J of
# slope (b - m)/s² at x = m(b), and so is every increasing estimate: J is what a network
# has learned of the well. The mean's is a double well again, with a lower barrier:
# J + x²/(2 s²) is always convex. The linear estimate's is a parabola.

b = np.linspace(-2.2, 2.2, 400)[:, None]
for (name, estimate), style in zip(
    estimates.items(), ("k--", "C7:", "C2-.", "C1"), strict=True
):
    m = estimate(b)
    axes[1, 0].plot(b, m, style, label=name)
    J = cumulative_trapezoid((b - m)[:, 0] / NOISE**2, m[:, 0], initial=0)
    axes[1, 1].plot(m, J - J.min(), style, label=name)
axes[1, 0].set(title="estimates", xlabel="datum b", ylabel="x")
axes[1, 0].legend()
axes[1, 1].set(title="regularisers behind them", xlabel="x", xlim=(-1.4, 1.4))
axes[1, 1].set(ylim=(-0.1, 2), ylabel="J")
axes[1, 1].legend()

fig.savefig("double_well.png", dpi=120)
print("double_well.png written")
