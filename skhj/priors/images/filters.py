r"""Correlation of images with a bank of filters, and its exact transpose.

Images are of shape (n, C, H, W), filters of shape (K, C, h, w) with odd h and w,
responses of shape (n, K, rows, columns). Without reflection a filter is applied where
it fits, H - h + 1 by W - w + 1 places: the response is a part of that on the whole
plane. With it the image is continued evenly about its edges, H by W places.

Patches are copied by whole rows and multiplied by one matrix: on a CPU the transpose of
torch's convolution takes up to five times as long (32 or 48 filters 7 x 7, float32: it
has few channels to return), and so does its derivative. Images are worked through in
blocks of rows whose patches stay near the processor: a step of the minimiser took
154 ms on 321 by 481 pixels without, 109 to 130 ms with them. On a GPU, where what
counts is how many kernels there are, torch's convolutions are one each.
"""

from typing import NamedTuple

import torch
from torch.nn import functional

from skhj.numerics.blocks import row_blocks

__all__ = ["FilterBank"]


class FilterBank(NamedTuple):
    """Filters and what they see beyond the edges.

    Attributes
    ----------
    weights : Tensor of shape (K, C, h, w)
        The filters; h and w odd.
    reflect : bool
        Whether images are continued evenly about their edges, or filters applied only
        where they fit.
    """

    weights: torch.Tensor
    reflect: bool

    def forward(self, images):
        """Responses, shape (n, K, rows, columns)."""
        height, width = self.weights.shape[-2:]
        if self.reflect:
            images = _continued(_continued(images, height // 2, 2), width // 2, 3)
        if images.is_cuda:
            return _full_precision(functional.conv2d, images, self.weights)
        if self._suits_convolutions(images):
            return functional.conv2d(images, self.weights)
        patches = images.unfold(2, height, 1).unfold(3, width, 1)
        rows, columns = patches.shape[2:4]
        row_size = len(images) * columns * self.weights[0].numel()
        blocks = row_blocks(rows, row_size)
        if len(blocks) == 1:
            return self._responses(patches)
        responses = images.new_empty(len(images), len(self.weights), rows, columns)
        for block in blocks:
            responses[:, :, block] = self._responses(patches[:, :, block])
        return responses

    def _suits_convolutions(self, images, *, largest=49):
        """Whether torch's convolution is the fastest, as for small filters.

        In single precision, with nothing to differentiate: 48 filters 7 x 7 on 321 by
        481 pixels take it 8 ms and patches 15, 80 filters 9 x 9 54 and 38.
        """
        derived = torch.is_grad_enabled() and (
            images.requires_grad or self.weights.requires_grad
        )
        small = self.weights[0, 0].numel() <= largest
        return images.dtype == torch.float32 and small and not derived

    def _responses(self, patches):
        n, _, rows, columns = patches.shape[:4]
        patches = patches.permute(0, 1, 4, 5, 2, 3).reshape(n, -1, rows * columns)
        return (self.weights.flatten(1) @ patches).view(n, -1, rows, columns)

    def transpose(self, responses, through=None):
        """The transpose of ``forward``, shape (n, C, H, W).

        With ``through``, of that function of some rows of responses, and of which: what
        it holds is then never larger than the processor's memory.
        """
        height, width = self.weights.shape[-2:]
        if responses.is_cuda:
            whole = slice(0, responses.shape[2])
            part = responses if through is None else through(responses, whole)
            images = _full_precision(functional.conv_transpose2d, part, self.weights)
        else:
            images = self._transpose_by_blocks(responses, through)
        if self.reflect:
            images = _folded(_folded(images, height // 2, 2), width // 2, 3)
        return images

    def _transpose_by_blocks(self, responses, through):
        """The transpose where filters fit."""
        height, width = self.weights.shape[-2:]
        n, _, rows, columns = responses.shape
        size = (rows + height - 1, columns + width - 1)
        images = responses.new_zeros(n, self.weights.shape[1], *size)
        row_size = n * columns * self.weights[0].numel()
        for block in row_blocks(rows, row_size):
            part = responses[:, :, block]
            part = part if through is None else through(part, block)
            beneath = slice(block.start, block.stop + height - 1)
            self._add_transpose(part, images[:, :, beneath])
        return images

    def _add_transpose(self, responses, images):
        """Add the responses' transpose where filters fit."""
        _, n_channels, height, width = self.weights.shape
        n, _, rows, columns = responses.shape
        parts = self.weights.flatten(1).T @ responses.flatten(2)
        parts = parts.view(n, n_channels, height, width, rows, columns)
        by_row = parts.new_zeros(n, n_channels, width, rows + height - 1, columns)
        for i in range(height):
            by_row[..., i : i + rows, :] += parts[:, :, i]
        for j in range(width):
            images[..., j : j + columns] += by_row[:, :, j]


def _full_precision(convolution, images, weights):
    """A convolution that is the same each time, and not rounded to ten bits.

    Neither is cuDNN's default.
    """
    options = {"enabled": True, "deterministic": True, "allow_tf32": False}
    with torch.backends.cudnn.flags(**options):
        return convolution(images, weights)


def _continued(images, margin, axis):
    """Images continued evenly along an axis, the outermost pixels repeated."""
    if not margin:
        return images
    size = images.shape[axis]
    before = images.narrow(axis, 0, margin).flip(axis)
    after = images.narrow(axis, size - margin, margin).flip(axis)
    return torch.cat([before, images, after], axis)


def _folded(images, margin, axis):
    """The transpose of ``_continued``."""
    if not margin:
        return images
    size = images.shape[axis] - 2 * margin
    inner = images.narrow(axis, margin, size).clone()
    inner.narrow(axis, 0, margin).add_(images.narrow(axis, 0, margin).flip(axis))
    inner.narrow(axis, size - margin, margin).add_(
        images.narrow(axis, size + margin, margin).flip(axis)
    )
    return inner
