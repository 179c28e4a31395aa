"""Unrolled networks: descent on a misfit and a learned potential, layer by layer."""
