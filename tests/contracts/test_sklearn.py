"""The scikit-learn contract, by scikit-learn's own checks."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from steepest import LinearClassifier, MLPClassifier

WEIGHTS = (
    "the scaling of the features looks at rows and not at weights, so a weight of two and a row given twice are "
    "different problems; and a mini-batch sees rows in a shuffled order, which leads to different steps"
)
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": WEIGHTS,
}


@parametrize_with_checks([LinearClassifier()], expected_failed_checks=lambda estimator: EXPECTED)
def test_linear_classifier_keeps_the_contract(estimator, check):
    check(estimator)


@parametrize_with_checks([MLPClassifier(hidden=(16,))], expected_failed_checks=lambda estimator: EXPECTED)
def test_mlp_classifier_keeps_the_contract(estimator, check):
    check(estimator)
