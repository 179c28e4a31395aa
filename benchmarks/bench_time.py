"""The time that ``t="auto"`` finds, beside the true one, and what it takes.

Values, or values and gradients, of l1 norms, norms of pairs and total variation, along
the axes and rotated. Each cell fits at the true time, then with ``t="auto"``; seconds
are of CPU time.
"""

from itertools import product
from time import process_time

from comparison import (
    chosen,
    describe,
    limit_threads,
    make_parser,
    parse,
    store_cells,
    stored_cells,
)
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


def measure(cell, arguments):
    """Times and seconds of one cell."""
    name, d, rotated, data, noise, seed = cell
    problem = PROBLEMS[name]
    if rotated:
        problem = Transformed(problem, rotation=ortho_group.rvs(d, random_state=seed))
    X, y, gradient = make_value_samples(
        problem, arguments.n, d, t=arguments.t, noise=noise, random_state=seed
    )
    gradient = gradient if data == "values and gradients" else None
    seconds, times = [], []
    for t in (arguments.t, "auto"):
        start = process_time()
        est = HJPriorRegressor(t, random_state=seed).fit(X, y, gradient=gradient)
        seconds.append(process_time() - start)
        times.append(est.t_)
    return {
        **dict(zip(HEADINGS, cell, strict=True)),
        "ratio": times[1] / arguments.t,
        "seconds": seconds[1],
        "plain": seconds[0],
    }


def markdown(cells, settings):
    """The table of all cells."""
    lines = [
        "# The time of samples",
        "",
        *(__doc__ or "").splitlines()[2:],
        "",
        settings["machine"],
        "",
        f"    {settings['command']}",
        "",
        f"| {' | '.join(HEADINGS)} | t_ / t | CPU-s | over a plain fit's |",
        "|---" * (len(HEADINGS) + 3) + "|",
    ]
    for cell in sorted(cells, key=lambda one: [str(one[name]) for name in HEADINGS]):
        named = " | ".join(str(cell[name]) for name in HEADINGS)
        lines.append(
            f"| {named} | {cell['ratio']:.4f} | {cell['seconds']:.1f} | "
            f"{cell['seconds'] / cell['plain']:.1f} |"
        )
    return "\n".join(lines) + "\n"


def main():
    """Measure what is not there yet."""
    parser = make_parser(__doc__)
    parser.set_defaults(seeds=[0], threads=1)
    parser.add_argument("--n", type=int, default=3000)
    parser.add_argument("--t", type=float, default=0.5)
    arguments = parse(parser)
    file, settings = arguments.output / "time.json", describe(arguments)
    cells = stored_cells(file, settings)
    known = {tuple(cell[name] for name in HEADINGS) for cell in cells}
    choices = product(
        arguments.seeds,
        (0.0,) if arguments.quick else (0.0, 0.1),
        ("values", "values and gradients"),
        (False, True),
        (2, 4, 8),
        chosen(PROBLEMS, arguments),
    )
    for seed, noise, data, rotated, d, name in choices:
        cell = (name, d, rotated, data, noise, seed)
        if cell in known:
            continue
        with limit_threads(arguments):
            cells = [*cells, measure(cell, arguments)]
        print(cells[-1], flush=True)
        store_cells(file, settings, cells)
        file.with_suffix(".md").write_text(markdown(cells, settings))


if __name__ == "__main__":
    main()
