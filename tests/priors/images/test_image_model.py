"""A prior of images as a model."""

import numpy as np

from skhj.priors.images.model import ImageModel
from skhj.priors.images.prior import ImagePrior, cosine_filters


def test_queries_leave_the_prior_as_it_is():
    """Proximal points are found in single precision; the constant stays in double."""
    prior = ImagePrior(cosine_filters(4, (1, 3, 3)), 0.1).requires_grad_(False).eval()
    model = ImageModel(prior, 1.0, (1, 8, 8))
    model.shift_(0.1)
    X = np.random.default_rng(0).normal(size=(3, 64))
    before = model.prior(X).value
    model.value(X)
    np.testing.assert_array_equal(model.prior(X).value, before)
    np.testing.assert_array_equal(prior.to_arrays()["offset"], 0.1)
