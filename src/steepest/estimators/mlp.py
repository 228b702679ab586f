"""The multi-layer perceptron as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Self

from numpy.typing import ArrayLike

from steepest.errors import InputError
from steepest.estimators.descent import DescentClassifier
from steepest.losses import Loss
from steepest.nn import Activation
from steepest.nn.initialization import Initialization
from steepest.optim import StepRule
from steepest.optim.schedules import Plateau, Schedule
from steepest.penalties import Penalty
from steepest.training.callbacks import Progress, Watching
from steepest.training.plan import Fitted

__all__ = ["MLPClassifier"]


class MLPClassifier(DescentClassifier):
    """Multi-layer perceptron, trained by mini-batch descent in one native program.

        h_0 = x,    h_k = f(norm(h_{k-1} W_k + b_k)), dropped out,    scores = h_{n-1} W_n + b_n

        L(W) = 1/N sum_i w_i L_i(scores_i, y_i) + alpha sum_k R(W_k),      w of mean 1, biases not penalized

    The rows are read in place in the type they have (uint8, float16, float32 or float64). Activations and step rules of
    your own, clipping and "max_norm" have no native code: with them the same training goes step by step, slower.

    Parameters
    ----------
    hidden : tuple of int
        Neurons of each hidden layer.
    activation : str, function or Activation
        f: "relu", "leaky_relu", "elu", "gelu", "softplus", "tanh", "sigmoid", "step", "identity", or your own.
    dropout : float
        The share of hidden neurons that each step leaves out, in [0, 1).
    norm : "batch", "layer" or None
        What is put before each activation.
    init : str or function
        Where the weights start: "he", "xavier", "uniform", "zeros", or a function of (rng, inputs, outputs).
    loss : str or Loss
        L_i: "softmax", "hinge" (sum over j, Weston-Watkins), "squared_hinge", "hinge_max" (Crammer-Singer),
        "ova_hinge", "ova_squared_hinge", "logistic" (one against all), "squared", "perceptron".
    smoothing : float
        Label smoothing of the softmax loss: the share of the target that all classes have alike; 0.1 is usual.
    penalty : str, Penalty or None
        R: "l2" (sum W^2, no one-half), "l1" (sum |W|), "elastic_net" (sum beta W^2 + |W|), "max_norm" (no neuron's
        incoming weights are longer than the radius), None.
    alpha : float
        Strength of R. scikit-learn's MLPClassifier(alpha=a) has alpha = a / (2 B), B the rows of a batch.
    beta, radius : float
        Parameters of "elastic_net" and "max_norm".
    optimizer : str or StepRule
        "adam", "adamw", "rmsprop", "adagrad", "momentum", "nesterov" or "sgd".
    momentum : float
        mu of "momentum" and "nesterov", from 0 to below 1.
    clip_norm, clip_value : float or None
        The largest length of the gradient; the largest size of an entry.
    lr : "auto" or float
        Peak learning rate; "auto" finds it by a range test, and in short runs goes by the step rule.
    schedule : str, Schedule or Plateau
        Its course: "cosine", "linear", "constant", "step", "exponential", "one_cycle", "plateau"; with parameters as in
        "plateau:factor=0.5,patience=3".
    warm_up : float
        The share of the training in which the rate rises first.
    batch_size, epochs : "auto" or int
        Rows a step, passes over the data; "auto" asks for some thousand steps.
    scaling : "auto", "unit", "standard" or None
        Part of the model: "unit" divides uint8 by 255, "standard" subtracts the mean and divides by the deviation, None
        takes the numbers as they are, "auto" is "unit" for uint8 and "standard" otherwise.
    precision : "float32" or "bf16"
        Of what products multiply in training. In bf16 (8 significant bits) processors with instructions for it take
        about half the time; weights, sums and everything else stay float32.
    early_stopping : bool
        Hold out some examples, keep the best epoch on them, and stop when patience is at its end. With `X_val` and
        `y_val` in `fit` this is always done, on those.
    validation_fraction : float
        The share of the examples that early stopping holds out.
    patience : int
        Epochs to wait for a lower validation loss.
    callbacks : list of Callback or functions
        Told of every epoch of `fit`, with a `Run`; see `steepest.callbacks`.
    verbose : bool
        Show how far the training is, on stderr.
    class_weight : dict, "balanced" or None
        Weight of each class.
    random_state : int, RandomState or None
        Keys the first weights, the order of the rows and the masks of dropout. The same number gives the same bits,
        whatever the number of threads.
    threads : int or None
        None uses the processors that this process may use.

    Attributes
    ----------
    classes_ : array (C,)
        The labels, sorted.
    model_ : Network
        The trained score function.
    coefs_, intercepts_ : list of float32 arrays
        W_k and b_k of the linear layers, on the scaled features; with batch norm hidden layers have no b_k.
    objective_ : float
        L(W) on the training data at the end.
    history_ : list of dict
        One record an epoch: epoch, loss, accuracy, lr, seconds; with a validation set val_loss and val_accuracy.
    best_epoch_ : int or None
        The epoch that was kept, with a validation set.
    lr_ : float
        The peak learning rate that was used.
    n_iter_ : int
        Epochs done.
    n_features_in_ : int
        D.

    Raises
    ------
    InputError
        (a ValueError) when a parameter or the data cannot be used.
    DivergenceError
        When a learning rate given by hand makes the loss infinite; names the epoch, the step and the layer.

    Examples
    --------
    >>> import steepest as st
    >>> train, test = st.load("digits").split(seed=0)
    >>> clf = st.MLPClassifier(hidden=(64,), dropout=0.1).fit(train.X, train.y)
    >>> bool(clf.score(test.X, test.y) > 0.95)
    True
    """

    _model = "mlp"

    def __init__(
        self,
        hidden: Sequence[int] = (128,),
        activation: str | Callable[[Any], Any] | Activation = "relu",
        *,
        dropout: float = 0.0,
        norm: Literal["batch", "layer"] | None = None,
        init: str | Initialization = "he",
        loss: str | Loss = "softmax",
        smoothing: float = 0.0,
        penalty: str | Penalty | None = "l2",
        alpha: float = 1e-4,
        beta: float = 1.0,
        radius: float = 1.0,
        optimizer: str | StepRule = "adam",
        momentum: float = 0.9,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        lr: float | Literal["auto"] = "auto",
        schedule: str | Schedule | Plateau = "cosine",
        warm_up: float = 0.0,
        batch_size: int | Literal["auto"] = "auto",
        epochs: int | Literal["auto"] = "auto",
        scaling: str | None = "auto",
        precision: str = "float32",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
        callbacks: Sequence[Watching] = (),
        verbose: bool = False,
        class_weight: dict[Any, float] | Literal["balanced"] | None = None,
        random_state: Any = 0,
        threads: int | None = None,
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.dropout = dropout
        self.norm = norm
        self.init = init
        self.loss = loss
        self.smoothing = smoothing
        self.penalty = penalty
        self.alpha = alpha
        self.beta = beta
        self.radius = radius
        self.optimizer = optimizer
        self.momentum = momentum
        self.clip_norm = clip_norm
        self.clip_value = clip_value
        self.lr = lr
        self.schedule = schedule
        self.warm_up = warm_up
        self.batch_size = batch_size
        self.epochs = epochs
        self.scaling = scaling
        self.precision = precision
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.callbacks = callbacks
        self.verbose = verbose
        self.class_weight = class_weight
        self.random_state = random_state
        self.threads = threads

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
    ) -> Self:
        """Train from the start.

        Parameters
        ----------
        X : array (N, D)
            Examples by row.
        y : array (N,)
            Labels of any type.
        sample_weight : array (N,) or None
            Weight of each example; only ratios matter.
        X_val, y_val : arrays (n, D) and (n,) or None
            Examples that every epoch is tested on; the best epoch is kept.
        """
        if (X_val is None) != (y_val is None):
            raise InputError("X_val and y_val belong together: give both or neither")
        held = None if X_val is None or y_val is None else (X_val, y_val)
        share = self.validation_fraction if self.early_stopping and held is None else 0.0
        told = [*self.callbacks, Progress()] if self.verbose else self.callbacks
        return self._fit(X, y, sample_weight, held, share, told)

    def _adopt(self, trained: Fitted) -> None:
        self.model_ = trained
        parts = trained.parameters
        self.coefs_ = [part for name, part in parts.items() if part.ndim == 2]
        self.intercepts_ = [part for name, part in parts.items() if name.endswith(".b")]
