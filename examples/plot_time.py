"""
Which time do samples have?
===========================

Samples of a value function that are reachable at a time t are so at every earlier one:
a score cannot tell t, and a search over a grid takes one that is too early.
``t="auto"`` finds the largest time, ``t_`` holds it. What that means depends on the
prior.
"""

# %%
# A prior with kinks
# ------------------
# The value function of the l1 norm has the curvature 1/t wherever some proximal point
# is in a kink. Up to t every time fits; beyond it the error grows. A model of too early
# a time is one of a prior that is too smooth.

import matplotlib.pyplot as plt
import numpy as np

from skhj import HJPriorRegressor
from skhj.datasets import make_value_samples
from skhj.problems import L1, NegativeL1

t = 0.5
X, S, _ = make_value_samples(L1(), 1000, 2, t=t, random_state=0)
X_test, S_test, _ = make_value_samples(L1(), 500, 2, t=t, random_state=1)
Y = np.column_stack([np.linspace(-1.5, 1.5, 201), np.zeros(201)])


def fitted(time):
    """Splines fitted at a time."""
    return HJPriorRegressor(time, network="ridge", random_state=0).fit(X, S)


est = fitted("auto")
print(f"l1 norm: t_ = {est.t_:.4f}, the true time is {t}")
times = t * np.array([0.1, 0.3, 0.6, 0.9, 0.98, 1.02, 1.1, 1.3, 1.6, 2.0])
errors = [np.mean((fitted(time).predict(X_test) - S_test) ** 2) for time in times]
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
left.loglog(times, errors, "o-")
left.axvline(est.t_, color="C1", label="t_")
left.set(xlabel="t of the fit", ylabel="error of S on fresh points")
left.legend()
for time in (0.1, est.t_):
    right.plot(Y[:, 0], fitted(time).prior(Y), label=f"t = {time:.3g}")
right.plot(Y[:, 0], L1().prior(Y), "k:", label="the prior")
right.set(xlabel="y, along an axis", ylabel="J")
right.legend()

# %%
# A smooth prior
# --------------
# Where J is smooth, nothing happens at t: the samples are those of other priors at
# later times too, up to the one at which psi stops being convex. Here J is the sum of
# log cosh y_j, of curvature 1 at zero, so that S has at most 1/(1 + t): the bound is
# 1 + t. What ``t="auto"`` finds is about this bound, not the time; it is somewhat
# later, as errors grow slowly beyond.

P = np.random.default_rng(0).uniform(-4, 4, size=(1000, 2))
gradient = np.tanh(P)
X, S = P + t * gradient, (np.logaddexp(P, -P) - np.log(2)).sum(axis=1)
S = S + t * (gradient**2).sum(axis=1) / 2
print(f"log cosh: t_ = {fitted('auto').t_:.2f}, the bound is {1 + t}, the time {t}")

# %%
# A concave value function
# ------------------------
# It is reachable at every time, and ``fit`` asks for one.

X, S, _ = make_value_samples(NegativeL1(), 1000, 2, t=t, random_state=0)
try:
    fitted("auto")
except ValueError as error:
    print(f"negative l1 norm: {error}")

plt.show()
