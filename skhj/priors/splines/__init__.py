"""Sums of convex splines along the axes or along directions that are found."""
