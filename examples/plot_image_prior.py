"""
A prior of photographs
======================

From small windows of a few photographs, clean and noisy, we learn a prior of images: a
sum of profiles of filtered images, weakly convex by construction. Its proximal operator
then denoises another photograph as a whole, by a minimisation with one solution. Beside
it is total variation with its best weight.
"""

# %%
# Windows of photographs, turned and flipped at random
# ----------------------------------------------------
import time

import matplotlib as mpl
import numpy as np
from skimage import data
from skimage.metrics import peak_signal_noise_ratio
from skimage.restoration import denoise_tv_chambolle
from sklearn.datasets import load_sample_images

from skhj import HJPriorRegressor
from skhj.datasets import make_image_patches

mpl.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

NOISE, WINDOW = 25 / 255, (40, 40)
started = time.perf_counter()
rng = np.random.RandomState(0)
colour = [*load_sample_images().images, data.chelsea(), data.coffee()]
photographs = [image.mean(axis=2) / 255 for image in colour]
windows = make_image_patches(
    photographs, n_samples=600, patch_shape=WINDOW, random_state=rng
)
clean = np.stack(
    [
        np.rot90(window if rng.randint(2) else window[:, ::-1], rng.randint(4))
        for window in windows
    ]
).reshape(len(windows), -1)
noisy = clean + NOISE * rng.standard_normal(clean.shape)

# %%
# The prior, at the time that is the variance of the noise
# ---------------------------------------------------------
est = HJPriorRegressor(
    t=NOISE**2, target="prox", image_shape=WINDOW, max_iter=8, random_state=0
).fit(noisy, clean)
print(f"{time.perf_counter() - started:.0f} s for the fit")

# %%
# One photograph, of another shape
# --------------------------------
photograph = data.camera()[60:260, 120:360] / 255
degraded = photograph + NOISE * rng.standard_normal(photograph.shape)
whole = est.for_images(photograph.shape)
learned = whole.prox(degraded.reshape(1, -1)).reshape(photograph.shape)


def decibels(image):
    """Peak signal-to-noise ratio, in dB."""
    return peak_signal_noise_ratio(photograph, image.clip(0, 1), data_range=1)


total_variation = max(
    (denoise_tv_chambolle(degraded, weight=share * NOISE) for share in (0.5, 0.7, 0.9)),
    key=decibels,
)
answers = {
    "noisy": degraded,
    "total variation": total_variation,
    "learned prior": learned,
}
for name, image in answers.items():
    print(f"{name:<16} {decibels(image):.2f} dB")

# %%
# Filters and profiles
# --------------------
# The prior of a filter's response alone, w * y = r: the profile, which is steep at zero
# and flat far from it, so that edges cost little more than half of their height does.
FILTER = (7, 7)
weights = est.prior_weights_["filters"][:, 0]
weights = weights - weights.mean(axis=(1, 2), keepdims=True)
of_filter = est.for_images(FILTER)
heights = np.linspace(-0.5, 0.5, 101)

fig = plt.figure(figsize=(11, 6.4), layout="constrained")
pictures, learned_parts = fig.subfigures(2, 1, height_ratios=[1.1, 1])
axes = pictures.subplots(1, 4)
for ax, (name, image) in zip(
    axes, {"clean": photograph, **answers}.items(), strict=True
):
    ax.imshow(image, cmap="gray", vmin=0, vmax=1)
    ax.set(title=name, xticks=[], yticks=[])
    if name != "clean":
        ax.set_xlabel(f"{decibels(image):.2f} dB")
of_filters, of_profiles = learned_parts.subfigures(1, 2, width_ratios=[1.5, 1])
of_filters.suptitle("filters")
for ax, weight in zip(of_filters.subplots(4, 12).flat, weights, strict=True):
    limit = np.abs(weight).max()
    ax.imshow(weight, cmap="gray", vmin=-limit, vmax=limit)
    ax.set(xticks=[], yticks=[])
ax = of_profiles.subplots()
for weight in weights[::8]:
    direction = weight / np.linalg.norm(weight)
    line = heights[:, None] * direction.reshape(1, -1)
    J = of_filter.prior(line)
    ax.plot(heights, J - J.min())
ax.set(title="J along some filters", xlabel="height", ylabel="J")
fig.savefig("image_prior.png", dpi=110)
print(f"image_prior.png written; {time.perf_counter() - started:.0f} s in all")
