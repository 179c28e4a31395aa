"""Priors that are weighted singular values, the largest first, in some basis."""
