"""Models of a prior, one folder a kind, and the search for the best."""
