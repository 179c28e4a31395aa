"""Priors that are maxima of few affine functions."""
