"""Exact problems: priors whose value function and prox are known in closed form.

Each problem has the methods ``value(X, t)``, ``prox(X, t)``, ``prior(X)`` and
``backward_prior(X, t)``, for any time t > 0, that act on each row of X.

`L1`, `NegativeL1`, `ConcaveQuadratic` and `MinPlus` are the four problems of Akande,
Langlois, Onwunta (arXiv 2512.23829); `SortedL1` and `NuclearNorm` are additive in no
basis.
"""

from skhj.problems.min_plus import MinPlus
from skhj.problems.separable import L1, ConcaveQuadratic, NegativeL1
from skhj.problems.sorted_norms import NuclearNorm, SortedL1

__all__ = [
    "L1",
    "ConcaveQuadratic",
    "MinPlus",
    "NegativeL1",
    "NuclearNorm",
    "SortedL1",
]
