"""Small images of rectangles, which a small prior of images can learn."""

import numpy as np

NOISE = 0.1
SHAPE = (12, 10)


def squares(n, shape=SHAPE, seed=0, turned=0):
    """Noisy and clean images of two rectangles each, in rows, turned by quarters."""
    rng = np.random.default_rng(seed)
    clean = np.zeros((n, *shape))
    for image in clean:
        for _ in range(2):
            sides = [np.sort(rng.choice(size, 2, replace=False)) for size in shape]
            (top, bottom), (left, right) = sides
            image[top:bottom, left:right] += rng.uniform(-1, 1)
    noisy = clean + NOISE * rng.normal(size=clean.shape)
    if turned:
        noisy, clean = (np.rot90(images, turned, (1, 2)) for images in (noisy, clean))
    return noisy.reshape(n, -1), clean.reshape(n, -1)
