"""What looks on while a run trains: progress on the terminal, TensorBoard, MLflow, and what you write yourself.

A callback is a function, told of every epoch, or an object with some of the methods of ``Callback``. Each is told the
``Run``: ``run.history`` has a record of every epoch so far, ``run.plan`` the settings, ``run.model`` the model.

>>> import steepest as st
>>> train, test = st.load("digits").split(seed=0)
>>> def enough(run):
...     return run.history[-1]["val_accuracy"] > 0.9  # True ends the run, in good order
>>> run = st.train("mlp", train, validation=test, callbacks=[enough])
>>> run.finished
False

Between epochs nobody looks: the steps run in the native program. ``Callback.progress`` is told a few times a second, at
the end of a slice of an epoch. An error in a callback ends the run and comes out as it was raised.
"""

from steepest.training.callbacks.base import Callback, Looking, Watching
from steepest.training.callbacks.mlflow import MLflow
from steepest.training.callbacks.progress import Progress
from steepest.training.callbacks.tensorboard import TensorBoard

__all__ = ["Callback", "Looking", "MLflow", "Progress", "TensorBoard", "Watching"]
