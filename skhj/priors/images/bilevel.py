r"""Image priors learned from pairs of noisy and clean images.

The loss is that of the minimiser, :math:`|x_\theta(b) - c|^2/2` with
:math:`x_\theta(b) = \arg\min_x |x - b|^2/2 + t J_\theta(x)`. By the implicit function
theorem its derivative is :math:`-\langle v, \partial_\theta\, t \nabla J_\theta
(x)\rangle` where :math:`(I + t \nabla^2 J)\, v = x - c`. Each pair's minimiser and
adjoint v are kept: a step improves both from where its last visit left them.

References
----------
Chen, Ranftl, Pock, "Insights into analysis operator learning: from patch-based sparse
models to higher order MRFs", IEEE Trans. Image Processing 23, 2014.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch

from skhj.numerics.conjugate_gradients import conjugate_gradients_by_row
from skhj.numerics.memory_gradient import MemoryGradient
from skhj.priors.images.denoise import noise_scale
from skhj.priors.images.potential import Denoising
from skhj.priors.images.schedule import ImageSchedule

__all__ = ["BilevelResult", "BilevelTraining"]


class BilevelResult(NamedTuple):
    """Outcome of a training; the prior itself holds the weights.

    Attributes
    ----------
    loss_curve : ndarray of shape (n_steps,)
        Mean squared error of each step's images.
    residual : float
        Largest residual of the last step's minimisers, which are kept and improved.
    """

    loss_curve: np.ndarray
    residual: float


@dataclass(frozen=True)
class BilevelTraining:
    """Training by the implicit function theorem with kept minimisers.

    Parameters
    ----------
    schedule : ImageSchedule
        Steps, and how step sizes and the bound of the slopes move.
    n_minimise : int, default=6
        Steps of the minimiser at each visit of a pair; twice as many at the first.
        When filters move by 1 %, the minimiser moves by 0.5 % of its error, and six
        steps leave a fifth of that.
    n_adjoint : int, default=8
        Steps of conjugate gradients for the adjoint. From zero, 4, 6 and 10 steps give
        gradients of cosine 0.985, 0.997 and 0.9998 with the exact one.
    reflect : bool, default=False
        Whether images are continued about their edges, as whole images are. Filters are
        applied where they fit in windows of larger ones.
    margin : int, default=3
        Pixels next to the edges that do not count in the loss. In windows few filters
        see them.
    """

    schedule: ImageSchedule = field(default_factory=ImageSchedule)
    n_minimise: int = 6
    n_adjoint: int = 8
    reflect: bool = False
    margin: int = 3

    def train(self, prior, noisy, clean, generator):
        """Fit a prior in place.

        Parameters
        ----------
        prior : ImagePrior
            The prior, on the tensors' device and in their dtype.
        noisy, clean : Tensor of shape (n, C, H, W)
            Windows of images.
        generator : torch.Generator
            Source of the order of the windows, on the CPU.

        Returns
        -------
        BilevelResult
            The loss curve.

        Raises
        ------
        FloatingPointError
            If a loss is not finite.
        """
        kept = _Kept(noisy.clone(), torch.zeros_like(noisy))
        seen = torch.zeros(len(noisy), dtype=torch.bool)
        counted, unit = self._counted(noisy), noisy.var()
        losses, residual = [], float("nan")
        for rows in self.schedule.steps(prior, len(noisy), generator):
            effort = 1 if seen[rows].all() else 2
            seen[rows] = True
            rows = rows.to(noisy.device)
            potential = prior.potential(reflect=self.reflect)
            error, residual = self._improve(
                potential.detached(),
                kept,
                rows,
                noisy[rows],
                clean[rows],
                counted,
                effort,
            )
            slope = potential.slope(kept.minimisers[rows], kept.adjoints[rows]).sum()
            n_counted = len(rows) * counted.sum()
            # Losses of order one, whatever the images' units.
            (-slope / (n_counted * unit)).backward()
            losses.append(float((error**2).sum() / n_counted))
            if not np.isfinite(losses[-1]):
                raise FloatingPointError(
                    f"the loss became {losses[-1]} at step {len(losses)}: lower "
                    "learning_rate"
                )
        return BilevelResult(np.array(losses), residual)

    def _counted(self, images):
        """One at pixels that count, else zero, shape (C, H, W)."""
        margins = [min(self.margin, (size - 1) // 2) for size in images.shape[-2:]]
        counted = torch.zeros_like(images[0])
        rows, columns = (
            slice(margin, size - margin)
            for margin, size in zip(margins, images.shape[-2:], strict=True)
        )
        counted[:, rows, columns] = 1
        return counted

    def _improve(self, potential, kept, rows, noisy, clean, counted, effort):
        """Better minimisers and adjoints of some rows; errors, largest residual."""
        solver = MemoryGradient(effort * self.n_minimise, tolerance=0.0)
        energy = Denoising(potential, noisy)
        minimum = solver.minimise(energy, kept.minimisers[rows], noise_scale(noisy))
        error = (minimum.point - clean) * counted
        hessian = potential.hessian(minimum.point)
        adjoint = conjugate_gradients_by_row(
            lambda v: v + hessian(v),
            error,
            kept.adjoints[rows],
            max_iter=effort * self.n_adjoint,
        )
        kept.minimisers[rows], kept.adjoints[rows] = minimum.point, adjoint.point
        return error, float(minimum.residual.max())


class _Kept(NamedTuple):
    minimisers: torch.Tensor
    adjoints: torch.Tensor
