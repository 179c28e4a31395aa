"""Report a fit's phases and epochs to scikit-learn's callbacks, where it has them."""

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks

    # From a fit's own warning to its caller, past the wrappers of scikit-learn.
    FIT_STACKLEVEL = 4
except ImportError:  # scikit-learn < 1.9
    FIT_STACKLEVEL = 3

    class CallbackSupportMixin:
        """Stand-in: an older scikit-learn has no callbacks."""

    def with_callbacks(method):
        """Return the method as it is."""
        return method


__all__ = [
    "FIT_STACKLEVEL",
    "CallbackSupportMixin",
    "FitProgress",
    "with_callbacks",
]


class FitProgress:
    """The task tree of one fit: a subtask for each network, in it one for each epoch.

    Parameters
    ----------
    estimator : CallbackSupportMixin
        The estimator being fitted.
    """

    def __init__(self, estimator):
        self.estimator = estimator
        self._open = []
        if hasattr(estimator, "_init_callback_context"):
            context = estimator._init_callback_context(max_subtasks=None)
            self._begin(context)

    def _begin(self, context):
        context.call_on_fit_task_begin(estimator=self.estimator)
        self._open.append(context)

    def begin(self, task_name, n_subtasks=0):
        """Begin a subtask of the task that is open."""
        if self._open:
            self._begin(self._open[-1].subcontext(task_name, max_subtasks=n_subtasks))

    def end(self):
        """End the task that is open."""
        if self._open:
            self._open.pop().call_on_fit_task_end(estimator=self.estimator)
