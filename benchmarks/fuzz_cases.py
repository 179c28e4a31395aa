"""Cases of bench_fuzz.py: public callables with odd data and odd parameters."""

import inspect
from dataclasses import dataclass, field

import matplotlib.pyplot as plt
import numpy as np
import scipy.sparse
import torch

import skhj
from skhj import adaptors, datasets, inspection, operators, problems

# A value for anything, whether or not it makes sense.
ODD = (
    0,
    -1,
    1,
    2,
    0.5,
    1e-300,
    1e300,
    1e160,
    np.nan,
    np.inf,
    -np.inf,
    10**30,
    None,
    True,
    "auto",
    "nonsense",
    "",
    (),
    (1, 1),
    (3,),
    [0.0, 1.0],
    np.float32(0.3),
    np.int64(3),
    np.array(2.0),
    np.ones(3),
    {},
    object(),
)
# What makes a fit long on purpose is left as it is.
UNCHANGED = {"max_iter", "n_layers", "potential_depth", "wide_units", "device", "prior"}
UNCHANGED |= {"embedding_dim", "hidden_layer_sizes", "max_rounds", "operator"}
QUICK = {"max_iter": 2, "n_layers": 2, "embedding_dim": 8, "hidden_layer_sizes": (8, 8)}


@dataclass
class Case:
    """A callable, what it is called with, and what is asked of the answer."""

    name: str
    function: object
    run: object = field(repr=False)
    names: tuple = ()
    details: dict = field(default_factory=dict)


def draw(rng):
    """A case, of estimators more often than not."""
    makers = [prior_estimator, prior_estimator, inverse_estimator, inverse_estimator]
    makers += [checked, problem, dataset, operator, display, adaptor]
    return makers[rng.randint(len(makers))](rng)


def size_of(rng):
    """A scale: often one, sometimes beyond arithmetic."""
    kind = rng.randint(12)
    if kind < 8:
        return 1.0
    return 10 ** rng.uniform(-3, 3) if kind < 11 else 10 ** rng.uniform(-300, 300)


def array(rng, *shape):
    """Numbers, some of them odd, in some form."""
    with np.errstate(all="ignore"):
        numbers = size_of(rng) * rng.standard_normal(shape) + (
            size_of(rng) if rng.uniform() < 0.1 else 0.0
        )
    if numbers.size and rng.uniform() < 0.25:
        numbers = _spoiled(rng, numbers)
    if rng.uniform() < 0.04:
        numbers = _in_another_form(rng, numbers)
    return numbers


def _spoiled(rng, numbers):
    kind = rng.randint(7)
    if kind == 0:
        numbers.flat[rng.randint(numbers.size)] = rng.choice([np.nan, np.inf, -np.inf])
    elif kind == 1:
        numbers[:] = numbers.flat[0]
    elif kind == 2:
        numbers[:] = numbers[:1]
    elif kind == 3:
        numbers[..., 0] = 0
    elif kind == 4:
        numbers.flat[rng.randint(numbers.size)] *= 1e12
    elif kind == 5:
        numbers = np.sign(numbers)
    else:
        numbers[:] = 0
    return numbers


def _in_another_form(rng, numbers):
    forms = [
        lambda a: np.clip(np.nan_to_num(a), -99, 99).astype(int),
        lambda a: a > 0,
        lambda a: np.clip(a, -1e30, 1e30).astype(np.float32),
        lambda a: a.tolist(),
        lambda a: a.astype(object),
        lambda a: a.astype(str),
        lambda a: a.astype(complex),
        lambda a: a[::-1],
        lambda a: np.asfortranarray(a),
        lambda a: memoryview(np.ascontiguousarray(a)),
        lambda a: torch.from_numpy(a.copy()),
        lambda a: scipy.sparse.csr_array(a) if a.ndim == 2 else a,
        lambda a: a[None],
        lambda a: a[:0],
        lambda a: None,
    ]
    with np.errstate(all="ignore"):
        return forms[rng.randint(len(forms))](numbers)


def parameters(rng, function, chance=0.02, **fixed):
    """Arguments by name, each odd with some chance."""
    chosen = dict(fixed)
    for name, parameter in inspect.signature(function).parameters.items():
        if name in UNCHANGED or parameter.kind is parameter.VAR_KEYWORD:
            continue
        if rng.uniform() < chance:
            chosen[name] = ODD[rng.randint(len(ODD))]
    return chosen


def _choices(rng, cls):
    """Some of the strings that an estimator's parameters may be."""
    chosen = {}
    for name, constraints in cls._parameter_constraints.items():
        if isinstance(constraints, str) or name in UNCHANGED | {"gradient_estimator"}:
            continue
        options = [o for c in constraints for o in sorted(getattr(c, "options", ()))]
        if options and rng.uniform() < 0.3:
            chosen[name] = options[rng.randint(len(options))]
    return chosen


def _asked(rng, est, names, rows):
    """Answers of some methods at points, near and far."""
    answers = []
    for name in names:
        if rng.uniform() < 0.4 and hasattr(est, name):
            answers.append((name, getattr(est, name)(rows())))
    return answers


def _shape(rng):
    return rng.randint(1, 31), rng.randint(1, 21)


def prior_estimator(rng):
    """HJPriorRegressor and PQMPrior, fitted and asked."""
    cls = (skhj.HJPriorRegressor, skhj.PQMPrior)[rng.randint(2)]
    n, d = _shape(rng)
    quick = {k: v for k, v in QUICK.items() if k in inspect.signature(cls).parameters}
    options = parameters(rng, cls, random_state=0, **quick, **_choices(rng, cls))
    options.setdefault("t", size_of(rng))
    if "image_shape" in inspect.signature(cls).parameters and rng.uniform() < 0.1:
        options["image_shape"] = (d,)
    to_points = str(options.get("target")) == "prox" or rng.uniform() < 0.02
    X = array(rng, n, d)
    y = array(rng, n, d) if to_points else array(rng, n)
    G = array(rng, n, d) if rng.uniform() < 0.4 and not to_points else None

    def run(rng):
        est = cls(**options)
        est.fit(X, y) if G is None else est.fit(X, y, G)
        names = ("predict", "prox", "prior", "prior_gradient", "potential", "evolve")
        names += ("conjugate", "value_bounds", "prior_bounds", "transform")
        answers = []
        for name in names:
            if rng.uniform() < 0.4 and hasattr(est, name):
                rows = X if rng.uniform() < 0.5 else array(rng, rng.randint(1, 5), d)
                times = [(ODD[rng.randint(len(ODD))],)] if name == "evolve" else [()]
                answers.append((name, getattr(est, name)(rows, *times[0])))
        return answers

    names = ("X", "y", "Y", "gradient", "time")
    return Case(cls.__name__, cls, run, names, {"options": options, "shape": (n, d)})


def inverse_estimator(rng):
    """EmbeddedInverseSolver and PriorInverseSolver, fitted and asked."""
    n, N = _shape(rng)
    M = rng.randint(1, 21)
    embedded = rng.uniform() < 0.6
    cls = skhj.EmbeddedInverseSolver if embedded else skhj.PriorInverseSolver
    A = array(rng, M, N) if rng.uniform() < 0.9 else ODD[rng.randint(len(ODD))]
    quick = {k: v for k, v in QUICK.items() if k in inspect.signature(cls).parameters}
    options = parameters(rng, cls, random_state=0, **quick, **_choices(rng, cls))
    B, X = array(rng, n, M), array(rng, n, N)
    if not embedded:
        options["max_iter"] = 50
        options["prior"] = problems.L1() if rng.uniform() < 0.5 else skhj.PQMPrior(1.0)
        options.setdefault("noise_level", abs(size_of(rng)))
    with_models = embedded or rng.uniform() < 0.6

    def run(rng):
        est = cls(A, **options)
        est.fit(B, X) if with_models else est.fit(B)

        def rows():
            return B if rng.uniform() < 0.5 else array(rng, rng.randint(1, 5), M)

        names = ("predict", "linear_estimate", "residual", "trajectory", "sample")
        return _asked(rng, est, names, rows)

    names = ("X", "y", "B", "A")
    details = {"options": options, "shape": (n, M, N)}
    return Case(cls.__name__, cls, run, names, details)


def checked(rng):
    """check_reachable."""
    n, d = _shape(rng)
    X, y = array(rng, n, d), array(rng, n)
    G = array(rng, n, d) if rng.uniform() < 0.7 else None
    options = parameters(rng, skhj.check_reachable, 0.2)
    for taken in ("X", "y", "gradient"):
        options.pop(taken, None)

    def run(rng):
        skhj.check_reachable(X, y, G, **options)
        return []

    return Case("check_reachable", skhj.check_reachable, run, ("X", "y"), options)


def problem(rng):
    """Methods of the exact problems."""
    n, d = _shape(rng)
    cls = getattr(problems, problems.__all__[rng.randint(len(problems.__all__))])
    fixed = {"centers": array(rng, 2, d)} if cls is problems.MinPlus else {}
    options = parameters(rng, cls, 0.3, **fixed)
    time = size_of(rng) if rng.uniform() < 0.7 else ODD[rng.randint(len(ODD))]
    X = array(rng, n, d)

    def run(rng):
        one = cls(**options)
        methods = [m for m in dir(one) if m[0] != "_" and callable(getattr(one, m))]
        name = methods[rng.randint(len(methods))]
        function = getattr(one, name)
        takes = inspect.signature(function).parameters
        given = (
            {"t": time} if "t" in takes else {"time": time} if "time" in takes else {}
        )
        return [(name, function(X, **given))]

    names = ("X", "Y", "t", "time", "centers", "widths")
    return Case(f"problems.{cls.__name__}", cls, run, names, options)


def dataset(rng):
    """Makers of data."""
    names = [name for name in datasets.__all__ if name != "fetch_mnist"]
    function = getattr(datasets, names[rng.randint(len(names))])
    fixed = {}
    takes = inspect.signature(function).parameters
    if "images" in takes:
        fixed["images"] = np.abs(rng.standard_normal((3, 9, 8)))
    if "X" in takes:
        fixed["X"] = array(rng, 5, 1)
    if "problem" in takes:
        fixed |= {"problem": problems.L1(), "n_features": 3}
    if "n_samples" in takes:
        fixed["n_samples"] = 7
    if "patch_shape" in takes:
        fixed["patch_shape"] = (4, 4)
    options = parameters(rng, function, 0.3, **fixed)

    def run(rng):
        answer = function(**options)
        answer = answer if isinstance(answer, tuple) else (answer,)
        arrays = (getattr(part, "data", part) for part in answer)
        return [("data", tuple(a for a in arrays if isinstance(a, np.ndarray)))]

    return Case(f"datasets.{function.__name__}", function, run, (), options)


def operator(rng):
    """Operators, and what is said of them."""
    name = operators.__all__[rng.randint(len(operators.__all__))]
    function = getattr(operators, name)
    M, N = rng.randint(1, 9, size=2)
    usual = {
        "matrix": array(rng, M, N),
        "operator": array(rng, M, N),
        "obj": array(rng, M, N),
        "image_shape": (rng.randint(1, 9), rng.randint(1, 9)),
        "s": abs(size_of(rng)),
        "width": abs(size_of(rng)),
        "mask": array(rng, M, N)
        if rng.uniform() < 0.5
        else rng.uniform(size=(M, N)) < 0.5,
        "angles": array(rng, 3),
        "shape": (M, N),
        "n_steps": 5,
    }
    takes = inspect.signature(function).parameters
    fixed = {key: value for key, value in usual.items() if key in takes}
    if name == "as_operator":
        fixed.pop("image_shape"), fixed.pop("shape")
    options = parameters(rng, function, 0.2, **fixed)

    def run(rng):
        made = function(**options)
        if name in {"ForwardOperator", "NumpyOperator"}:  # the base; scipy's own
            return []
        if not isinstance(made, operators.ForwardOperator):
            return [(name, made)]
        x = rng.standard_normal((2, made.shape[1]))
        return [("data", made.data(x))]

    names = ("x", "r", "operator")
    return Case(f"operators.{name}", function, run, names, options)


def display(rng):
    """Displays of a fitted prior."""
    X = np.random.RandomState(0).standard_normal((20, 3))
    est = skhj.PQMPrior(1.0).fit(X, (X**2).sum(axis=1) / 4, X / 2)
    function = inspection.CrossSectionDisplay.from_estimator
    options = parameters(rng, function, 0.3, estimator=est, X=array(rng, 5, 3))

    def run(rng):
        function(**options)
        plt.close("all")
        return []

    return Case("inspection.CrossSectionDisplay", function, run, ("X",), options)


def adaptor(rng):
    """Fitted priors in other libraries' form."""
    X = np.random.RandomState(0).standard_normal((20, 3))
    est = skhj.PQMPrior(1.0).fit(X, (X**2).sum(axis=1) / 4, X / 2)
    given = est if rng.uniform() < 0.7 else ODD[rng.randint(len(ODD))]
    rows = torch.randn(rng.randint(1, 4), 3, dtype=torch.float64) * size_of(rng)

    def run(rng):
        module = adaptors.to_torch(given)
        name = ("value", "prox", "prior")[rng.randint(3)]
        return [(name, getattr(module, name)(rows).detach().numpy())]

    names = ("x", "est", "estimator")
    return Case("adaptors.to_torch", adaptors.to_torch, run, names, {"given": given})
