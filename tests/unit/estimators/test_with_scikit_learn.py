"""Every estimator among scikit-learn's tools: pipelines, searches, data frames, routing, calibration, persistence."""

import io

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

import steepest as st

pytestmark = pytest.mark.filterwarnings("ignore::steepest.errors.ConvergenceWarning")  # Perceptron: not separable
COLUMNS = ["width", "height", "depth", "weight"]


def same(a, b, X, other=None):
    scores = b.decision_function(X if other is None else other)
    np.testing.assert_allclose(a.decision_function(X), scores, rtol=1e-5, atol=1e-5)


def test_pipelines_cross_validation_and_clones(estimator, three):
    X, y = three
    pipe = make_pipeline(StandardScaler(), estimator)
    assert cross_val_score(pipe, X, y, cv=3).min() > 0.8
    pipe.fit(X, y)
    same(clone(pipe).fit(X, y), pipe, X)
    assert not hasattr(clone(pipe)[-1], "classes_")


def test_parameters_survive_a_round_trip(estimator):
    given = estimator.get_params()
    other = type(estimator)().set_params(**given)
    assert other.get_params() == given
    assert clone(other).get_params() == given
    with pytest.raises(ValueError, match="Invalid parameter 'alhpa'"):
        estimator.set_params(alhpa=1.0)


@pytest.mark.parametrize(
    ("clf", "grid"),
    [
        (st.LinearClassifier(), {"alpha": [10.0, 1e-2], "loss": ["softmax", "squared_hinge"]}),
        (st.LinearClassifier("squared"), {"alpha": [1e-2, 1e-1]}),
        (st.MLPClassifier(lr=0.05, epochs=10), {"hidden": [(1,), (16,)]}),
        (st.NearestMean(), {"metric": ["l1", "l2"]}),
        (st.KNNClassifier(), {"n_neighbors": [1, 59], "metric": ["l1", "l2"]}),
        (st.Perceptron(20), {"averaged": [False, True]}),
        (st.RidgeClassifier(), {"alpha": [1e-2, 1e-1]}),
        (st.OneVsAllSVM(), {"alpha": [1e3, 1e-2]}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_grid_searches_find_what_is_better(clf, grid, three):
    X, y = three
    search = GridSearchCV(make_pipeline(clf), {f"{type(clf).__name__.lower()}__{k}": v for k, v in grid.items()}, cv=3)
    search.fit(X, y)
    assert search.score(X, y) == search.best_estimator_.score(X, y) > 0.85
    chosen = {name.split("__")[1]: value for name, value in search.best_params_.items()}
    assert chosen.get("alpha", 0) < 1
    assert chosen.get("n_neighbors", 1) == 1


def test_data_frames_give_the_features_their_names(estimator, three):
    X, y = three
    frame = pd.DataFrame(X, columns=COLUMNS)
    labels = pd.Series(y).map({0: "ant", 1: "bee", 2: "cat"})
    pipe = make_pipeline(StandardScaler(), estimator).set_output(transform="pandas").fit(frame, labels)
    assert pipe[-1].feature_names_in_.tolist() == COLUMNS
    same(make_pipeline(StandardScaler(), clone(estimator)).fit(X, y), pipe, X, frame)
    with pytest.raises(ValueError, match=r"(?s)feature names should match.*unseen.*length.*missing.*width"):
        pipe[-1].predict(frame.rename(columns={"width": "length"}))
    with pytest.raises(ValueError, match="must be in the same order"):
        pipe[-1].predict(frame[COLUMNS[::-1]])


def test_polars_frames_are_read_too(estimator, three):
    X, y = three
    frame, labels = pl.DataFrame(X, schema=COLUMNS), pl.Series("kind", ["ant", "bee", "cat"])[y.tolist()]
    estimator.fit(frame, labels)
    assert estimator.feature_names_in_.tolist() == COLUMNS
    assert estimator.classes_.tolist() == ["ant", "bee", "cat"]
    same(clone(estimator).fit(X, y), estimator, X, frame)


@pytest.mark.parametrize(
    "names",
    [
        np.array(["no", "yes", "maybe"]), np.array(["a", "bb", "c"], object), np.array([7, -3, 40]),
        np.array([2.0, 1.0, 5.0]), np.array([False, True, True]), np.array([200, 0, 255], np.uint8),
    ],
    ids=["text", "objects", "whole numbers", "floats", "truths", "bytes"],
)  # fmt: skip
def test_labels_come_back_as_they_were_given(estimator, three, names):
    X, y = three
    said = names[y]
    answers = estimator.fit(X, said).predict(X)
    assert estimator.classes_.tolist() == sorted(set(said.tolist()))
    assert answers.dtype.kind == said.dtype.kind
    assert set(answers.tolist()) == set(said.tolist())
    assert np.mean(answers == said) == estimator.score(X, said) > 0.85
    columns = [estimator.classes_.tolist().index(label) for label in answers[:5].tolist()]
    if hasattr(estimator, "predict_proba") and not isinstance(estimator, st.OneVsAllSVM):  # see its docstring
        assert estimator.predict_proba(X)[:5].argmax(axis=1).tolist() == columns


def test_weights_are_routed_to_where_they_are_asked_for(weighing, three):
    X, y = three
    weight = np.where(y == 0, 20.0, 0.05)
    accuracy = make_scorer(
        lambda truth, answers, sample_weight: float(np.average(truth == answers, weights=sample_weight))
    )
    direct = clone(weighing).fit(X, y, weight)
    with sklearn.config_context(enable_metadata_routing=True):
        asking = clone(weighing).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        pipe = make_pipeline(
            StandardScaler(with_mean=False, with_std=False).set_fit_request(sample_weight=False), asking
        )
        same(pipe.fit(X, y, sample_weight=weight)[-1], direct, X)
        assert pipe.score(X, y, sample_weight=weight) == pytest.approx(np.average(pipe.predict(X) == y, weights=weight))
        search = GridSearchCV(
            pipe, {f"{type(weighing).__name__.lower()}__alpha": [weighing.alpha]}, cv=2,
            scoring=accuracy.set_score_request(sample_weight=True),
        ).fit(X, y, sample_weight=weight)  # fmt: skip
        same(search.best_estimator_[-1], direct, X)
        deaf = clone(weighing).set_fit_request(sample_weight=False)
        with pytest.raises(TypeError, match="not routed to any object"):
            make_pipeline(deaf).fit(X, y, sample_weight=weight)
        with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError, match="not explicitly set as requested"):
            make_pipeline(clone(weighing)).fit(X, y, sample_weight=weight)
    assert np.abs(direct.decision_function(X) - clone(weighing).fit(X, y).decision_function(X)).max() > 1e-3


def test_what_takes_no_weights_says_so(estimator, three):
    X, y = three
    if hasattr(estimator, "alpha"):
        estimator.fit(X, y, sample_weight=np.ones(90))
    else:
        with pytest.raises(TypeError, match="sample_weight"):
            estimator.fit(X, y, sample_weight=np.ones(90))


def test_fitted_estimators_are_kept_by_joblib(estimator, three):
    X, y = three
    kept = io.BytesIO()
    joblib.dump(estimator.fit(X, y), kept)
    kept.seek(0)
    again = joblib.load(kept)
    np.testing.assert_array_equal(again.decision_function(X), estimator.decision_function(X))
    assert again.get_params() == estimator.get_params()


def test_they_can_be_wrapped(estimator, three):
    X, y = three
    calibrated = CalibratedClassifierCV(clone(estimator), cv=3).fit(X, y)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)
    assert calibrated.score(X, y) > 0.85
    assert OneVsRestClassifier(clone(estimator)).fit(X, y).score(X, y) > 0.85


def test_tags_say_what_they_are(estimator):
    tags = get_tags(estimator)
    assert is_classifier(estimator)
    assert tags.classifier_tags.multi_class
    assert not tags.classifier_tags.multi_label
    assert tags.target_tags.required
    assert not tags.target_tags.multi_output
    assert not tags.input_tags.allow_nan
    assert tags.input_tags.sparse == (not isinstance(estimator, st.KNNClassifier | st.MLPClassifier))


def test_what_needs_dense_rows_has_no_tag_for_sparse_ones():
    assert not get_tags(st.NearestMean("l1")).input_tags.sparse


def test_several_answers_at_once_are_refused(estimator, three):
    X, y = three
    for many in (np.column_stack([y, y]), np.eye(3, dtype=int)[y]):
        with pytest.raises(ValueError, match=r"y should be a 1d array, got an array of shape \(90, [23]\)"):
            estimator.fit(X, many)


def test_notebooks_show_them(estimator, three):
    shown = estimator.fit(*three)._repr_html_()
    assert type(estimator).__name__ in shown
    assert "Fitted" in shown
