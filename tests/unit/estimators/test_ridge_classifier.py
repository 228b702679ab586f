"""RidgeClassifier: the contract, scikit-learn's decisions, alphas that choose themselves, templates."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import RidgeClassifier as SklearnRidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import steepest as st
from steepest.estimators.ridge import RidgeClassifier
from steepest.nn.scaling import fit_scaling


@pytest.fixture(scope="module")
def digits():
    return st.load("digits").split(seed=0)


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("how", [None, "auto"])
def test_it_decides_as_scikit_learn_does(digits, classes, weighted, how):
    train, test = digits
    rows, more = train.y < classes, test.y < classes
    X, y = train.X[rows], train.y[rows]
    weight = np.random.default_rng(0).uniform(0.2, 3, len(y)) if weighted else None
    clf = RidgeClassifier(1e-3, scaling=how).fit(X, y, weight)
    scale = fit_scaling(X, how, weight=weight).scale
    total = len(y) if weight is None else weight.sum()
    theirs = SklearnRidgeClassifier(alpha=1e-3 * total).fit(X * scale, y, weight)
    factor = 1 if classes == 2 else 2
    np.testing.assert_allclose(
        factor * clf.coef_ / scale, theirs.coef_.reshape(clf.coef_.shape), atol=1e-6 * np.abs(theirs.coef_).max()
    )
    scores = clf.decision_function(test.X[more])
    expected = theirs.decision_function(test.X[more] * scale)
    np.testing.assert_allclose(scores if classes == 2 else 2 * scores - 1, expected, atol=1e-5)
    by_hand = test.X[more] @ clf.coef_.T + clf.intercept_
    np.testing.assert_allclose(by_hand.squeeze(), scores, atol=1e-5)
    np.testing.assert_array_equal(clf.predict(test.X[more]), theirs.predict(test.X[more] * scale))


@pytest.mark.parametrize("scoring", ["loo", "gcv"])
def test_alpha_chooses_itself(digits, scoring):
    train, test = digits
    clf = RidgeClassifier("auto", scoring=scoring).fit(train.X, train.y)
    assert clf.score(test.X, test.y) > 0.92
    assert clf.curve_.alphas.shape == clf.curve_.errors.shape == (100,)
    assert clf.alpha_ == clf.curve_.alphas[clf.curve_.errors.argmin()]
    assert clf.curve_.errors.min() < 0.99 * clf.curve_.errors[-1]
    assert clf.certificate_.passes == (3 if scoring == "loo" else 2)
    chosen = RidgeClassifier(clf.alpha_).fit(train.X, train.y)
    np.testing.assert_allclose(chosen.coef_, clf.coef_, rtol=1e-12)
    assert chosen.curve_ is None
    few = RidgeClassifier("auto", alphas=[1e3, 1e-3], scoring=scoring).fit(train.X, train.y)
    assert few.alpha_ == 1e-3


def test_the_certificate_says_how_good_it_is(digits):
    train, _ = digits
    clf = RidgeClassifier(0.01).fit(train.X, train.y)
    descended = st.LinearClassifier("squared", alpha=0.01, epochs=300).fit(train.X, train.y)
    assert clf.certificate_.objective == pytest.approx(descended.objective_, rel=1e-3)
    assert clf.certificate_.objective < descended.objective_ + 1e-6
    assert clf.certificate_.gap < 1e-12


def test_class_weights_are_sample_weights(digits):
    train, _ = digits
    given = RidgeClassifier(class_weight={3: 5.0}).fit(train.X, train.y)
    same = RidgeClassifier().fit(train.X, train.y, np.where(train.y == 3, 5.0, 1.0))
    np.testing.assert_array_equal(given.coef_, same.coef_)
    assert np.mean(given.predict(train.X) == 3) > np.mean(RidgeClassifier().fit(train.X, train.y).predict(train.X) == 3)


def test_templates_are_pictures_of_the_weights(digits):
    train, _ = digits
    clf = RidgeClassifier().fit(train.X, train.y)
    pictures = clf.templates((8, 8))
    assert pictures.shape == (10, 8, 8)
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    for picture, coef in zip(pictures, clf.coef_, strict=True):
        np.testing.assert_allclose(picture.ravel() - 0.5, coef / np.abs(coef).max() / 2, atol=1e-5)
    assert clf.templates().shape == (10, 64)
    two = RidgeClassifier().fit(train.X[train.y < 2], train.y[train.y < 2]).templates((8, 8))
    np.testing.assert_allclose(two[0] - 0.5, 0.5 - two[1], atol=1e-5)
    # More penalty, smoother templates: neighbours differ less, as a share of what is there.
    rough = []
    for alpha in (1e-4, 100.0):
        away = RidgeClassifier(alpha, scaling=None).fit(train.X, train.y).templates((8, 8)) - 0.5
        rough.append(np.sum(np.diff(away, axis=1) ** 2) / np.sum(away**2))
    assert rough[1] < 0.5 * rough[0], rough
    with pytest.raises(st.InputError, match=r"shape=\(7, 8\) has 56 places, and there are 64 features"):
        clf.templates((7, 8))


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
def test_rows_of_any_type_are_read_in_place(digits, dtype):
    train, test = digits
    clf = RidgeClassifier(0.01, scaling=None).fit(train.X.astype(dtype), train.y)
    same = RidgeClassifier(0.01, scaling=None).fit(train.X.astype(np.float64), train.y)
    np.testing.assert_allclose(clf.coef_, same.coef_, atol=1e-12)
    np.testing.assert_array_equal(clf.predict(test.X.astype(dtype)), same.predict(test.X))


def test_it_works_in_pipelines_and_searches_and_pickles(digits):
    train, test = digits
    names = np.array([f"digit {k}" for k in range(10)])
    pipe = make_pipeline(StandardScaler(), RidgeClassifier("auto", scoring="gcv")).fit(train.X, names[train.y])
    assert pipe.score(test.X, names[test.y]) > 0.9
    search = GridSearchCV(RidgeClassifier(), {"alpha": [1e-2, 1e4]}, cv=2).fit(train.X, train.y)
    assert search.best_params_ == {"alpha": 1e-2}
    assert clone(search.best_estimator_).get_params() == search.best_estimator_.get_params()
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(again.decision_function(test.X), search.decision_function(test.X))


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ({"alpha": -1.0}, "alpha"), ({"alpha": "best"}, "alpha='best'"), ({"alpha": np.nan}, "alpha"),
        ({"alphas": [1.0]}, "alpha='auto'"), ({"alpha": "auto", "alphas": []}, "alphas"),
        ({"alpha": "auto", "alphas": [1.0, -1.0]}, "alphas"), ({"alpha": "auto", "scoring": "lo"}, "did you mean loo"),
        ({"scaling": "uint"}, "scaling"), ({"threads": 0}, "threads"),
    ],
)  # fmt: skip
def test_wrong_words_are_named(digits, how, word):
    with pytest.raises(st.InputError, match=word):
        RidgeClassifier(**how).fit(digits[0].X, digits[0].y)


def test_wrong_data_are_named(digits):
    train, _ = digits
    with pytest.raises(st.InputError, match="one class only"):
        RidgeClassifier().fit(train.X[:5], np.zeros(5))
    with pytest.raises(ValueError, match="NaN"):
        RidgeClassifier().fit(np.where(np.arange(64) == 3, np.nan, train.X), train.y)
    with pytest.raises(st.InputError, match=r"sample_weight\[1\] is -1"):
        RidgeClassifier().fit(train.X[:20], train.y[:20], np.append([1, -1.0], np.ones(18)))
    with pytest.raises(ValueError, match="features"):
        RidgeClassifier().fit(train.X, train.y).predict(train.X[:, :5])


@pytest.mark.data
def test_cifar_10_has_the_accuracy_that_everybody_finds():
    tar = Path(os.environ.get("STEEPEST_DATA", "")) / "cifar10-images.tar"
    if not tar.is_file():
        pytest.skip("needs cifar10-images.tar in the folder that STEEPEST_DATA names")
    train, test = st.load(str(tar)).split()
    clf = RidgeClassifier("auto", scoring="gcv").fit(train.X, train.y)
    assert 0.39 < clf.score(test.X, test.y) < 0.42
