"""scikit-learn's common checks, all of them, with default parameters."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skhj import EmbeddedInverseSolver, HJPriorRegressor, PQMPrior


# The checks' data are noise: training cannot settle on it, no prior is its source.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.filterwarnings("ignore:no prior generates")
@pytest.mark.filterwarnings("ignore:.* samples are too few")
@parametrize_with_checks(
    [
        EmbeddedInverseSolver(random_state=0),
        HJPriorRegressor(random_state=0),
        PQMPrior(),
    ]
)
def test_common_checks(estimator, check):
    check(estimator)
