r"""The weights of an image prior, free of constraints, and the potential they make.

Filters: any numbers, made zero-mean and divided by their joint spectral norm. Profiles
of the response z: the slope rises by :math:`\mu \in (0, \mu_{max})` to the knee
:math:`\tau > 0`, falls by :math:`m \in (0, m_{max})`, and is level at a share of the
slope at the knee in (0, 1).
"""

import math

import torch
from torch import nn

from skhj.numerics.tensors import to_tensor
from skhj.priors.images.filters import FilterBank
from skhj.priors.images.potential import ImagePotential
from skhj.priors.images.profiles import ClipProfiles
from skhj.priors.images.spectrum import joint_spectral_norm

__all__ = ["ImagePrior", "cosine_filters"]


class ImagePrior(nn.Module):
    """Filters and profiles; ``potential()`` is a differentiable function of them.

    Parameters
    ----------
    filters : Tensor of shape (K, C, h, w)
        First filters, of any mean and norm.
    threshold : float
        First slope of the profiles at their knee, in the images' units: responses
        below it are seen as noise.
    max_slope : float, default=12.0
        Bound of the slopes mu, which training raises.
    max_concavity : float, default=0.97
        Bound of the concavities m, below 1: at time t the energy of denoising is
        strongly convex with one minus this. Learned ones tend to 0.95.
    share_of_slope, share_of_concavity : float, default=0.8, 0.92
        First slopes and concavities, as parts of their bounds.
    tail : float, default=0.05
        First slope far from the origin, as a part of that at the knee.
    rank : int, default=1
        Number of filters, one after the other, on the norm of whose responses each
        profile acts.
    """

    def __init__(
        self,
        filters,
        threshold,
        *,
        max_slope=12.0,
        max_concavity=0.97,
        share_of_slope=0.8,
        share_of_concavity=0.92,
        tail=0.05,
        rank=1,
    ):
        super().__init__()
        # Buffers: training moves them, and they are saved with the weights.
        self.register_buffer("max_slope", filters.new_tensor(max_slope))
        self.register_buffer("max_concavity", filters.new_tensor(max_concavity))
        self.register_buffer("offset", filters.new_zeros((), dtype=torch.float64))
        ones = filters.new_ones(len(filters) // rank)
        knee = threshold / (share_of_slope * max_slope)
        self.filters = nn.Parameter(filters.detach().clone())
        self.log_knee = nn.Parameter(math.log(knee) * ones)
        self.slope_logit = nn.Parameter(_logit(share_of_slope) * ones)
        self.concavity_logit = nn.Parameter(_logit(share_of_concavity) * ones)
        self.tail_logit = nn.Parameter(_logit(tail) * ones)

    def to_arrays(self):
        """All numbers, as a dict of numpy arrays."""
        state = self.state_dict()
        return {name: t.cpu().double().numpy() for name, t in state.items()}

    @classmethod
    def from_arrays(cls, arrays):
        """Rebuild a prior, in double precision, from ``to_arrays``."""
        rank = len(arrays["filters"]) // len(arrays["log_knee"])
        prior = cls(to_tensor(arrays["filters"]), 1.0, rank=rank)
        prior.load_state_dict({name: to_tensor(a) for name, a in arrays.items()})
        return prior.requires_grad_(False).eval()

    @property
    def rank(self):
        """Number of filters of each profile."""
        return len(self.filters) // len(self.log_knee)

    @property
    def profile_parameters(self):
        """The parameters of the profiles, as a list."""
        return [self.log_knee, self.slope_logit, self.concavity_logit, self.tail_logit]

    def unit_filters(self):
        """Zero-mean filters of joint spectral norm at most 1, of the filters' shape."""
        centered = self.filters - self.filters.mean((1, 2, 3), keepdim=True)
        return centered / joint_spectral_norm(centered).sqrt()

    def potential(self, *, reflect):
        """The potential that the weights make.

        Parameters
        ----------
        reflect : bool
            Whether images are continued about their edges.

        Returns
        -------
        ImagePotential
            The potential t J.
        """
        slope = self.max_slope * torch.sigmoid(self.slope_logit)
        concavity = self.max_concavity * torch.sigmoid(self.concavity_logit)
        root = (slope + concavity).sqrt()[:, None, None]
        knee = root * self.log_knee.exp()[:, None, None]
        # Level where tau (mu + m) - m rho = tail * tau mu.
        fall = (slope / concavity) * torch.sigmoid(-self.tail_logit)
        reach = knee * (1 + fall[:, None, None])
        ratio = (concavity / (slope + concavity))[:, None, None]
        profiles = ClipProfiles(knee, reach, ratio, self.rank)
        filters = profiles.of_filters(root)[..., None] * self.unit_filters()
        return ImagePotential(FilterBank(filters, reflect), profiles)


def cosine_filters(n_filters, shape):
    """Products of cosines along channels, rows and columns, the slowest first.

    Parameters
    ----------
    n_filters : int
        Number of filters; at most the number of a filter's weights minus one.
    shape : tuple of int
        Channels, height and width of a filter.

    Returns
    -------
    Tensor of shape (n_filters, *shape)
        Orthonormal filters of mean zero.
    """
    axes = []
    for size in shape:
        frequency, place = torch.arange(size)[:, None], torch.arange(size)
        waves = torch.cos(math.pi * frequency * (place + 0.5) / size)
        axes.append(waves / waves.norm(dim=1, keepdim=True))
    products = torch.einsum("ai,bj,ck->abcijk", *axes)
    frequencies = [torch.arange(size) / size for size in shape]
    order = sum(torch.meshgrid(*frequencies, indexing="ij")).flatten()
    chosen = order.argsort(stable=True)[1 : n_filters + 1]
    return products.flatten(0, 2)[chosen].contiguous()


def _logit(share):
    return math.log(share / (1 - share))
