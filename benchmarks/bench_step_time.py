"""Cost of a training step of the unrolled networks.

Two comparisons, by processor time of one thread, medians of interleaved repeats:

- the hand-written gradient of the potential against automatic differentiation twice,
  in a training step of EUnet on vectors (64 unknowns, K = 256) and on images
  (64 x 64, 32 channels at half resolution);
- an epoch through `skhj.training.Trainer`, set-up and validation included, against a
  bare torch loop of the same work. The exit status is 1 where it costs more than 1.15.

    python benchmarks/bench_step_time.py
"""

import argparse
import copy
import os
import platform
import sys
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np
import torch

import skhj
from skhj.inverse.unrolled.architecture import Architecture
from skhj.inverse.unrolled.build import make_unrolled
from skhj.inverse.unrolled.dense_misfit import DensePhysics
from skhj.inverse.unrolled.potential import Potential
from skhj.inverse.unrolled.spectral_misfit import SpectralPhysics
from skhj.inverse.waves import CosineWaves
from skhj.training import Schedule, Trainer

LARGEST_RATIO = 1.15
LEARNING_RATE, MAX_NORM = 0.005, 1.0


class SquaredError(torch.nn.Module):
    """Loss in the form that train asks for."""

    def forward(self, answers, targets):
        """Squared error, summed over the unknowns."""
        return (answers - targets[0]).square().sum(1).mean()


def differentiated_gradient(potential, z, time=0.0):
    """Gradient of the potential by automatic differentiation, differentiable."""
    with torch.enable_grad():
        z = z if z.requires_grad else z.requires_grad_()
        value = potential(z, time).sum()
        return torch.autograd.grad(value, z, create_graph=True)[0]


def make_problem(name, n_samples):
    """Network of the defaults, inputs and targets."""
    generator = torch.Generator().manual_seed(0)
    draw = partial(torch.randn, generator=generator)
    if name == "vectors":
        matrix = draw(24, 64)
        identity = torch.eye(64)
        matrix = matrix / torch.linalg.norm(matrix, 2)
        physics = DensePhysics(matrix, identity, identity)
        network = make_unrolled(physics, Architecture("eunet", 256))
        return network, draw(n_samples, 64 + 24), draw(n_samples, 64)
    multiplier = torch.rand(64, 64, generator=generator)
    physics = SpectralPhysics(multiplier, multiplier + 1, CosineWaves(), (64, 64))
    network = make_unrolled(physics, Architecture("eunet", 32, image_shape=(64, 64)))
    network = network.to(memory_format=torch.channels_last)
    return network, draw(n_samples, 64 * 64), draw(n_samples, 64 * 64)


def step_seconds(network, inputs, targets, gradient):
    """Processor time of a forward and a backward pass with one kind of gradient."""
    original, Potential.gradient = Potential.gradient, gradient
    try:
        start = process_time()
        loss = SquaredError()(network(inputs), [targets])
        loss.backward()
        return process_time() - start, float(loss.detach())
    finally:
        Potential.gradient = original


def compare_gradients(name, batch_size, n_repeats):
    """Seconds of a step of each repeat, (n_repeats, 2): by hand, and differentiated."""
    network, inputs, targets = make_problem(name, batch_size)
    ways = Potential.gradient, differentiated_gradient
    losses = [step_seconds(network, inputs, targets, way)[1] for way in ways]
    if abs(losses[0] - losses[1]) > 1e-3 * losses[0]:
        sys.exit(f"the two gradients do not agree: losses {losses}")
    times = np.empty((n_repeats, 2))
    for repeat in range(n_repeats):
        for way in (0, 1) if repeat % 2 else (1, 0):
            times[repeat, way], _ = step_seconds(network, inputs, targets, ways[way])
    return times


def through_skhj(network, seen, held_out, batch_size):
    """One epoch by train."""
    schedule = Schedule(1, batch_size, LEARNING_RATE, max_norm=MAX_NORM)
    trainer = Trainer(schedule, torch.Generator().manual_seed(0))
    trainer.train(network, SquaredError(), seen, held_out)


def through_bare_loop(network, seen, held_out, batch_size):
    """One epoch by hand."""
    inputs, targets = seen
    generator, loss_of = torch.Generator().manual_seed(0), SquaredError()
    batches = torch.randperm(len(inputs), generator=generator).split(batch_size)
    steps = Schedule(1, batch_size, LEARNING_RATE)
    optimizer = torch.optim.Adam(
        network.parameters(), lr=LEARNING_RATE, betas=steps.betas, fused=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, partial(steps.factor, n_steps=len(batches))
    )
    for rows in batches:
        optimizer.zero_grad()
        loss_of(network(inputs[rows]), [targets[rows]]).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), MAX_NORM)
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        loss_of(network(held_out[0]), [held_out[1]])


def compare_epochs(n_samples, n_repeats):
    """Seconds of an epoch of each repeat, (n_repeats, 2): by skhj, and bare."""
    network, inputs, targets = make_problem("vectors", n_samples)
    n_seen = n_samples - n_samples // 10
    seen, held_out = zip(
        *(t.split([n_seen, n_samples - n_seen]) for t in (inputs, targets)), strict=True
    )
    times = np.empty((n_repeats + 1, 2))
    for repeat in range(n_repeats + 1):
        for way in (0, 1) if repeat % 2 else (1, 0):
            run = (through_skhj, through_bare_loop)[way]
            fresh = copy.deepcopy(network)
            start = process_time()
            run(fresh, seen, held_out, 256)
            times[repeat, way] = process_time() - start
    return times[1:]  # the first only warms up


def main():
    """Measure, print, write; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--n-repeats", type=int, default=15)
    parser.add_argument("--n-samples", type=int, default=8000)
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent / "results"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    lines = ["# Training steps", ""]
    for name, batch_size in (("vectors", 256), ("images", 16)):
        times = compare_gradients(name, batch_size, arguments.n_repeats)
        by_hand, differentiated = 1e3 * np.median(times, axis=0)
        ratio = np.median(times[:, 1] / times[:, 0])
        lines.append(
            f"- EUnet on {name}, batches of {batch_size}: {by_hand:.0f} ms a step with "
            f"the gradient written by hand, {differentiated:.0f} ms differentiated "
            f"twice, ratio {ratio:.2f}."
        )
    times = compare_epochs(arguments.n_samples, arguments.n_repeats)
    ratio = np.median(times[:, 0] / times[:, 1])
    ours, bare = np.median(times, axis=0)
    lines += [
        f"- An epoch of {arguments.n_samples} vectors: skhj {ours:.2f} s, bare torch "
        f"loop {bare:.2f} s, ratio {ratio:.3f} (at most {LARGEST_RATIO}).",
        "",
        f"Processor time, one thread, medians of {arguments.n_repeats} interleaved "
        f"repeats; {os.cpu_count()} cores, Python {platform.python_version()}, skhj "
        f"{skhj.__version__}, torch {torch.__version__}.",
    ]
    print("\n".join(lines))
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "step_time.md").write_text("\n".join(lines) + "\n")
    return int(ratio > LARGEST_RATIO)


if __name__ == "__main__":
    sys.exit(main())
