"""
Signals from few measurements, by a learned prior
=================================================

From noisy signals and what a denoiser should answer, the clean ones, we learn a prior
J. It has seen no measurement; the solver then minimises
``|A x - b|^2 / (2 s^2) + strength J(x)`` for measurements b of three times as many
unknowns. Beside it are ridge regression, the lasso in a basis of cosines, and total
variation, which is the lasso of the jumps, each with its best weight on the same pairs.
"""

# %%
# Signals of 64 samples: a few pieces of lines
# --------------------------------------------
import time

import matplotlib as mpl
import numpy as np
from scipy.fft import idct
from sklearn.linear_model import Lasso, Ridge

from skhj import HJPriorRegressor, PriorInverseSolver

mpl.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

N, NOISE = 64, 0.3
started = time.perf_counter()
rng = np.random.default_rng(0)


def signals(n):
    """Pieces of lines: 1 to 3 jumps, levels and slopes at random."""
    answer = np.empty((n, N))
    for signal in answer:
        jumps = np.sort(rng.choice(np.arange(4, N - 4), rng.integers(1, 4)))
        piece = np.searchsorted(jumps, np.arange(N), side="right")
        level, slope = rng.normal(size=(2, len(jumps) + 1))
        signal[:] = level[piece] + 2 * slope[piece] * np.linspace(-1, 1, N)
    return answer


clean = signals(1500)
noisy = clean + NOISE * rng.normal(size=clean.shape)
prior = HJPriorRegressor(
    t=NOISE**2, target="prox", image_shape=(N,), max_iter=30, random_state=0
).fit(noisy, clean)
print(f"{time.perf_counter() - started:.0f} s for the prior")

# %%
# Twenty-one measurements of 64 unknowns
# --------------------------------------
M, S = 21, 0.05
A = rng.normal(size=(M, N)) / M**0.5
X_tuning, X = signals(40), signals(100)
B_tuning, B = (x @ A.T + S * rng.normal(size=(len(x), M)) for x in (X_tuning, X))

solver = PriorInverseSolver(A, prior, noise_level=S, image_shape=(N,), random_state=0)
solver.fit(B_tuning, X_tuning)
print(f"strength {solver.strength_:.3g}, by {solver.algorithm_}")

# %%
# The same by linear models of scikit-learn
# -----------------------------------------
# A linear model of the columns A W has the signal W c. Of total variation, W are steps,
# and the level is free: what it explains is projected out.
cosines = idct(np.eye(N), axis=0, norm="ortho")
steps = np.tri(N)[:, 1:]
level = A.sum(axis=1, keepdims=True)
projection = np.eye(M) - level @ level.T / np.sum(level**2)


def by_steps(model, B):
    """Signals of steps and a level."""
    jumps = model.fit(projection @ A @ steps, projection @ B.T).coef_
    rest = B - jumps @ (A @ steps).T
    return jumps @ steps.T + rest @ level / np.sum(level**2)


def by_basis(W):
    """Signals in a basis."""
    return lambda model, B: model.fit(A @ W, B.T).coef_ @ W.T


options = {"fit_intercept": False}
rivals = {
    "ridge": (Ridge, by_basis(np.eye(N)), 10.0 ** np.arange(-4, 1)),
    "lasso": (Lasso, by_basis(cosines), 10.0 ** np.arange(-4, 0, 0.5)),
    "total variation": (Lasso, by_steps, 10.0 ** np.arange(-4, 0, 0.5)),
}


def best(model, solve, weights):
    """Answers with the weight that suits the other pairs."""

    def answer(weight, B):
        more = {} if model is Ridge else {"max_iter": 20_000, "tol": 1e-4}
        return solve(model(weight, **options, **more), B)

    errors = [np.mean((answer(w, B_tuning) - X_tuning) ** 2) for w in weights]
    return answer(weights[np.argmin(errors)], B)


answers = {name: best(*rival) for name, rival in rivals.items()}
answers["learned prior"] = solver.predict(B)
print(f"\nmean squared error of {len(X)} signals, {M} measurements of {N} unknowns")
for name, answer in answers.items():
    print(f"{name:<16} {np.mean((answer - X) ** 2):.4f}")

# %%
# Three signals
# -------------
fig, axes = plt.subplots(
    3, len(answers), figsize=(11, 5), sharex=True, sharey="row", layout="constrained"
)
for row, x in zip(axes, range(3), strict=True):
    for ax, (name, answer) in zip(row, answers.items(), strict=True):
        ax.plot(X[x], color="0.7", lw=3, label="true")
        ax.plot(answer[x], label=name)
for ax, name in zip(axes[0], answers, strict=True):
    ax.set_title(name)
fig.savefig("reconstruction.png", dpi=110)
print(f"reconstruction.png written; {time.perf_counter() - started:.0f} s in all")
