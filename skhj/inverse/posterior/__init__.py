"""Posteriors of models given data: mixtures of linear estimates, and their check."""
