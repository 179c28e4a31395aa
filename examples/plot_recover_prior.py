"""
What prior is behind this denoiser?
===================================

Total-variation denoising of an image x returns the minimiser p of
``TV(p) + |x - p|^2 / (2 t)``: it is the proximal operator of a prior. Here the denoiser
is a black box that we only call: of each noisy window x of a photograph it gives its
output p and the optimal value ``S(x, t) = J(p) + |x - p|^2 / (2 t)`` that it reached.
The gradient of S is (x - p) / t. From these samples ``HJPriorRegressor`` learns the
prior J, as profiles of filtered images, so that it can then be asked at images of any
shape.

We compare it with the true total variation on another part of the photograph: on
windows, on windows four times as large, and on that part itself.
"""

# %%
# Noisy windows of a photograph, and what the denoiser makes of them
# ------------------------------------------------------------------
import time

import matplotlib as mpl
import numpy as np
from joblib import Parallel, delayed
from skimage.data import camera
from skimage.metrics import peak_signal_noise_ratio
from skimage.restoration import denoise_tv_chambolle
from sklearn.feature_extraction.image import extract_patches_2d
from sklearn.metrics import r2_score

from skhj import HJPriorRegressor
from skhj import hamilton_jacobi as hj

mpl.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

T, SIGMA, SIDE, N_TRAIN, N_TEST = 0.1, 0.1, 40, 250, 60


def denoise(image):
    """Run the black box for long: 300 iterations, values within 0.1 % of the best."""
    return denoise_tv_chambolle(image, weight=T, eps=0, max_num_iter=300)


def total_variation(images):
    """Isotropic total variation of each image, with the denoiser's differences."""
    differences = np.zeros((2, *images.shape))
    differences[0, ..., :-1, :] = np.diff(images, axis=-2)
    differences[1, ..., :-1] = np.diff(images, axis=-1)
    return np.sqrt((differences**2).sum(axis=0)).sum(axis=(-2, -1))


def windows(photograph, side, n, seed):
    """Noisy windows x, the denoiser's p, and J(p), S(x, t); images in rows."""
    clean = extract_patches_2d(
        photograph, (side, side), max_patches=n, random_state=seed
    )
    noisy = clean + SIGMA * np.random.default_rng(seed).standard_normal(clean.shape)
    denoised = np.array(Parallel(n_jobs=2)(delayed(denoise)(x) for x in noisy))
    X, P = noisy.reshape(n, -1), denoised.reshape(n, -1)
    J = total_variation(denoised)
    return X, P, J, J + hj.half_squared_norm(X - P) / T


started = time.perf_counter()
photograph = camera() / 255
unseen, seen = np.split(photograph, [296])
X, P, _, S = windows(seen, SIDE, N_TRAIN, seed=0)
print(f"denoiser: {N_TRAIN} windows in {time.perf_counter() - started:.0f} s")

# %%
# Learn the prior
# ---------------
begun = time.perf_counter()
est = HJPriorRegressor(t=T, image_shape=(SIDE, SIDE), random_state=0)
est.fit(X, S, gradient=hj.value_gradient_from_prox(X, P, T))
print(f"{est.candidates_[0]['name']}: learned in {time.perf_counter() - begun:.0f} s")

# %%
# Held out: the learned prior against the true one
# ------------------------------------------------
print(f"\nheld out{'':36s} R^2      rmse   spread")


def report(name, true, learned):
    """Print a line of the table; return R^2."""
    r2, rmse = r2_score(true, learned), np.sqrt(np.mean((true - learned) ** 2))
    print(f"{name:40s} {r2:7.5f} {rmse:9.4f} {true.std():8.3f}")
    return r2


points = {}
for side, n in ((SIDE, N_TEST), (2 * SIDE, N_TEST // 3)):
    X, P, J, S = windows(unseen, side, n, seed=side)
    asked, where = est.for_images((side, side)), f"{n} windows {side} x {side}"
    points[where] = J, asked.prior(P)
    report(f"prior J, {where}", *points[where])
    report(f"value function S, {where}", S, asked.predict(X))
    report(f"prox, {where}", P.ravel(), asked.prox(X).ravel())

crop = unseen[40:, 100:356]
noisy = crop + SIGMA * np.random.default_rng(1).standard_normal(crop.shape)
whole = est.for_images(crop.shape)
pictures = {
    "noisy": noisy,
    "the denoiser": denoise(noisy),
    "learned prox": whole.prox(noisy.reshape(1, -1)).reshape(crop.shape),
}
print("\nPSNR of 256 x 256 pixels")
psnr = {k: peak_signal_noise_ratio(crop, image) for k, image in pictures.items()}
for name, decibels in psnr.items():
    print(f"{name:40s} {decibels:7.2f} dB")

# %%
# Cross-sections: one detail of growing height on a flat image
# ------------------------------------------------------------
i, j = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
details = {
    "stripes": np.where(i // 5 % 2, 0.5, -0.5),
    "disc": i**2 + j**2 < 144,
    "edge": i + 2 * j > 0,
}
heights = np.linspace(-0.5, 0.5, 101)
sections = {}
for name, detail in details.items():
    images = 0.5 + heights[:, None, None] * detail
    true, learned = total_variation(images), est.prior(images.reshape(101, -1))
    sections[name] = true, learned
    gap = np.abs(true - learned).max() / np.ptp(true)
    print(f"cross-section along {name:20s} {gap:7.2%} of its range at most")

# %%
# A picture of it
# ---------------
plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False})
fig = plt.figure(figsize=(10.5, 7), layout="constrained")
above, below = fig.subfigures(2, 1, height_ratios=[1.2, 1])
for ax, (name, image) in zip(above.subplots(1, 3), pictures.items(), strict=True):
    ax.imshow(image, cmap="gray", vmin=0, vmax=1)
    ax.set_title(f"{name}, {psnr[name]:.1f} dB")
    ax.axis("off")

on_line, on_sections = below.subplots(1, 2)
on_line.axline((0, 0), slope=1, color="black", linewidth=0.8)
for (where, (true, learned)), marker in zip(points.items(), "o^", strict=True):
    name = f"{where}, $R^2$ = {r2_score(true, learned):.5f}"
    on_line.plot(true, learned, marker, markersize=5, alpha=0.6, label=name)
on_line.set(xlabel="total variation", ylabel="learned prior", title="held-out images")
on_line.legend(frameon=False)

for name, (true, learned) in sections.items():
    (line,) = on_sections.plot(heights, learned, linewidth=4, alpha=0.4, label=name)
    on_sections.plot(heights, true, "--", linewidth=1.2, color=line.get_color())
on_sections.set(xlabel="height of the detail", ylabel="prior")
on_sections.set(title="cross-sections (dashed: total variation)")
on_sections.legend(frameon=False, loc="upper center")
fig.savefig("recovered_prior.png", dpi=120)
print(f"\nrecovered_prior.png written; {time.perf_counter() - started:.0f} s in all")
