"""
What lies below a line of magnetometers
=======================================

Stations in a line measure the magnetic anomaly of a vertical section of the ground. Far
fewer data than cells: most of the section is invisible to them, and only knowledge of
what sections look like can fill it in. Here sections are scikit-learn's handwritten
digits, 8 x 8 cells below 8 stations.
"""

# %%
# Sections and their data
# -----------------------
import time

import matplotlib as mpl
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhj import EmbeddedInverseSolver
from skhj.datasets import make_magnetics
from skhj.inspection import ConvergenceDisplay

mpl.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

started = time.perf_counter()
X, y, operator = make_magnetics(random_state=0)
train, test = slice(1500), slice(1500, None)

# %%
# Learn to invert them
# --------------------
est = EmbeddedInverseSolver(operator, random_state=0).fit(X[train], y[train])
answer, linear = est.predict(X[test]), est.linear_estimate(X[test])


def mean_squared_error(sections):
    """Mean of the squared differences to the true sections."""
    return np.mean((sections - y[test]) ** 2)


print(f"mean section: {mean_squared_error(y[train].mean(axis=0)):.4f}")
print(f"linear estimate: {mean_squared_error(linear):.4f}")
print(f"EUnet: {mean_squared_error(answer):.4f}")
print(f"relative misfit of its data: {np.median(est.residual(X[test])):.3f}")

# %%
# The operator may also be unknown
# --------------------------------
# Without one, the estimator learns it from the pairs; data may then go through any
# transformer first, in a Pipeline.
pipe = make_pipeline(StandardScaler(), EmbeddedInverseSolver(random_state=0))
pipe.fit(X[train], y[train])
print(f"operator unknown: {mean_squared_error(pipe.predict(X[test])):.4f}")

# %%
# Layer by layer
# --------------
# The error of the iterates, from the linear estimate on. OPTEnet has the same weights
# in every layer and is a method of descent: each layer improves on the one before.
# EUnet and Proximal have weights of their own in each, and are trained for the last
# answer alone: EUnet's iterates become worse than the linear estimate before the last
# layer makes the most of them, and are no models that one could stop at.
networks = {"eunet": est}
for network in ("optenet", "proximal"):
    other = EmbeddedInverseSolver(operator, network=network, random_state=0)
    networks[network] = other.fit(X[train], y[train])
_, ax = plt.subplots(figsize=(5, 3.5), layout="constrained")
for network in networks.values():
    display = ConvergenceDisplay.from_estimator(network, X[test], y[test], ax=ax)
    errors = ", ".join(f"{error:.4f}" for error in display.errors)
    print(f"{display.label} by layer: {errors}")
display.figure_.savefig("magnetics_convergence.png", dpi=120)

# %%
# A picture of it
# ---------------
fig, axes = plt.subplots(
    4, 8, figsize=(9, 4.8), layout="constrained", height_ratios=[0.6, 1, 1, 1]
)
rows = {"true": y[test], "linear": linear, "EUnet": answer}
for i in range(8):
    axes[0, i].plot(X[test][i], ".-", color="black")
    axes[0, i].set(xticks=[], yticks=[])
    for ax, (name, sections) in zip(axes[1:, i], rows.items(), strict=True):
        ax.imshow(sections[i].reshape(8, 8), vmin=0, vmax=1, cmap="magma")
        ax.set(xticks=[], yticks=[])
        if i == 0:
            ax.set_ylabel(name)
axes[0, 0].set_ylabel("data")
fig.savefig("magnetics.png", dpi=120)
print("magnetics.png and magnetics_convergence.png written")
print(f"{time.perf_counter() - started:.0f} s in all")
