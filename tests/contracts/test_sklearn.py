"""The scikit-learn contract, by scikit-learn's own checks: every estimator as it comes, and a variant of each."""

import pytest
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import parametrize_with_checks

import steepest as st

WEIGHTS = ("check_sample_weight_equivalence_on_dense_data", "check_sample_weight_equivalence_on_sparse_data")
ROUNDED = "W is float32 and proven to `tol` only (or descends), and the check compares to 1e-7"
SHUFFLED = "mini-batches see rows in a shuffled order, and a row given twice at two steps"
WHOLE = "alpha is chosen by leaving out rows, and one of two equal rows tells what the other is"
SIGMOIDS = (
    "each class has its own sigmoid, so the most probable class is not always that of the largest score, which is "
    "predicted: as with scikit-learn's own SVC(probability=True)"
)
EXPECTED = {
    "LinearClassifier": dict.fromkeys(WEIGHTS, ROUNDED),
    "MLPClassifier": dict.fromkeys(WEIGHTS, SHUFFLED),
    "OneVsAllSVM": dict.fromkeys(WEIGHTS, ROUNDED),
}
ESTIMATORS = [
    st.LinearClassifier(),
    st.LinearClassifier("squared_hinge", scaling=None, tol=1e-6),
    st.LinearClassifier("hinge", alpha=0.1, solver="newton", tol=0.01),
    st.LinearClassifier("hinge", alpha=1e-2, solver="ascent"),
    st.LinearClassifier(penalty="l1", alpha=1e-2),
    st.LinearClassifier("squared"),
    st.LinearClassifier("hinge", "l1", epochs=20),
    st.MLPClassifier(hidden=(16,)),
    st.NearestMean(),
    st.NearestMean("l1"),
    st.KNNClassifier(),
    st.KNNClassifier(2, "l1", "distance"),
    st.Perceptron(20),
    st.RidgeClassifier(),
    st.RidgeClassifier("auto"),
    st.OneVsAllSVM(),
    st.OneVsAllSVM(alpha=1e-2, probability=True),
]


def expected(estimator):
    name = type(estimator).__name__
    if getattr(estimator, "alpha", None) == "auto":
        return dict.fromkeys(WEIGHTS, WHOLE)
    if getattr(estimator, "loss", None) == "squared":  # dense by ridge, in float64
        return {WEIGHTS[1]: ROUNDED}
    if getattr(estimator, "probability", False):
        return EXPECTED[name] | {"check_classifiers_train": SIGMOIDS}
    return EXPECTED.get(name, {})


@pytest.mark.filterwarnings("ignore::steepest.errors.ConvergenceWarning")  # some of the checks' data are noise
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected)
def test_the_contract_is_kept(estimator, check):
    check(estimator)


def test_every_estimator_is_here():
    public = {
        name for name in st.__all__ if isinstance(kind := getattr(st, name), type) and issubclass(kind, BaseEstimator)
    }
    assert public == {type(each).__name__ for each in ESTIMATORS}


def test_the_expected_failures_are_a_handful():
    assert len({reason for each in ESTIMATORS for reason in expected(each).values()}) <= 4
