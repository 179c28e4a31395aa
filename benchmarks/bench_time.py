"""The time that ``t="auto"`` finds, beside the true one, and what it takes.

Values, or values and gradients, of l1 norms, norms of pairs and total variation, along
the axes and rotated. Each cell fits at the true time, then with ``t="auto"``; seconds
are of CPU time.
"""

from functools import partial
from itertools import product
from operator import itemgetter
from time import process_time

from comparison import chosen, make_parser, measure_cells, parse, table
from more_priors import GroupNorm, TotalVariation, Transformed
from scipy.stats import ortho_group

from skhj import HJPriorRegressor
from skhj.datasets import make_value_samples
from skhj.problems import L1

PROBLEMS = {
    "l1": L1(),
    "norms of pairs": GroupNorm(2),
    "total variation": TotalVariation(),
}
HEADINGS = ("prior", "d", "rotated", "data", "noise", "seed")


def measure(name, d, rotated, data, noise, seed, *, n, t):
    """Times and seconds of one cell."""
    problem = PROBLEMS[name]
    if rotated:
        problem = Transformed(problem, rotation=ortho_group.rvs(d, random_state=seed))
    X, y, gradient = make_value_samples(
        problem, n, d, t=t, noise=noise, random_state=seed
    )
    gradient = gradient if data == "values and gradients" else None
    seconds, times = [], []
    for time in (t, "auto"):
        start = process_time()
        est = HJPriorRegressor(time, random_state=seed).fit(X, y, gradient=gradient)
        seconds.append(process_time() - start)
        times.append(est.t_)
    return {"ratio": times[1] / t, "seconds": seconds[1], "plain": seconds[0]}


def markdown(cells, settings):
    """The table of all cells."""
    columns = {name: itemgetter(name) for name in HEADINGS} | {
        "t_ / t": lambda cell: f"{cell['ratio']:.4f}",
        "CPU-s": lambda cell: f"{cell['seconds']:.1f}",
        "over a plain fit's": lambda cell: f"{cell['seconds'] / cell['plain']:.1f}",
    }
    text = "\n".join((__doc__ or "").splitlines()[2:])
    return table("The time of samples", text, cells, settings, columns)


def main():
    """Measure what is not there yet."""
    parser = make_parser(__doc__)
    parser.set_defaults(seeds=[0], threads=1)
    parser.add_argument("--n", type=int, default=3000)
    parser.add_argument("--t", type=float, default=0.5)
    arguments = parse(parser)
    choices = product(
        arguments.seeds,
        (0.0,) if arguments.quick else (0.0, 0.1),
        ("values", "values and gradients"),
        (False, True),
        (2, 4, 8),
        chosen(PROBLEMS, arguments),
    )
    cells = (choice[::-1] for choice in choices)
    one = partial(measure, n=arguments.n, t=arguments.t)
    measure_cells("time", HEADINGS, cells, one, markdown, arguments)


if __name__ == "__main__":
    main()
