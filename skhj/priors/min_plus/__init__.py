"""Minima of few quadratics."""
