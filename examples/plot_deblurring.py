"""
Sharper photographs
===================

A photograph is blurred by the point-spread function ``exp(-|r| / s)``, and noise added.
From windows of another part of the picture, sharp and blurred, an unrolled network
learns to undo that. We compare it with the best linear estimate, which is where its
iterations start.
"""

# %%
# Windows of two photographs: the upper parts to learn from, the lower to judge
# -----------------------------------------------------------------------------
import time

import matplotlib as mpl
import numpy as np
from sklearn.datasets import load_sample_images

from skhj import EmbeddedInverseSolver
from skhj.datasets import make_deblurring, make_image_patches
from skhj.inspection import ConvergenceDisplay

mpl.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

SHAPE, S = (24, 24), 1.5
started = time.perf_counter()
photographs = [image.mean(axis=2) / 255 for image in load_sample_images().images]
upper, lower = [p[:320] for p in photographs], [p[320:] for p in photographs]
train = make_image_patches(upper, n_samples=500, patch_shape=SHAPE, random_state=0)
test = make_image_patches(lower, n_samples=200, patch_shape=SHAPE, random_state=1)
X, y, blur = make_deblurring(train, S, random_state=0)
X_test, y_test, _ = make_deblurring(test, S, random_state=1)

# %%
# Three networks
# --------------
fig = plt.figure(figsize=(10, 4.2), layout="constrained")
pictures, curves = fig.subfigures(1, 2, width_ratios=[1.5, 1])
curve_ax = curves.subplots()
networks = {}
for network in ("eunet", "optenet", "proximal"):
    est = EmbeddedInverseSolver(
        blur, network=network, image_shape=SHAPE, max_iter=15, random_state=0
    ).fit(X, y)
    networks[network] = est
    ConvergenceDisplay.from_estimator(est, X_test, y_test, ax=curve_ax)
curve_ax.set_title("error of the iterates")


def decibels(images):
    """Peak signal-to-noise ratio, in dB."""
    return -10 * np.log10(np.mean((images - y_test) ** 2))


est = networks["eunet"]
answers = {
    "sharp": y_test,
    "blurred": X_test,
    "linear estimate": est.linear_estimate(X_test),
    "EUnet": est.predict(X_test),
}
for name in ("blurred", "linear estimate"):
    print(f"{name}: {decibels(answers[name]):.2f} dB")
for network, est in networks.items():
    print(f"{network}: {decibels(est.predict(X_test)):.2f} dB")

# %%
# A picture of it
# ---------------
shown = np.argsort(y_test.std(axis=1))[[-1, -25, -50]]
axes = pictures.subplots(len(shown), len(answers))
for row, i in zip(axes, shown, strict=True):
    for ax, (name, images) in zip(row, answers.items(), strict=True):
        limits = {"vmin": y_test[i].min(), "vmax": y_test[i].max()}
        ax.imshow(images[i].reshape(SHAPE), cmap="gray", **limits)
        ax.set(xticks=[], yticks=[])
        if i == shown[0]:
            ax.set_title(name)
fig.savefig("deblurring.png", dpi=120)
print(f"deblurring.png written; {time.perf_counter() - started:.0f} s in all")
