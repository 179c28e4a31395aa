"""What a kind of model of a prior says of itself."""

from skhj.priors.data_reach import measure_reach
from skhj.priors.samples import samples_of_prior

__all__ = ["Kind"]


class Kind:
    """Base of the kinds of models of a prior, one class in one folder each.

    A subclass is a frozen dataclass: its fields say how it is fitted, and what its
    models are made of. The search asks it, in this order, whether it can learn from the
    samples at all (``obstacle``) and at what they cost (``limit``), whether it may
    gain on what was found (``may_gain``), to ``fit``, and if it was the best, to
    ``finish``. An estimator keeps what is ``saved`` of it, and asks that to ``load``
    its models.

    To add a kind, write such a class, and name it in `skhj.priors.kinds`.
    """

    # What the estimator's parameter ``network`` and its ``network_`` call it.
    name = ""

    @property
    def label(self):
        """What ``candidates_`` calls it."""
        return self.name

    def obstacle(self, samples, settings):
        """Why it cannot learn from such samples, or by such a loss.

        Parameters
        ----------
        samples : Samples
            Of the value function.
        settings : Settings
            How to train.

        Returns
        -------
        str
            What to tell who asked for this kind; empty where it can.
        """
        return ""

    def without_values(self, samples, why):
        """The obstacle of a kind that cannot do without values, and why."""
        if samples.values is not None:
            return ""
        return f"network must not be {self.name!r} with target='prox': {why}"

    def limit(self, search):
        """Why the samples are too few for it, or its steps too long; empty if not."""
        return ""

    def too_many_features(self, search, most):
        """The limit of a kind whose steps take too long beyond so many features."""
        d = search.samples.X.shape[1]
        return f"{d} features are more than {most}" if d > most else ""

    def too_few_samples(self, search, fewest):
        """The limit of a kind that asks for so many samples to train on."""
        n = search.samples.n_seen
        return f"{n} samples to train on are fewer than {fewest}" if n < fewest else ""

    def may_gain(self, search):
        """Whether it is worth trying beside what the search has found."""
        return True

    def fit(self, search):
        """Fit a model to the samples of a search.

        Parameters
        ----------
        search : PriorSearch
            Its samples, settings, seeds and trainers.

        Returns
        -------
        Candidate
            The model; the search judges it.

        Raises
        ------
        FloatingPointError
            If the fit runs away: then the search goes on with other kinds.
        """
        raise NotImplementedError

    def finish(self, candidate, search):
        """Complete the best model by what the others can do without."""
        return candidate

    def prior_samples(self, samples, model):
        """Samples of the prior: they tell how far it is determined, and its minimum."""
        return samples_of_prior(samples, model)

    def reach(self, X):
        """How far points reach, an object with ``is_far(X)``."""
        return measure_reach(X)

    def for_images(self, image_shape):
        """The same kind for images of another shape, (channels, height, width)."""
        raise ValueError(
            f"for_images needs a prior of images, fitted with image_shape: this one is "
            f"of the kind {self.name!r}"
        )

    def saved(self):
        """The same kind without the solvers that only fits use."""
        return self

    def load(self, arrays, prior_arrays, *, t, method):
        """Make a model of the arrays of its two functions.

        Parameters
        ----------
        arrays, prior_arrays : dict of str to ndarray, or None
            ``to_arrays()`` of the function of the value, and of that of the prior.
        t : float
            Time of the samples.
        method : str
            How the model's ``prior`` is computed.

        Returns
        -------
        ValueModel or PriorModel
            The model, on the CPU.
        """
        raise NotImplementedError
