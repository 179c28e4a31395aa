r"""Correlation of images with a bank of filters, and its exact transpose.

Images are of shape (n, C, H, W), filters of shape (K, C, h, w) with odd h and w,
responses of shape (n, K, rows, columns). Without reflection a filter is applied where
it fits, H - h + 1 by W - w + 1 places: the response is a part of that on the whole
plane. With it the image is continued evenly about its edges, H by W places.

Patches are copied by whole rows and multiplied by one matrix: on a CPU a convolution
and its transpose take from two to five times as long (48 filters 7 x 7, float32; what
costs is the transpose, which has few channels to return).
"""

from typing import NamedTuple

import torch

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
        patches, places = self._patches(images)
        responses = self.weights.flatten(1) @ patches
        return responses.unflatten(-1, places)

    def transpose(self, responses):
        """The transpose of ``forward``, shape (n, C, H, W)."""
        height, width = self.weights.shape[-2:]
        n, _, rows, columns = responses.shape
        size = (rows + height - 1, columns + width - 1)
        images = responses.new_zeros(n, self.weights.shape[1], *size)
        blocks = row_blocks(rows, n * columns * self.weights[0].numel())
        for block in blocks:
            block_rows = slice(block.start, block.stop + height - 1)
            self._add_transpose(responses[:, :, block], images[:, :, block_rows])
        if self.reflect:
            images = _folded(_folded(images, height // 2, 2), width // 2, 3)
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

    def _patches(self, images):
        """All patches, shape (n, C h w, places), and the numbers of places."""
        height, width = self.weights.shape[-2:]
        if self.reflect:
            images = _continued(_continued(images, height // 2, 2), width // 2, 3)
        patches = images.unfold(2, height, 1).unfold(3, width, 1)
        places = patches.shape[2:4]
        patches = patches.permute(0, 1, 4, 5, 2, 3)
        return patches.reshape(len(images), -1, places[0] * places[1]), places


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
