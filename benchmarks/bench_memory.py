"""Memory of arrays while models are learned and recovered, in copies of the data.

Images of 48 x 48 pixels, blurred, as single precision in a memory map; counted are
numpy's arrays at their peak, beyond the data given, in copies of these in double
precision, for two numbers of images.

    python benchmarks/bench_memory.py
"""

import tempfile
import tracemalloc
import warnings
from pathlib import Path

import numpy as np

from skhj import EmbeddedInverseSolver
from skhj.operators import ExponentialBlur

SHAPE = (48, 48)


def images(n, folder):
    """Smooth images and their blurred noisy data, in memory maps."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, *SHAPE)).cumsum(axis=1).cumsum(axis=2) / 20
    X = X.reshape(n, -1)
    B = ExponentialBlur(SHAPE, 2.0).data(X) + 0.01 * rng.normal(size=X.shape)
    maps = []
    for name, array in (("B", B), ("X", X)):
        path = Path(folder) / f"{name}{n}.npy"
        np.save(path, array.astype(np.float32))
        maps.append(np.load(path, mmap_mode="r"))
    return maps


def peak(function):
    """Answer, and largest memory of arrays beyond those before, in bytes."""
    tracemalloc.start()
    answer = function()
    memory = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return answer, memory


def main():
    """Fit and predict, with two numbers of images."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        for n in (400, 1600):
            B, X = images(n, folder)
            copy = B.size * 8
            est = EmbeddedInverseSolver(
                ExponentialBlur(SHAPE, 2.0),
                network="proximal",
                image_shape=SHAPE,
                embedding_dim=8,
                n_layers=1,
                max_iter=1,
                random_state=0,
            )
            _, of_fit = peak(lambda est=est, B=B, X=X: est.fit(B, X))
            answer, of_predict = peak(lambda est=est, B=B: est.predict(B))
            beyond = of_predict - answer.nbytes
            print(
                f"{n} images: fit {of_fit / copy:.1f} copies; predict "
                f"{of_predict / copy:.1f}, beyond its answer {beyond / 2**20:.0f} MiB"
            )


if __name__ == "__main__":
    main()
