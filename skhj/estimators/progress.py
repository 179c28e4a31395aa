"""Report a fit's phases and epochs to scikit-learn's callbacks, where it has them."""

from contextlib import contextmanager, nullcontext
from time import perf_counter

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stand-in: an older scikit-learn has no callbacks."""

    def with_callbacks(method):
        """Return the method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "FitProgress", "with_callbacks"]


class FitProgress:
    """The task tree of one fit: a subtask for each phase, in it one for each epoch.

    With the estimator's ``verbose`` it prints a line at the end of each phase.

    Parameters
    ----------
    estimator : CallbackSupportMixin
        The estimator being fitted.

    Attributes
    ----------
    seconds : dict of str to float
        Seconds that each phase took, in the order of their starts.
    """

    def __init__(self, estimator):
        self.estimator = estimator
        self.seconds = {}
        self._open = None
        self._in_phase = False

    @contextmanager
    def fit(self, n_phases=None):
        """Context of the whole fit.

        Parameters
        ----------
        n_phases : int or None, default=None
            How many phases it has at most, where that is known.
        """
        if not hasattr(self.estimator, "_init_callback_context"):
            yield self
            return
        context = self.estimator._init_callback_context(max_subtasks=n_phases)
        with self._running(context):
            yield self

    @contextmanager
    def task(self, task_name, n_subtasks=0):
        """Context of a subtask of the task that is open; a phase, if that is the fit.

        Parameters
        ----------
        task_name : str
            What it is.
        n_subtasks : int or None, default=0
            How many it has itself; None where that is not known.
        """
        timed = nullcontext() if self._in_phase else self._timed(task_name)
        with timed:
            if self._open is None:
                yield
                return
            context = self._open.subcontext(task_name, max_subtasks=n_subtasks)
            with self._running(context):
                yield

    @contextmanager
    def _timed(self, phase):
        start = perf_counter()
        self._in_phase = True
        try:
            yield
        finally:
            self._in_phase = False
            seconds = perf_counter() - start
            self.seconds[phase] = self.seconds.get(phase, 0.0) + seconds
            if self.estimator.verbose:
                name = type(self.estimator).__name__
                print(f"{name}: {phase}, {seconds:.1f} s")  # noqa: T201

    @contextmanager
    def _running(self, context):
        outer, self._open = self._open, context
        try:
            context.call_on_fit_task_begin(estimator=self.estimator)
            yield
        finally:
            context.call_on_fit_task_end(estimator=self.estimator)
            self._open = outer
