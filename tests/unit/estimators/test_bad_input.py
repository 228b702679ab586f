"""What cannot be used is refused by every estimator, in words that say what, where and what to do."""

import warnings

import numpy as np
import pytest
from scipy import sparse

import steepest as st
from steepest.errors import ConvergenceWarning, InputError

pytestmark = pytest.mark.filterwarnings("ignore::steepest.errors.ConvergenceWarning")  # Perceptron: not separable


@pytest.mark.parametrize("alpha", [-1e-9, float("nan"), float("inf"), "strong", None, True])
def test_alpha_must_be_a_number_from_0_on(weighing, three, alpha):
    with pytest.raises(InputError, match=f"alpha={alpha!r}.* (at least 0|a finite number|a number, or 'auto')"):
        weighing.set_params(alpha=alpha).fit(*three)


@pytest.mark.parametrize("loss", ["softmax", "logistic"])
def test_without_a_penalty_separable_data_have_no_optimum(three, loss):
    y = three[1]
    with pytest.warns(ConvergenceWarning, match="without a penalty there may be no optimum.*give alpha > 0"):
        clf = st.LinearClassifier(loss, alpha=0.0, solver="newton", max_passes=20).fit(20 * np.eye(3)[y], y)
    assert clf.certificate_.gap == 1
    assert clf.score(20 * np.eye(3)[y], y) == 1


def test_and_the_default_says_so(three):
    X, y = three
    apart = 20 * np.eye(3)[y]
    for how in ({"alpha": 0.0}, {"penalty": None}, {"alpha": 0.0, "loss": "logistic"}):
        with pytest.warns(ConvergenceWarning, match="all 90 rows classified right, .* has no minimum.*give alpha > 0"):
            st.LinearClassifier(**how).fit(apart, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        st.LinearClassifier(alpha=0.0).fit(X, y)  # not separable
        st.LinearClassifier(alpha=0.0, epochs=5).fit(apart, y)  # descent was asked for
        st.LinearClassifier("squared_hinge", alpha=0.0).fit(apart, y)  # can be 0


def test_squares_have_an_optimum_without_a_penalty(three):
    X, y = three
    for clf in (st.RidgeClassifier(0.0), st.LinearClassifier("squared", alpha=0.0)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert clf.fit(X, y).certificate_.gap < 1e-9


@pytest.mark.parametrize(
    ("X", "y", "words"),
    [
        (np.where(np.eye(90, 4) > 0, np.nan, 1.0), None, "NaN"),
        (np.where(np.eye(90, 4) > 0, np.inf, 1.0), None, "infinity"),
        (np.where(np.eye(90, 4) > 0, np.inf, 1.0).astype(np.float16), None, "infinity"),
        (np.ones((90, 4), complex), None, "Complex data not supported"),
        (np.full((90, 4), "tall", object), None, "could not convert string to float: 'tall'"),
        (np.ones((0, 4)), np.ones(0), r"0 sample\(s\) \(shape=\(0, 4\)\)"),
        (np.ones((90, 0)), None, r"0 feature\(s\) \(shape=\(90, 0\)\)"),
        (np.ones(90), None, "Expected 2D array, got 1D array"),
        (np.ones((90, 2, 2)), None, "Found array with dim 3"),
        (np.ones((89, 4)), None, r"inconsistent numbers of samples: \[89, 90\]"),
        (None, np.ones(90), r"y holds one class only \(1.0\): a classifier needs at least two"),
        (None, np.linspace(0, 1, 90), "Unknown label type: continuous"),
        (None, np.where(np.arange(90) == 7, np.nan, np.arange(90) % 3), "y contains NaN"),
        (None, np.where(np.arange(90) == 7, None, "a"), r"y\[0\] is 'a' and y\[7\] is None: .* give every example"),
        (None, np.where(np.arange(90) < 7, None, "a"), r"y\[0\] is None and y\[7\] is 'a': "),
    ],
)  # fmt: skip
def test_data_that_cannot_be_learned_from(estimator, three, X, y, words):
    with pytest.raises(ValueError, match=words), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's, where it looks for NaN
        estimator.fit(three[0] if X is None else X, three[1] if y is None else y)


def test_data_that_cannot_be_predicted(estimator, three):
    X, y = three
    estimator.fit(X, y)
    for bad, words in (
        (X[:, :3], rf"X has 3 features, but {type(estimator).__name__} is expecting 4 features"),
        (np.hstack([X, X]), "X has 8 features, .* expecting 4"), (X[:0], "0 sample"),
        (np.where(X > 2, np.nan, X), "NaN"), (np.where(X > 2, -np.inf, X), "infinity"), (X[0], "Reshape your data"),
    ):  # fmt: skip
        for ask in (
            "predict",
            "decision_function",
            *(["predict_proba"] if hasattr(estimator, "predict_proba") else []),
        ):
            with pytest.raises(ValueError, match=words):
                getattr(estimator, ask)(bad)


def test_rows_beyond_all_scores_are_named(estimator, three):
    X, y = three
    far = X.copy()
    far[[4, 7]] *= 1e300
    estimator.fit(X, y)
    for ask in ("predict", "decision_function", *(["predict_proba"] if hasattr(estimator, "predict_proba") else [])):
        with pytest.raises(InputError, match=r"X\[4\] .*beyond"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            getattr(estimator, ask)(far)


def test_huge_and_tiny_features_are_learned(estimator, three):
    X, y = three
    for size in (1e8, 1e-8, 1e30, 1e-30):
        assert estimator.fit(X * size, y).score(X * size, y) > 0.85
    assert estimator.fit(X + 1e8, y).score(X + 1e8, y) > 0.85


@pytest.mark.parametrize("scaling", ["auto", None])
def test_features_whose_squares_are_beyond_float64_are_refused(scaling, three):
    X, y = three
    X = X.copy()
    X[:, 2] *= 1e160
    for clf in (
        st.LinearClassifier(),
        st.MLPClassifier(epochs=1),
        st.RidgeClassifier(),
        st.OneVsAllSVM(),
        st.Perceptron(),
    ):
        if scaling is None and not isinstance(clf, st.RidgeClassifier | st.Perceptron):
            continue
        words = "squares of feature 2 are beyond float64: give smaller" if scaling else "beyond (float64|what float32)"
        with pytest.raises(InputError, match=words), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            clf.set_params(scaling=scaling).fit(X, y)


def test_sparse_rows_are_refused_where_they_would_not_stay_sparse(three):
    X, y = three
    clf = st.KNNClassifier()
    with pytest.raises(TypeError, match=r"Sparse data was passed .* dense data is required.*toarray"):
        clf.fit(sparse.csr_matrix(X), y)
    with pytest.raises(TypeError, match="Sparse data was passed"):
        clf.fit(X, y).predict(sparse.csr_matrix(X))


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (np.ones(89), r"shape \(89,\); it needs one number for each of the 90"), (np.ones((90, 1)), r"shape \(90, 1\)"),
        (np.zeros(90), "zero everywhere"), (np.where(np.arange(90) == 3, -1, 1), r"sample_weight\[3\] is -1"),
        (np.where(np.arange(90) == 3, np.nan, 1), r"sample_weight\[3\] is nan"), (["heavy"] * 90, "no number"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_weights_must_be_numbers_from_0_on(weighing, three, weight, words, class_weight):
    with pytest.raises(InputError, match=words):
        weighing.set_params(class_weight=class_weight).fit(*three, sample_weight=weight)


def test_weights_must_leave_two_classes(weighing, three):
    with pytest.raises(InputError, match="only one class has examples of a weight above 0"):
        weighing.fit(*three, sample_weight=np.where(three[1] == 1, 1.0, 0.0))


def test_class_weights_must_be_of_classes(weighing, three):
    with pytest.raises(InputError, match=r"class_weight names 7, and the labels are \[0, 1, 2\]"):
        weighing.set_params(class_weight={7: 2.0}).fit(*three)
    with pytest.raises(InputError, match="class_weight='equal' must be 'balanced', a dict"):
        weighing.set_params(class_weight="equal").fit(*three)


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "all"])
def test_threads_must_be_a_number(estimator, three, threads):
    with pytest.raises(InputError, match=f"threads={threads!r} must be a whole number from 1 on"):
        estimator.set_params(threads=threads).fit(*three)


def test_labels_that_were_not_learned_are_never_right(estimator, three):
    X, y = three
    estimator.fit(X, y)
    assert estimator.score(X, y + 100) == 0
    with pytest.raises(ValueError, match=r"[Mm]ix of label input types|string and number"):
        estimator.score(X, np.array(["ant", "bee", "cat"])[y])


@pytest.mark.parametrize("rows", [33_025, 33_026, 70_000])
def test_sums_of_bytes_do_not_run_over(rows):
    """33,025 squares of 255 are the most that 31 bits hold."""
    rng = np.random.default_rng(0)
    y = np.arange(rows) % 2
    X = np.where(rng.random((rows, 3)) < 0.02 + 0.01 * y[:, None], rng.integers(0, 256, (rows, 3)), 255).astype(
        np.uint8
    )
    for clf in (st.RidgeClassifier(1e-3, scaling=None), st.NearestMean()):
        ours, floats = clf.fit(X, y).coef_, clf.fit(X.astype(np.float64), y).coef_
        np.testing.assert_allclose(ours, floats, rtol=1e-9)
