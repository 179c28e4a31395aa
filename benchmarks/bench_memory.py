"""Memory while models are learned and recovered from images on disk.

Images of 48 x 48 pixels, blurred, as single precision in memory maps. Of fit and
predict are counted numpy's arrays at their peak, beyond the data given and, of predict,
beyond its answer, in copies of the measurements in their own type; and by how much the
largest resident memory of a process of its own grows, which is all that it holds, pages
of the maps included. A first fit of few images, with what it imports, is not counted.

    python benchmarks/bench_memory.py

``--one resident B.npy X.npy`` prints the latter alone, of a fit to files of your own.
"""

import argparse
import subprocess
import sys
import tempfile
import tracemalloc
import warnings
from pathlib import Path

import numpy as np

from skhj import EmbeddedInverseSolver
from skhj.operators import ExponentialBlur

SHAPE = (48, 48)
HEADER = """# Memory

Largest memory while images of 48 x 48 pixels on disk, in single precision, are learned
and recovered: numpy's arrays at their peak, in copies of the measurements in their own
type and in MiB, and by how much the process's resident memory grows
(`python benchmarks/bench_memory.py`).

| images | on disk | fit | predict beyond its answer | resident, fit | of it, seconds |
|---|---|---|---|---|---|
"""


def images(n, folder):
    """Smooth images and their blurred noisy data, in memory maps."""
    rng, blur = np.random.default_rng(0), ExponentialBlur(SHAPE, 2.0)
    size = SHAPE[0] * SHAPE[1]
    files = [folder / f"{name}{n}.npy" for name in "BX"]
    B, X = (
        np.lib.format.open_memmap(file, "w+", np.float32, (n, size)) for file in files
    )
    for first in range(0, n, 1000):
        rows = slice(first, min(first + 1000, n))
        steps = rng.normal(size=(rows.stop - first, *SHAPE))
        X[rows] = steps.cumsum(axis=1).cumsum(axis=2).reshape(-1, size) / 20
        B[rows] = blur.data(X[rows]) + 0.01 * rng.normal(size=X[rows].shape)
    return files


def estimator():
    """One that learns little, from one pass."""
    return EmbeddedInverseSolver(
        ExponentialBlur(SHAPE, 2.0),
        network="proximal",
        image_shape=SHAPE,
        embedding_dim=8,
        n_layers=1,
        max_iter=1,
        random_state=0,
    )


def peak(function):
    """Answer, and largest memory of arrays beyond those before, in bytes."""
    tracemalloc.start()
    answer = function()
    memory = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return answer, memory


def resident():
    """Largest resident memory of this process so far, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM"))
    return int(line.split()[1]) / 2**10


def loaded(files):
    """The maps, once what a fit imports is there."""
    warnings.simplefilter("ignore")
    B, X = (np.load(file, mmap_mode="r") for file in files)
    estimator().fit(B[:400], X[:400])
    return B, X


def arrays_of(*files):
    """Cells of a row: arrays of fit and predict."""
    B, X = loaded(files)
    est, of_fit = peak(lambda: estimator().fit(B, X))
    answer, of_predict = peak(lambda: est.predict(B))
    beyond = of_predict - answer.nbytes
    print(
        f"{of_fit / B.nbytes:.1f} copies, {of_fit / 2**20:.0f} MiB "
        f"| {beyond / 2**20:.0f} MiB"
    )


def resident_of(*files):
    """Cells of a row: resident memory of fit."""
    B, X = loaded(files)
    before = resident()
    est = estimator().fit(B, X)
    print(
        f"{resident() - before:.0f} MiB | {sum(est.fit_seconds_.values()):.0f}",
    )


def main():
    """Fit and predict, with several numbers of images, a process for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="*", default=[400, 1600, 10_000])
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        kind, *files = arguments.one
        return {"arrays": arrays_of, "resident": resident_of}[kind](*files)
    lines = []
    for n in arguments.images:
        with tempfile.TemporaryDirectory() as folder:
            files = images(n, Path(folder))
            size = sum(file.stat().st_size for file in files)
            cells = [
                subprocess.run(
                    [sys.executable, __file__, "--one", kind, *map(str, files)],
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout.strip()
                for kind in ("arrays", "resident")
            ]
        lines.append(f"| {n} | {size / 2**20:.0f} MiB | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    table = HEADER + "\n".join(lines) + "\n"
    (Path(__file__).parent / "results" / "memory.md").write_text(table)
    return None


if __name__ == "__main__":
    main()
