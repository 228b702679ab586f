"""From settings to the kind of run that they ask for."""

from __future__ import annotations

from dataclasses import replace

from steepest import losses
from steepest.cli.descent_job import DescentJob
from steepest.cli.job import Data, Job, read
from steepest.cli.progress import Display
from steepest.errors import InputError, near
from steepest.losses import Loss
from steepest.nn.approximate import require_faiss
from steepest.nn.scaling import fit_scaling
from steepest.objective.compiled import CompiledLinear
from steepest.solvers import SOLVERS, Choice, choose
from steepest.training.models import SEARCHES
from steepest.training.recipe import formula
from steepest.training.run_folder import RunFolder
from steepest.training.settings import Settings

__all__ = ["begin"]

_SVM: dict[str, Loss] = {"squared_hinge": losses.ova_squared_hinge, "hinge": losses.ova_hinge}


def begin(folder: RunFolder, settings: Settings, display: Display, began: float, *, go_on: bool) -> Job:
    """Read the data, resolve the settings, and take up the state when there is one."""
    _check_solver(settings)
    if settings.index == "approximate":
        require_faiss()
    data = read(settings, display)
    if settings.model in ("linear", "ova-svm"):
        choice, objective = _choose(settings, data)
        if objective is None:
            return DescentJob(folder, settings, data, began, go_on=go_on, because=choice.because)
        from steepest.cli.solver_job import SolverJob

        return SolverJob(folder, settings, data, began, objective, choice, go_on=go_on)
    if settings.model == "mlp":
        return DescentJob(folder, settings, data, began, go_on=go_on)
    from steepest.cli.fit_job import FitJob

    return FitJob(folder, settings, data, began, go_on=go_on)


def _check_solver(settings: Settings) -> None:
    """Raise an InputError for a solver that there is not, or settings that it does not know."""
    known = (*SOLVERS, *SEARCHES)
    solver = settings.solver
    if solver not in known:
        close = near(solver, [name.replace("-", "_") for name in known]).replace("_", "-")
        raise InputError(f"there is no solver {solver!r}: {close}")
    if settings.model != "linear":
        return
    if settings.draws != Settings.draws and solver not in SEARCHES:
        raise InputError(
            f"--draws counts the looks of a search: say --solver {', '.join(SEARCHES[:-1])} or {SEARCHES[-1]}"
        )
    idle = [name for name in settings.descends() if name in settings.idle()]
    if idle:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in idle)
        raise InputError(f"{named}: the solver {solver} does not descend by mini-batches: leave that out, or --solver")


def _choose(settings: Settings, data: Data) -> tuple[Choice, CompiledLinear | None]:
    """Name the solver, and return L(W) for it; descent makes its own."""
    if settings.model == "ova-svm":
        if settings.loss not in _SVM:
            raise InputError(f"model ova-svm has no loss {settings.loss!r}: {near(settings.loss, tuple(_SVM))}")
        svm = _objective(settings, data, _SVM[settings.loss])
        choice = choose(svm)
        # It is never trained by descent: where nothing else is better, rounding its hinge is.
        return (choice if choice.solver != "sgd" else choose(svm, "newton")), svm
    choice, objective = _choose_linear(settings, data)
    if settings.alpha == "auto" and (objective is None or choice.solver in SEARCHES):
        why = f" ({choice.because})" if choice.because else ""
        raise InputError(
            f"--alpha auto needs a solver that proves what it finds, not {choice.solver}{why}: give a number"
        )
    return choice, objective


def _choose_linear(settings: Settings, data: Data) -> tuple[Choice, CompiledLinear | None]:
    given = settings.descends()
    if settings.solver == "sgd":
        return Choice("sgd"), None
    if settings.solver == "auto" and given:
        return Choice("sgd", f"{', '.join(given)} {'was' if len(given) == 1 else 'were'} given"), None
    objective = _objective(settings, data)
    if settings.solver in SEARCHES:
        return Choice(settings.solver), objective
    choice = choose(objective, settings.solver)
    return choice, None if choice.solver == "sgd" else objective


def _objective(settings: Settings, data: Data, loss: Loss | None = None) -> CompiledLinear:
    recipe, train = replace(settings.recipe(), threads=data.threads), data.parts.train
    if loss is not None:
        recipe = replace(recipe, loss=loss)
    if settings.alpha == "auto" and settings.model == "linear":
        recipe = replace(recipe, alpha=1.0)  # until one is chosen
    assert train.y is not None
    scaling = fit_scaling(train.X, settings.scaling, weight=data.weight, threads=data.threads)
    objective = formula(recipe, None, train.X, train.y, train.n_classes, scaling, data.weight)
    assert isinstance(objective, CompiledLinear)
    return objective
