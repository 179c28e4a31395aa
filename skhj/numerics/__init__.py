"""Numerical mathematics that knows nothing of priors."""
