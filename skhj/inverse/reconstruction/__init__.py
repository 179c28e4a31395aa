"""Models from measurements, by a prior that is known or was learned before."""
