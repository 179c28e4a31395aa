"""Odd inputs to everything public: each is answered finitely, or refused by name.

A case is a number: it draws a callable, its data (1 to 30 rows, 1 to 20 columns, of
size 1e-300 to 1e300, with holes, repeats, constants and other types) and its
parameters (each at an edge now and then). What counts as a fault: an answer that is not
finite; an error that is no ValueError, TypeError or NotFittedError (or, where a
training diverged, FloatingPointError), or that names no parameter; a warning of numpy
or torch; more than 20 seconds of one core.

    python benchmarks/bench_fuzz.py --cases 200
    python benchmarks/bench_fuzz.py --only 17 4711 --verbose
"""

import argparse
import inspect
import io
import re
import signal
import traceback
import warnings
from collections import Counter
from contextlib import redirect_stdout
from time import process_time

import fuzz_cases
import numpy as np
from joblib import Parallel, delayed
from sklearn.exceptions import NotFittedError
from threadpoolctl import threadpool_limits

# A training that diverged is a FloatingPointError, which names learning_rate.
REFUSALS = (ValueError, TypeError, NotFittedError, FloatingPointError)
SECONDS = 20
# What scikit-learn's validation says of X and y without their names.
OF_DATA = (
    r"Found array|Found input|Input |features?\b|samples?\b|\barrays?\b|fitted yet|"
    r"Complex data|RandomState|Seed must be"
)


class TooLong(BaseException):
    """Raised by the timer; nothing catches it on the way."""


def run(number):
    """Outcome of a case: its callable's name, what happened, and where."""
    rng = np.random.RandomState(number)
    case = fuzz_cases.draw(rng)
    signal.signal(signal.SIGPROF, _too_long)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    start = process_time()
    try:
        with (
            warnings.catch_warnings(record=True) as caught,
            threadpool_limits(1),
            redirect_stdout(io.StringIO()),
        ):
            warnings.simplefilter("always")
            answers = case.run(rng)
        outcome = judge_answers(answers) or judge_warnings(caught) or "answered"
        where = ""
    except REFUSALS as error:
        outcome, where = judge_refusal(error, case), _origin(error)
    except TooLong as error:
        outcome, where = f"fault: more than {SECONDS} s", _origin(error)
    except Exception as error:
        outcome = f"fault: {type(error).__name__}: {error}"[:200]
        where = _origin(error)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return number, case.name, outcome, where, process_time() - start, str(case)


def _too_long(*_):
    raise TooLong


def _origin(error):
    """File and line of the project where an error came from, and the last line."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/skhj/" in frame.filename]
    shown = ([ours[-1]] if ours else []) + frames[-1:]
    return " < ".join(
        "/".join(frame.filename.rsplit("/", 2)[-2:]) + f":{frame.lineno}"
        for frame in shown
    )


def judge_answers(answers):
    """A fault where a number is not finite; an infinite bound is an answer."""
    for name, answer in answers:
        for part in answer if isinstance(answer, tuple) else (answer,):
            numbers = np.asarray(part)
            if numbers.dtype.kind not in "fc":
                continue
            unbounded = "bounds" in name or name == "adjoint_mismatch"
            lost = np.isnan(numbers) if unbounded else ~np.isfinite(numbers)
            if lost.any():
                return f"fault: {name} is not finite"
    return None


def judge_warnings(caught):
    """A fault where numpy, scipy or torch warned through us."""
    for one in caught:
        own = "did not reach tol" in str(one.message)
        if issubclass(one.category, RuntimeWarning | DeprecationWarning) and not own:
            place = "/".join(one.filename.rsplit("/", 2)[-2:])
            return f"fault: {one.category.__name__}: {one.message} ({place})"[:200]
    return None


def judge_refusal(error, case):
    """A fault where no parameter is named."""
    names = [*inspect.signature(case.function).parameters, *case.names]
    pattern = "|".join(rf"\b{re.escape(name)}\b" for name in names if len(name) > 0)
    if re.search(pattern, str(error)) or re.search(OF_DATA, str(error)):
        return "refused"
    return f"fault: names no parameter: {type(error).__name__}: {error}"[:200]


def main():
    """Run cases side by side, and print what is a fault and a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", type=int, nargs="+")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    numbers = arguments.only or range(
        arguments.first, arguments.first + arguments.cases
    )
    parallel = Parallel(arguments.jobs, batch_size=10, return_as="generator")
    outcomes = []
    for outcome in parallel(delayed(run)(number) for number in numbers):
        outcomes.append(outcome)
        show(*outcome, arguments.verbose)
    report(outcomes)


def show(number, name, outcome, where, seconds, text, verbose):
    """Print what is a fault, and where everything is wanted the rest."""
    if verbose or outcome.startswith("fault"):
        print(f"{number} {name}: {outcome} [{where}] {seconds:.1f} s", flush=True)
        if verbose:
            print("   ", text)


def report(outcomes):
    """Print a table of callables."""
    kinds = {True: "faults", False: None}
    table = Counter(
        (name, kinds[outcome.startswith("fault")] or outcome)
        for _, name, outcome, *_ in outcomes
    )
    print("\n| callable | answered | refused | faults | longest, CPU s |")
    print("|---|---|---|---|---|")
    for name in sorted({name for _, name, *_ in outcomes}):
        counts = [table[name, kind] for kind in ("answered", "refused", "faults")]
        longest = max(case[4] for case in outcomes if case[1] == name)
        print(f"| {name} | " + " | ".join(map(str, counts)) + f" | {longest:.1f} |")
    total = [
        sum(table[key] for key in table if key[1] == kind)
        for kind in ("answered", "refused", "faults")
    ]
    print("| all | " + " | ".join(map(str, total)) + " | |")


if __name__ == "__main__":
    main()
