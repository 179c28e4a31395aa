"""
Four priors from samples of their value function
================================================

The four problems of Akande, Langlois and Onwunta (arXiv 2512.23829), here in four
dimensions: for each, ``HJPriorRegressor`` sees samples of S(x, t) alone, no gradient
and no prior, and learns S, the proximal operator and the prior. The figure shows all
three along the first feature, beside the truth.

The negative l1 norm comes first: it is concave, its prox jumps from -t to t at 0, and
no sample says what the prior is in between. The learned prior bridges the gap, and
the truth it is compared with is the smallest prior that generates the same S.
"""

# %%
# The problems
# ------------
import time

import matplotlib as mpl
import numpy as np

from skhj import HJPriorRegressor
from skhj.datasets import make_value_samples
from skhj.inspection import CrossSectionDisplay
from skhj.problems import L1, ConcaveQuadratic, MinPlus, NegativeL1

mpl.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

T, D, N_TRAIN, N_TEST = 1.0, 4, 8000, 2000
centers = np.array([np.eye(D)[0], np.full(D, 1 / np.sqrt(D))])
PROBLEMS = {
    "negative l1": NegativeL1(),
    "l1": L1(),
    "concave quadratic": ConcaveQuadratic(0.5),
    "min-plus": MinPlus(centers),
}

# %%
# Learn each, and compare on fresh points
# ---------------------------------------
# S at fresh x, the prior at prox(x): the points where samples determine it.
fig, axes = plt.subplots(4, 3, figsize=(10, 11), layout="constrained")
print(
    f"{'held out':20s} {'mse of S':>10s} {'mse of J':>10s} {'var of J':>9s} {'s':>4s}"
)
for row, (name, problem) in zip(axes, PROBLEMS.items(), strict=True):
    X, y, _ = make_value_samples(problem, N_TRAIN, D, t=T, random_state=0)
    begun = time.perf_counter()
    est = HJPriorRegressor(t=T, random_state=0).fit(X, y)
    seconds = time.perf_counter() - begun

    X_test, y_test, _ = make_value_samples(problem, N_TEST, D, t=T, random_state=1)
    P_test = problem.prox(X_test, T)
    J_test = problem.backward_prior(P_test, T)
    mse_S = np.mean((est.predict(X_test) - y_test) ** 2)
    mse_J = np.mean((est.prior(P_test) - J_test) ** 2)
    print(f"{name:20s} {mse_S:10.1e} {mse_J:10.1e} {J_test.var():9.2f} {seconds:4.0f}")

    for ax, response, reference, points in (
        (row[0], "value", lambda X, p=problem: p.value(X, T), X_test),
        (row[1], "prox", lambda X, p=problem: p.prox(X, T), X_test),
        (row[2], "prior", lambda X, p=problem: p.backward_prior(X, T), P_test),
    ):
        CrossSectionDisplay.from_estimator(
            est,
            points,
            origin=np.zeros(D),
            reference=reference,
            response=response,
            ax=ax,
        )
    row[0].set_title(name, loc="left")
fig.savefig("paper_problems.png", dpi=100)
print("\npaper_problems.png written")
