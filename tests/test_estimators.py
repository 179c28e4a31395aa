"""scikit-learn's common checks, all of them, with default parameters."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skhj import HJPriorRegressor


# The checks' data are noise, on which training cannot settle.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([HJPriorRegressor(random_state=0)])
def test_common_checks(estimator, check):
    check(estimator)
