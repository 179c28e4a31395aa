"""Versions that wrote a saved estimator, and what is wrong with others than ours."""

import sklearn
import torch
from sklearn.utils.fixes import parse_version

import skhj
from skhj.exceptions import warn

__all__ = ["check_state", "load_failure", "running_versions"]


def running_versions():
    """Versions that a saved estimator carries, by the name of the package.

    Returns
    -------
    dict of str to str
        Those of this process.
    """
    return {
        "skhj": skhj.__version__,
        "scikit-learn": sklearn.__version__,
        "torch": str(torch.__version__),
    }


def check_state(estimator, state, versions):
    """Refuse a state that is not one of this version's estimators.

    Parameters
    ----------
    estimator : FittedState
        The estimator that is to take it.
    state : dict
        Its attributes by name.
    versions : dict of str to str
        The versions that wrote it; empty where it does not tell.

    Raises
    ------
    ValueError
        If a newer skhj wrote it, a parameter is missing, or an attribute is one that
        this version does not know.

    Warns
    -----
    UserWarning
        If a newer scikit-learn or torch wrote it.
    """
    newer = [k for k, v in running_versions().items() if _is_newer(versions.get(k), v)]
    if "skhj" in newer:
        raise ValueError(_sentence(estimator, versions, "which is newer"))
    parameters = set(estimator._get_param_names())
    missing = sorted(parameters - set(state))
    if missing:
        reason = f"without the parameter {', '.join(missing)}"
        raise ValueError(_sentence(estimator, versions, reason))
    unknown = sorted(k for k in state if k not in parameters and not _has_place(k))
    # Of the same version, it is one that the user has set.
    if unknown and versions.get("skhj") != skhj.__version__:
        reason = f"with the attribute {', '.join(unknown)}, which is unknown here"
        raise ValueError(_sentence(estimator, versions, reason))
    if newer:
        written = ", ".join(f"{name} {versions[name]}" for name in newer)
        here = ", ".join(f"{name} {running_versions()[name]}" for name in newer)
        warn(
            f"this {type(estimator).__name__} was saved with {written}, newer than "
            f"{here} here: compare a prediction, or install what it was saved with"
        )


def load_failure(estimator, versions, error):
    """Return what to raise where a state does not make a fitted estimator.

    Parameters
    ----------
    estimator : FittedState
        The estimator.
    versions : dict of str to str
        The versions that wrote it.
    error : Exception
        What went wrong.

    Returns
    -------
    ValueError
        The error, in one sentence.
    """
    told = f"no attribute {error}" if isinstance(error, KeyError) else str(error)
    reason = f"whose attributes are not those of this version ({told})"
    return ValueError(_sentence(estimator, versions, reason))


def _sentence(estimator, versions, reason):
    writer = versions.get("skhj", "of a version that files did not carry yet")
    return (
        f"this {type(estimator).__name__} was saved with skhj {writer}, {reason}, and "
        f"does not load in skhj {skhj.__version__}: install the version that saved it, "
        "or fit again"
    )


def _is_newer(written, here):
    if written is None:
        return False
    return parse_version(written).release > parse_version(here).release


def _has_place(name):
    """Whether it is a fitted attribute, or one that scikit-learn itself sets."""
    of_sklearn = ("_metadata_request", "_sklearn_output_config", "_skl_callbacks")
    return name.endswith("_") or name.startswith("_fitted") or name in of_sklearn
