"""
Two times from their sum
========================

Athletes run and ride, and only the total of their two times is written down. There are
three kinds of athletes, so that the same total can mean very different things. The
total alone determines nothing; with 5,000 athletes to learn from, what is the best
guess, and what else is possible?

The times are drawn from a mixture of Gaussians: the best guess, the conditional mean,
is known exactly, and so is the distribution of everything else.
"""

# %%
# The data
# --------
import time

import matplotlib as mpl
import numpy as np

from skhj import EmbeddedInverseSolver
from skhj.datasets import duathlon_mmse, duathlon_posterior, make_duathlon
from skhj.inspection import ConvergenceDisplay

mpl.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

SUM = np.array([[1.0, 1.0]])
X, y = make_duathlon(5000, random_state=0)
X_test, y_test = make_duathlon(20_000, random_state=1)
limit = duathlon_mmse(X_test)
best_error = np.mean((limit.mean - y_test) ** 2)

# %%
# Estimates: three networks, beside the best possible
# ---------------------------------------------------
fig, axes = plt.subplots(2, 2, figsize=(9, 8), layout="constrained")
started = time.perf_counter()
networks = {}
for network in ("eunet", "optenet", "proximal"):
    est = EmbeddedInverseSolver(SUM, network=network, random_state=0).fit(X, y)
    networks[network] = est
    error = np.mean((est.predict(X_test) - y_test) ** 2)
    print(f"{network}: {error / best_error:.4f} times the smallest possible error")
    ConvergenceDisplay.from_estimator(est, X_test, y_test, ax=axes[1, 0])
axes[1, 0].axhline(best_error, color="black", linewidth=1, linestyle="--")
axes[1, 0].set_title("error of the iterates (dashed: the smallest)")
linear = np.mean((est.linear_estimate(X_test) - y_test) ** 2)
print(f"linear estimate: {linear / best_error:.4f}")

axes[0, 0].plot(*y[:2000].T, ".", markersize=2, color="0.7")
totals = np.linspace(2, 20, 300)[:, None]
exact = duathlon_mmse(totals).mean
axes[0, 0].plot(*networks["eunet"].predict(totals).T, linewidth=3, label="EUnet")
axes[0, 0].plot(*exact.T, "k--", linewidth=1, label="conditional mean")
axes[0, 0].set(title="athletes, and estimates by total", aspect="equal")
axes[0, 0].set(xlabel="first time", ylabel="second time")
axes[0, 0].legend()

# %%
# Everything that is possible: draws from the posterior
# -----------------------------------------------------
# With ``loss="energy"`` answers are draws. At a total of 8 two kinds of athletes are
# equally likely, and no continuous map of Gaussian noise keeps them apart: draws start
# from a mixture of linear estimates, and a network corrects them where that helps. Here
# it does not, so that few passes are enough.
options = {"loss": "energy", "max_iter": 10, "random_state": 0}
sampler = EmbeddedInverseSolver(SUM, **options).fit(X, y)
for ax, total in ((axes[0, 1], 8.0), (axes[1, 1], 12.5)):
    draws = sampler.sample([[total]], 2000)[:, 0]
    weights, means, covariances = duathlon_posterior([[total]])
    first = np.linspace(-3, 12, 400)
    variances = covariances[:, 0, 0]
    density = np.exp(-((first[:, None] - means[0, :, 0]) ** 2) / (2 * variances))
    density = density / np.sqrt(2 * np.pi * variances) @ weights[0]
    ax.hist(draws[:, 0], bins=60, density=True, alpha=0.5, label="draws")
    ax.plot(first, density, "k--", linewidth=1, label="exact")
    ax.set(title=f"first time, given a total of {total:g}", xlabel="first time")
    ax.legend()

fig.savefig("duathlon.png", dpi=120)
print(f"duathlon.png written; {time.perf_counter() - started:.0f} s in all")
