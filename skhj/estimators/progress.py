"""Report a fit's phases and epochs to scikit-learn's callbacks, where it has them."""

from contextlib import contextmanager

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:
        """Stand-in: an older scikit-learn has no callbacks."""

    def with_callbacks(method):
        """Return the method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "FitProgress", "with_callbacks"]


class FitProgress:
    """The task tree of one fit: a subtask for each phase, in it one for each epoch.

    Parameters
    ----------
    estimator : CallbackSupportMixin
        The estimator being fitted.
    """

    def __init__(self, estimator):
        self.estimator = estimator
        self._open = None

    @contextmanager
    def fit(self):
        """Context of the whole fit."""
        if not hasattr(self.estimator, "_init_callback_context"):
            yield self
            return
        with self._running(self.estimator._init_callback_context(max_subtasks=None)):
            yield self

    @contextmanager
    def task(self, task_name, n_subtasks=0):
        """Context of a subtask of the task that is open.

        Parameters
        ----------
        task_name : str
            What it is.
        n_subtasks : int or None, default=0
            How many it has itself; None where that is not known.
        """
        if self._open is None:
            yield
            return
        with self._running(self._open.subcontext(task_name, max_subtasks=n_subtasks)):
            yield

    @contextmanager
    def _running(self, context):
        outer, self._open = self._open, context
        try:
            context.call_on_fit_task_begin(estimator=self.estimator)
            yield
        finally:
            context.call_on_fit_task_end(estimator=self.estimator)
            self._open = outer
