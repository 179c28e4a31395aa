"""
A sweep on many machines
========================

Searches of scikit-learn run their fits through joblib, and joblib runs them on dask:
the same search then uses every worker of a cluster. Here these are two processes of
this machine; ``Client("tcp://scheduler:8786")`` instead is a cluster that stands
elsewhere, whose workers have skhj installed. It takes ``pip install "skhj[dask]"``.
"""

import matplotlib as mpl
import numpy as np
import torch
from distributed import Client, LocalCluster
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV

from skhj import EmbeddedInverseSolver
from skhj.datasets import make_duathlon

mpl.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

# %%
# What is searched
# ----------------
# Two times from their noisy sum: which network, and how fast it learns.

B, X = make_duathlon(2000, random_state=0)
grid = {
    "network": ["eunet", "optenet", "proximal"],
    "learning_rate": [1e-3, 5e-3],
}


def sweep():
    """Search, wherever joblib runs it."""
    est = EmbeddedInverseSolver(np.ones((1, 2)), max_iter=10, random_state=0)
    return GridSearchCV(est, grid, cv=3).fit(B, X)


# %%
# Where it runs
# -------------
# Dask tells its workers to compute on one thread each, and skhj follows: two workers
# on two cores do not wait for each other. The scores are those of a search in this
# process, but for the last digits.


def main():
    """Search on the workers of a cluster, and draw the scores."""
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as here,
        Client(here) as client,
    ):
        print("threads of each worker:", client.run(torch.get_num_threads).values())
        with parallel_config("dask"):
            search = sweep()
    print("best:", search.best_params_, f"R^2 {search.best_score_:.4f}")
    results = search.cv_results_
    fig, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
    for network in grid["network"]:
        of = results["param_network"] == network
        scores = results["mean_test_score"][of], results["std_test_score"][of]
        ax.errorbar(grid["learning_rate"], *scores, fmt="o-", capsize=3, label=network)
    ax.set(xlabel="learning rate", ylabel="R^2 of held-out folds", xscale="log")
    ax.legend(fontsize="small")
    fig.savefig("dask_sweep.png", dpi=120)


# Worker processes import this file: only the first may start them.
if __name__ == "__main__":
    main()
