"""Models from measurements: linear estimates, and networks that correct them."""
