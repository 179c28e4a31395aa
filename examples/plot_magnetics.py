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
print(f"magnetics.png written; {time.perf_counter() - started:.0f} s in all")
