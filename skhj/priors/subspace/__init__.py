"""Potentials of many features: convex where the prox responds, quadratic elsewhere."""
