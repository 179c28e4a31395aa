"""
What prior is behind this denoiser?
===================================

Total-variation denoising of a patch x returns the minimiser p of
TV(p) + |x - p|^2 / (2 t): it is the proximal operator of a prior. Here the denoiser is
a black box that we only call: of each noisy patch x it gives its output p and the
optimal value S(x, t) = J(p) + |x - p|^2 / (2 t) that it reached. The gradient of S is
(x - p) / t. From these samples ``HJPriorRegressor`` learns the prior J, a function that
can then be asked at any patch.

We compare it with the true total variation on patches it has not seen.
"""

# %%
# Noisy 4 x 4 patches of a photograph, and what the denoiser makes of them
# ------------------------------------------------------------------------
import time

import matplotlib as mpl
import numpy as np
from joblib import Parallel, delayed
from skimage.restoration import denoise_tv_chambolle
from sklearn.datasets import load_sample_image
from sklearn.feature_extraction.image import extract_patches_2d
from sklearn.metrics import r2_score

from skhj import HJPriorRegressor
from skhj import hamilton_jacobi as hj

mpl.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

T, SIGMA, SIDE, N_TRAIN, N_TEST = 0.1, 0.1, 4, 5000, 1000


def denoise(patch):
    """Run the black box to convergence: 300 iterations, gap 1e-4 of the objective."""
    return denoise_tv_chambolle(patch, weight=T, eps=0, max_num_iter=300)


def total_variation(P):
    """Isotropic total variation of each row, with the denoiser's differences."""
    patches = P.reshape(-1, SIDE, SIDE)
    differences = np.zeros((2, *patches.shape))
    differences[0, :, :-1] = np.diff(patches, axis=1)
    differences[1, :, :, :-1] = np.diff(patches, axis=2)
    return np.sqrt((differences**2).sum(axis=0)).sum(axis=(1, 2))


started = time.perf_counter()
photograph = load_sample_image("china.jpg").mean(axis=2) / 255
clean = extract_patches_2d(
    photograph, (SIDE, SIDE), max_patches=N_TRAIN + N_TEST, random_state=0
)
noisy = clean + SIGMA * np.random.default_rng(0).standard_normal(clean.shape)
denoised = Parallel(n_jobs=2, batch_size=50)(delayed(denoise)(x) for x in noisy)
begun = time.perf_counter()
for patch in noisy[:100]:
    denoise(patch)
denoiser_ms = (time.perf_counter() - begun) * 10

X = noisy.reshape(len(noisy), -1)
P = np.reshape(denoised, X.shape)
J = total_variation(P)
S = J + hj.half_squared_norm(X - P) / T
gradient = hj.value_gradient_from_prox(X, P, T)
print(f"denoiser: {len(X)} patches in {time.perf_counter() - started:.0f} s")

# %%
# Learn the prior
# ---------------
train, test = slice(N_TRAIN), slice(N_TRAIN, None)
begun = time.perf_counter()
# With gradients a convex network does as well here as the search of network="auto".
est = HJPriorRegressor(t=T, network="icnn", random_state=0)
est.fit(X[train], S[train], gradient=gradient[train])
print(f"learned in {time.perf_counter() - begun:.0f} s")

# %%
# Held-out patches: the learned prior against the true one
# --------------------------------------------------------
begun = time.perf_counter()
learned_J = est.prior(P[test])
prior_ms = (time.perf_counter() - begun) / N_TEST * 1e3
begun = time.perf_counter()
learned_P = est.prox(X[test])
prox_ms = (time.perf_counter() - begun) / N_TEST * 1e3

r2_J = r2_score(J[test], learned_J)
r2_S = est.score(X[test], S[test])
r2_P = r2_score(P[test].ravel(), learned_P.ravel())
print(f"\nheld out, {N_TEST} patches        R^2      rmse   spread   ms a patch")
for name, r2, true, answer, ms in (
    ("prior J at denoised patches", r2_J, J[test], learned_J, prior_ms),
    ("value function S", r2_S, S[test], est.predict(X[test]), prox_ms),
    ("prox, against the denoiser", r2_P, P[test], learned_P, prox_ms),
):
    rmse = np.sqrt(np.mean((true - answer) ** 2))
    print(f"{name:28s} {r2:8.4f} {rmse:9.4f} {true.std():8.3f} {ms:10.4f}")
print(f"{'the denoiser itself':56s} {denoiser_ms:11.4f}")

# %%
# A picture of it
# ---------------
fig = plt.figure(figsize=(11, 3.6), layout="constrained")
pictures, scatter_box, section_box = fig.subfigures(1, 3, width_ratios=[1.1, 1, 1])

shown = N_TRAIN + np.argsort(J[test])[[500, 800, 950, 990]]
axes = pictures.subplots(3, len(shown), sharex=True, sharey=True)
rows = {"noisy": X[shown], "denoiser": P[shown], "learned prox": est.prox(X[shown])}
for row, (name, images) in zip(axes, rows.items(), strict=True):
    row[0].set_ylabel(name)
    for ax, image, true in zip(row, images, P[shown], strict=True):
        limits = {"vmin": true.min() - 0.1, "vmax": true.max() + 0.1}
        ax.imshow(image.reshape(SIDE, SIDE), cmap="gray", **limits)
        ax.set(xticks=[], yticks=[])

ax = scatter_box.subplots()
ax.plot([0, J[test].max()], [0, J[test].max()], color="black", linewidth=1)
ax.plot(J[test], learned_J, ".", markersize=3)
ax.set(xlabel="total variation", ylabel="learned prior", title=f"$R^2$ = {r2_J:.4f}")

ax = section_box.subplots()
flat = np.full(SIDE * SIDE, P[train].mean())
steps = np.linspace(-0.4, 0.4, 201)[:, None]
half = np.array([0.0, 0.0, 1.0, 1.0])
edge, corner = np.repeat(half, SIDE), np.outer(half, half).ravel()
for name, direction in (("an edge", edge), ("a corner", corner)):
    points = flat + steps * direction
    (line,) = ax.plot(steps, est.prior(points), label=f"{name}, learned")
    ax.plot(steps, total_variation(points), "--", color=line.get_color())
ax.set(xlabel="height of the detail", ylabel="prior (dashed: true)")
ax.legend()
fig.savefig("recovered_prior.png", dpi=120)
print(f"\nrecovered_prior.png written; {time.perf_counter() - started:.0f} s in all")
