"""deepinv's unrolled half-quadratic splitting, trained for a given CPU time."""

from time import process_time

import torch
from torch.nn import functional

# The best of a few tried for s = 5, as is the first step size below.
BATCH_SIZE, LEARNING_RATE = 32, 3e-3


def make_physics(operator, deepinv):
    """Blur as a physics of deepinv, with its proximal operator in closed form."""
    H, W = operator.image_shape

    class Blur(deepinv.physics.LinearPhysics):
        def A(self, x, **kwargs):  # noqa: N802
            return operator.forward(x.reshape(len(x), -1)).reshape(-1, 1, H, W)

        def A_adjoint(self, y, **kwargs):  # noqa: N802
            return operator.adjoint(y.reshape(len(y), -1)).reshape(-1, 1, H, W)

        def prox_l2(self, z, y, gamma, **kwargs):
            # (gamma A^T A + I)^-1 (gamma A^T y + z), in the basis of the blur.
            images = (gamma * self.A_adjoint(y) + z)[:, 0]
            if operator.boundary == "reflect":
                images = torch.cat([images, images.flip(1)], dim=1)
                images = torch.cat([images, images.flip(2)], dim=2)
            transfer = operator._transfer_function(images)
            spectrum = torch.fft.rfft2(images) / (gamma * transfer**2 + 1)
            solved = torch.fft.irfft2(spectrum, s=images.shape[1:])
            return solved[:, None, :H, :W]

    return Blur()


def unrolled_hqs(operator, X, y, X_test, *, seconds, seed, n_layers=4):
    """Answers for X_test of four layers, each with its own five-layer DnCNN."""
    import deepinv

    torch.manual_seed(seed)  # deepinv's networks take no generator
    H, W = operator.image_shape
    physics = make_physics(operator, deepinv)
    denoisers = [
        deepinv.models.DnCNN(1, 1, depth=5, nf=32, pretrained=None)
        for _ in range(n_layers)
    ]
    model = deepinv.optim.HQS(
        data_fidelity=deepinv.optim.L2(),
        prior=[deepinv.optim.PnP(denoiser) for denoiser in denoisers],
        stepsize=[100.0] * n_layers,
        g_param=[0.01] * n_layers,
        max_iter=n_layers,
        unfold=True,
        trainable_params=["stepsize", "g_param"],
    )
    data, true, fresh = (
        torch.tensor(a, dtype=torch.float32).reshape(-1, 1, H, W)
        for a in (X, y, X_test)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    start = process_time()
    while (elapsed := (process_time() - start) / seconds) < 1:
        rate = min(elapsed / 0.1, (1 - elapsed) / 0.9)
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * max(rate, 1e-3)
        rows = torch.randint(len(data), (BATCH_SIZE,))
        optimizer.zero_grad()
        functional.mse_loss(model(data[rows], physics), true[rows]).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        optimizer.step()
    with torch.no_grad():
        blocks = [model(part, physics).flatten(1) for part in fresh.split(64)]
    return torch.cat(blocks).double().numpy()
