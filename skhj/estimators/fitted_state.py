"""What a fit leaves: set at once, dropped by the next, rebuilt when loaded."""

from skhj.estimators.saved_versions import (
    check_state,
    load_failure,
    running_versions,
)

__all__ = ["FittedState"]


class FittedState:
    """Persistence of every estimator of the project.

    Names tell what a fitted attribute is:

    - ``name_``: for the user. Arrays and plain values.
    - ``_fitted_name``: for the methods. Arrays, plain values and small objects of them.
    - ``_loaded_name``: made of these, such as a torch module on a device. They are not
      saved; ``_load()`` makes them again, as a dict by name.

    So a model fitted on a GPU loads without one. What is saved carries the versions
    that wrote it, and one that this version cannot read says so. A subclass's ``fit``
    begins with `_forget_fit` and ends with `_keep_fit`.
    """

    def _forget_fit(self):
        """Drop what an earlier fit left, so that one that fails leaves nothing."""
        for name in list(vars(self)):
            if _is_saved(name) or _is_loaded(name):
                delattr(self, name)

    def _keep_fit(self, **attributes):
        """Set all fitted attributes in one step: an interrupt leaves all or none."""
        vars(self).update(attributes)
        return self

    def _copy_fit(self, other, **changes):
        """Keep the fit of another estimator, but for some of its attributes."""
        saved = {k: v for k, v in vars(other).items() if _is_saved(k)}
        self._keep_fit(**saved | changes)
        return self._keep_fit(**self._load())

    def _load(self):
        return {}

    def __sklearn_is_fitted__(self):
        return any(name.startswith("_fitted") for name in vars(self))

    def __getstate__(self):
        state = super().__getstate__()
        state = {k: v for k, v in state.items() if not _is_loaded(k)}
        return state | {"_saved_by": running_versions()}

    def __setstate__(self, state):
        state = dict(state)
        versions = state.pop("_saved_by", {})
        check_state(self, state, versions)
        super().__setstate__(state)
        if not self.__sklearn_is_fitted__():
            return
        try:
            loaded = self._load()
        except (AttributeError, KeyError, TypeError) as error:
            raise load_failure(self, versions, error) from error
        self._keep_fit(**loaded)


def _is_saved(name):
    return name.endswith("_") or name.startswith("_fitted")


def _is_loaded(name):
    return name.startswith("_loaded")
