"""Convex networks, and semiconvex functions made of them."""
