"""Whether gradients belong to the values that they were given with."""

__all__ = ["gradient_mismatch"]


def gradient_mismatch(samples, model, *, fewest=10):
    """Share of the given gradients' variance that a model leaves on the hold-out.

    Parameters
    ----------
    samples : Samples
        What the model was learned from.
    model : ValueModel or PriorModel
        The model.
    fewest : int, default=10
        Held-out samples from which gradients are judged.

    Returns
    -------
    float
        The share; zero where values or gradients are not given, or few held out.
    """
    given = samples.gradients
    few = samples.held_out.sum() < fewest
    if samples.values is None or given is None or few:
        return 0.0
    unseen = samples.take(samples.held_out)
    errors = model.value(unseen.X).gradient - unseen.gradients
    spread = ((given - given.mean(axis=0))[samples.held_out] ** 2).mean()
    return float((errors**2).mean() / max(spread, 1e-300))
