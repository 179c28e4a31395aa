"""What the benchmarks of HJPriorRegressor share: truth and competitors."""

import warnings
from time import perf_counter, process_time

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from skhj import HJPriorRegressor
from skhj import hamilton_jacobi as hj
from skhj.priors.convex.icnn import ICNN

N_FRESH, N_INVERTED = 5000, 50


class FreshPoints:
    """Points that no method has seen, with the truth there."""

    def __init__(self, problem, X, t):
        self.X, self.t = X, t
        self.S = problem.value(X, t)
        self.psi = hj.potential_from_value(X, self.S, t)
        self.Y = problem.prox(X, t)
        self.J = problem.backward_prior(self.Y, t)


def mean_squared_error(answer, truth):
    """Mean of the squared differences, as a float of Python."""
    return float(np.mean((answer - truth) ** 2))


def timed_prior(model, Y, method=None):
    """Return the prior at Y, by another method, and the seconds that one query took."""
    start = perf_counter()
    with warnings.catch_warnings():
        # Inversion may stop short of its tolerance, and say so.
        warnings.simplefilter("ignore", ConvergenceWarning)
        J = model._loaded_model.prior(Y, method).value if method else model.prior(Y)
    return J, (perf_counter() - start) / len(Y)


def run_ours(X, S, fresh, parameters, gradient=None):
    """Fit HJPriorRegressor; time it and judge it."""
    start, cpu_start = perf_counter(), process_time()
    model = HJPriorRegressor(t=fresh.t, device="cpu", **parameters)
    model.fit(X, S, gradient=gradient)
    seconds, cpu_seconds = perf_counter() - start, process_time() - cpu_start
    model.prior(fresh.Y[:100])  # The first call also loads code.
    J, query_seconds = timed_prior(model, fresh.Y)
    J_inverted, inversion_seconds = timed_prior(
        model, fresh.Y[:N_INVERTED], "inversion"
    )
    return {
        "network": model.network_,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "query_seconds": query_seconds,
        "inversion_query_seconds": inversion_seconds,
        "inversion_J": mean_squared_error(J_inverted, fresh.J[:N_INVERTED]),
        "psi": mean_squared_error(model.potential(fresh.X), fresh.psi),
        "prox": mean_squared_error(model.prox(fresh.X), fresh.Y),
        "J": mean_squared_error(J, fresh.J),
        "S": mean_squared_error(model.predict(fresh.X), fresh.S),
    }


def endless_batches(n_samples, batch_size, generator):
    """Rows of each batch, one shuffled pass after the other."""
    while True:
        yield from torch.randperm(n_samples, generator=generator).split(batch_size)


def train_as_the_paper(X, values, seconds, seed):
    """Fit the paper's network to values at X, its schedule over CPU-seconds."""
    start = process_time()
    generator = torch.Generator().manual_seed(seed)
    network = ICNN(
        X.shape[1],
        (256, 256, 256),
        wide_units=0,
        softplus_beta=5.0,
        learn_beta=False,
        input_gain=1.0,
        positive_gain=1.0,
        generator=generator,
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    for rows in endless_batches(len(X), 256, generator):
        elapsed = (process_time() - start) / seconds
        if elapsed >= 1:
            break
        optimizer.param_groups[0]["lr"] = 1e-3 * 0.1 ** int(5 * elapsed)
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(network(X[rows]), values[rows]).backward()
        optimizer.step()
        network.project_()
    return network


@torch.no_grad()
def evaluate(network, X):
    """Values of a network at an array, in double precision."""
    return network(torch.tensor(X, dtype=torch.float32)).double().numpy()


@torch.no_grad()
def conjugate_samples(potential, X):
    """Points y_k = grad psi(x_k) and values <x_k, y_k> - psi(x_k), block by block."""
    Y, G = [], []
    for rows in X.split(8192):
        psi, gradient = potential.value_and_gradient(rows)
        Y.append(gradient)
        G.append(hj.conjugate_at_prox(rows, gradient, psi))
    return torch.cat(Y), torch.cat(G)


def run_recipe(X, S, fresh, seconds, seed):
    """Train the paper's two networks, on raw data, and judge them."""
    psi = hj.potential_from_value(X, S, fresh.t)
    X, psi = (torch.tensor(array, dtype=torch.float32) for array in (X, psi))
    potential = train_as_the_paper(X, psi, seconds / 2, seed)
    Y, G = conjugate_samples(potential, X)
    conjugate = train_as_the_paper(Y, G, seconds / 2, seed + 1)
    J = hj.prior_from_conjugate(fresh.Y, evaluate(conjugate, fresh.Y), fresh.t)
    return {
        "psi": mean_squared_error(evaluate(potential, fresh.X), fresh.psi),
        "J": mean_squared_error(J, fresh.J),
    }


def run_mlp(X, S, fresh, seconds, seed):
    """Train by epochs until CPU time is up; answer as at the best hold-out epoch."""
    start = process_time()
    of_X, of_S = StandardScaler().fit(X), StandardScaler().fit(S[:, None])
    # Single precision, as the others train in: epochs take half the time.
    U = of_X.transform(X).astype(np.float32)
    v = of_S.transform(S[:, None])[:, 0].astype(np.float32)
    n_seen = len(U) - len(U) // 10
    network = MLPRegressor(hidden_layer_sizes=(256, 256), random_state=seed)
    best_error, best_weights = np.inf, None
    while best_weights is None or process_time() - start < seconds:
        network.partial_fit(U[:n_seen], v[:n_seen])
        error = mean_squared_error(network.predict(U[n_seen:]), v[n_seen:])
        if error < best_error:
            best_error = error
            best_weights = [w.copy() for w in (*network.coefs_, *network.intercepts_)]
    n_layers = len(network.coefs_)
    network.coefs_, network.intercepts_ = (
        best_weights[:n_layers],
        best_weights[n_layers:],
    )
    answer = network.predict(of_X.transform(fresh.X))
    answer = of_S.inverse_transform(answer[:, None])[:, 0]
    return {"S": mean_squared_error(answer, fresh.S)}
