"""Best linear estimates of models from measurements, dense and spectral."""
