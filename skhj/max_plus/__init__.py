"""Maxima of quadratics: certified priors, their value functions and bounds."""
