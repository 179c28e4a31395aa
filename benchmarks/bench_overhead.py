"""Cost of training through skhj, against a bare torch loop of the same work.

One epoch of the value's network of ``HJPriorRegressor`` (l1 prior, d = 8, n = 30,000,
batches of 256) through `skhj.training.Trainer`, set-up included, and through the loop
below: the same module from the same weights, Adam, schedule, batches, projection and
validation pass. Both must end at the same loss. Repeats are interleaved; the median
of the ratios of their wall times must not exceed 1.15, or the exit status is 1.

    python benchmarks/bench_overhead.py
"""

import argparse
import copy
import math
import os
import platform
import statistics
import sys
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

import skhj
from skhj.datasets import make_value_samples
from skhj.priors.convex.architecture import ICNNArchitecture
from skhj.priors.convex.semiconvex import SemiconvexNetwork
from skhj.priors.convex.standardisation import standardise
from skhj.problems import L1
from skhj.training import Schedule, Trainer

LARGEST_RATIO = 1.15
SCHEDULE, T = Schedule(max_iter=1, batch_size=256, learning_rate=0.02), 1.0


class ValueLoss(torch.nn.Module):
    """Loss of values alone, in the form that train asks for."""

    def forward(self, predictions, targets):
        """Mean squared error."""
        return torch.nn.functional.mse_loss(predictions, targets[0])


def make_network_and_tensors(n_samples, n_features=8):
    """What HJPriorRegressor gives to train: a network, its samples, its hold-out."""
    X, S, _ = make_value_samples(L1(), n_samples, n_features, t=T, random_state=0)
    n_seen = n_samples - n_samples // 10
    units = standardise(X[:n_seen], -S[:n_seen], T)
    core = ICNNArchitecture().core(n_features, seed=0)
    arrays = units.whiten(X), units.values(X, -S)
    tensors = [torch.tensor(array, dtype=torch.float32) for array in arrays]
    seen, held_out = zip(
        *(t.split([n_seen, n_samples - n_seen]) for t in tensors), strict=True
    )
    return SemiconvexNetwork(core, units), seen, held_out


def through_skhj(network, seen, held_out):
    """Run the epoch by train; return the loss on the hold-out."""
    trainer = Trainer(SCHEDULE, torch.Generator().manual_seed(0))
    result = trainer.train(network, ValueLoss(), seen, held_out)
    return result.best_loss


def through_bare_loop(network, seen, held_out):
    """Run the epoch by hand; return the loss on the hold-out."""
    U, values = seen
    loss_of = torch.nn.functional.mse_loss
    generator = torch.Generator().manual_seed(0)
    batches = torch.randperm(len(U), generator=generator).split(SCHEDULE.batch_size)
    optimizer = torch.optim.Adam(
        network.parameters(),
        lr=SCHEDULE.learning_rate,
        betas=SCHEDULE.betas,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, partial(SCHEDULE.factor, n_steps=len(batches))
    )
    for rows in batches:
        optimizer.zero_grad()
        loss_of(network(U[rows]), values[rows]).backward()
        optimizer.step()
        network.project_()
        schedule.step()
    with torch.no_grad():
        return float(loss_of(network(held_out[0]), held_out[1]))


def seconds(way, network, *tensors):
    """Wall time of one epoch from the network's weights, and the loss it reaches."""
    network = copy.deepcopy(network)
    start = perf_counter()
    loss = way(network, *tensors)
    return perf_counter() - start, loss


def measure(n_samples, n_repeats):
    """Seconds of each repeat, of shape (n_repeats, 2): skhj's and the bare loop's."""
    work = make_network_and_tensors(n_samples)
    ways = [through_skhj, through_bare_loop]
    losses = [seconds(way, *work)[1] for way in ways]  # the first run only warms up
    if not math.isclose(*losses, rel_tol=1e-3):
        sys.exit(f"the two loops do not do the same work: losses {losses}")
    times = np.empty((n_repeats, 2))
    for repeat in range(n_repeats):
        # Whoever runs second may profit from the first.
        order = (0, 1) if repeat % 2 else (1, 0)
        for way in order:
            times[repeat, way], _ = seconds(ways[way], *work)
    return times


def main():
    """Measure, print, write; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--n-repeats", type=int, default=25)
    parser.add_argument("--n-samples", type=int, default=30_000)
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent / "results"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    times = measure(arguments.n_samples, arguments.n_repeats)
    ratio = statistics.median(times[:, 0] / times[:, 1])
    ours, bare = np.median(times, axis=0)
    summary = (
        f"One epoch of {arguments.n_samples} samples: skhj {ours:.3f} s, bare torch "
        f"loop {bare:.3f} s, median ratio {ratio:.3f} (at most {LARGEST_RATIO}); "
        f"{arguments.n_repeats} interleaved repeats, {os.cpu_count()} cores, "
        f"{arguments.threads} threads, Python {platform.python_version()}, "
        f"skhj {skhj.__version__}, torch {torch.__version__}."
    )
    print(summary)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "overhead.md").write_text(
        f"# Overhead of training\n\n{summary}\n"
    )
    return int(ratio > LARGEST_RATIO)


if __name__ == "__main__":
    sys.exit(main())
