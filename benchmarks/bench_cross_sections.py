"""Cross-sections of the prior through the origin, by the convex network alone.

The paper's four priors at t = 1, x uniform in [-4, 4]^d, ``network="icnn"`` and else
the defaults. Sections of J run along all axes and as many random directions, as far as
the x of the Lax-Oleinik minimisation stay in the cube; d - 1 of its coordinates are 0
there or all are small, so that hardly any sample is near. Figures are the largest
deviations from the exact backward prior, over the range of J on the section: of all
points of the gap, which no proximal point reaches, and of all others. With "rotated"
everything is turned at random. S and J are mean squared errors at fresh x and their
proximal points, over the variance.
"""

from functools import partial
from itertools import product
from operator import itemgetter
from time import process_time

import numpy as np
from bench_paper_tables import N_SAMPLES, PROBLEMS
from comparison import chosen, make_parser, measure_cells, parse, table
from more_priors import Transformed
from scipy.stats import ortho_group
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._testing import ignore_warnings

from skhj import HJPriorRegressor
from skhj.hamilton_jacobi import value_gradient_from_prox

HEADINGS = ("prior", "d", "rotated", "data", "noise", "seed")
BOX = 4.0


def preimages(problem, Y, step=1e-4):
    """The x of which points y are proximal, y + grad J(y), by differences."""
    ends = [
        problem.backward_prior(np.vstack([Y + e, Y - e]), 1.0).reshape(2, -1)
        for e in step * np.eye(Y.shape[1])
    ]
    return Y + np.stack([(up - down) / (2 * step) for up, down in ends], axis=1)


def section(problem, direction, half=8.0, n_points=161):
    """Points of a section on which the samples tell J, and which are in the gap."""
    Y = np.linspace(-half, half, n_points)[:, None] * direction
    X = preimages(problem, Y)
    known = (np.abs(X) <= BOX + 1e-6).all(axis=1)
    in_gap = np.linalg.norm(problem.prox(X, 1.0) - Y, axis=1) > 1e-2
    return Y[known], in_gap[known]


def deviations(est, problem, turned, directions):
    """Largest deviations outside the gap and inside, over the range of J."""
    largest = np.zeros((2, 0))
    for direction in directions:
        Y, in_gap = section(problem, direction)
        J = problem.backward_prior(Y, 1.0)
        away = np.abs(est.prior(turned.points(Y)) - J) / np.ptp(J)
        both = [[away[rows].max(initial=-1.0)] for rows in (~in_gap, in_gap)]
        largest = np.hstack([largest, both])
    return [float(one) if one >= 0 else None for one in largest.max(axis=1)]


@ignore_warnings(category=ConvergenceWarning)
def measure(name, d, rotated, data, noise, seed, *, parameters):
    """Deviations and errors of one fit."""
    rng = np.random.RandomState(seed)
    problem = PROBLEMS[name](d)
    turn = ortho_group.rvs(d, random_state=rng)
    turned = Transformed(problem, rotation=turn if rotated else np.eye(d))
    X, fresh = (
        turned.points(rng.uniform(-BOX, BOX, size=(n, d))) for n in (N_SAMPLES[d], 5000)
    )
    S, prox = turned.value(X, 1.0), turned.prox(X, 1.0)
    gradient = value_gradient_from_prox(X, prox, 1.0)
    start = process_time()
    est = HJPriorRegressor(network="icnn", random_state=seed, **parameters).fit(
        X,
        S + noise * rng.normal(size=len(S)),
        gradient=gradient if data == "values and gradients" else None,
    )
    seconds = process_time() - start
    S, P = turned.value(fresh, 1.0), turned.prox(fresh, 1.0)
    J = turned.backward_prior(P, 1.0)
    axes = deviations(est, problem, turned, np.eye(d))
    others = deviations(est, problem, turned, ortho_group.rvs(d, random_state=rng))
    return {
        **dict(zip(("axes", "axes_gap"), axes, strict=True)),
        **dict(zip(("others", "others_gap"), others, strict=True)),
        "S": float(np.mean((est.predict(fresh) - S) ** 2) / S.var()),
        "J": float(np.mean((est.prior(P) - J) ** 2) / J.var()),
        "method": est.prior_method_,
        "seconds": seconds,
    }


def markdown(cells, settings):
    """The table of all cells."""

    def share(key):
        return lambda c: "-" if c[key] is None else f"{c[key]:.3f}"

    columns = {name: itemgetter(name) for name in HEADINGS} | {
        "axes": share("axes"),
        "in the gap": share("axes_gap"),
        "random directions": share("others"),
        "in their gap": share("others_gap"),
        "S": lambda c: f"{c['S']:.1e}",
        "J": lambda c: f"{c['J']:.1e}",
        "prior by": itemgetter("method"),
        "CPU-s": lambda c: f"{c['seconds']:.0f}",
    }
    text = "\n".join((__doc__ or "").splitlines()[2:])
    return table("Cross-sections of the prior", text, cells, settings, columns)


def main():
    """Measure what is not there yet."""
    parser = make_parser(__doc__)
    parser.set_defaults(seeds=[0], threads=1)
    add = parser.add_argument
    add("--dims", type=int, nargs="+", choices=N_SAMPLES, default=[8])
    add("--noise", type=float, nargs="+", default=[0.0])
    add("--max-iter", type=int, help="of HJPriorRegressor; to try the script")
    arguments = parse(parser)
    parameters = {"max_iter": arguments.max_iter} if arguments.max_iter else {}
    choices = product(
        arguments.seeds,
        arguments.noise,
        ("values", "values and gradients"),
        (False,) if arguments.quick else (False, True),
        arguments.dims,
        chosen(PROBLEMS, arguments),
    )
    cells = (choice[::-1] for choice in choices)
    one = partial(measure, parameters=parameters)
    measure_cells("cross_sections", HEADINGS, cells, one, markdown, arguments)


if __name__ == "__main__":
    main()
