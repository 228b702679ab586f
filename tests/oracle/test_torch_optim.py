"""An independent oracle: PyTorch's optimizers, schedules and clipping take the same steps."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from steepest.optim import SGD, Adagrad, Adam, AdamW, Momentum, Nesterov, RMSProp, clip_norm, clip_value  # noqa: E402
from steepest.optim.schedules import Cosine, OneCycle, Plateau  # noqa: E402

LR = 0.01
PAIRS = {
    SGD(): lambda p: torch.optim.SGD(p, lr=LR),
    Momentum(mu=0.8): lambda p: torch.optim.SGD(p, lr=LR, momentum=0.8),
    Nesterov(mu=0.8): lambda p: torch.optim.SGD(p, lr=LR, momentum=0.8, nesterov=True),
    Adagrad(epsilon=1e-3): lambda p: torch.optim.Adagrad(p, lr=LR, eps=1e-3),
    RMSProp(rho=0.8, epsilon=1e-3): lambda p: torch.optim.RMSprop(p, lr=LR, alpha=0.8, eps=1e-3),
    Adam(0.5, beta1=0.8, beta2=0.9, epsilon=1e-3): lambda p: torch.optim.Adam(p, lr=LR, betas=(0.8, 0.9), eps=1e-3),
    Adam(): lambda p: torch.optim.Adam(p, lr=LR),
    AdamW(decay=0.3): lambda p: torch.optim.AdamW(
        [{"params": [p[0]], "weight_decay": 0.3}, {"params": [p[1]], "weight_decay": 0.0}], lr=LR
    ),
}


@pytest.mark.parametrize("rule", PAIRS, ids=repr)
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 2e-5)])
def test_thirty_steps_of_every_rule(rule, dtype, rtol):
    rng = np.random.default_rng(0)
    params = {"W": rng.normal(size=(4, 3)).astype(dtype), "b": rng.normal(size=3).astype(dtype)}
    theirs = [torch.tensor(array, requires_grad=True) for array in params.values()]
    optimizer, state = PAIRS[rule](theirs), rule.init(params)
    for _ in range(30):
        grad = {name: (rng.normal(size=array.shape) * 0.1).astype(dtype) for name, array in params.items()}
        update, state = rule.step(grad, state, LR, params)
        params = {name: params[name] + update[name] for name in params}
        for tensor, g in zip(theirs, grad.values(), strict=True):
            tensor.grad = torch.tensor(g)
        optimizer.step()
        for tensor, array in zip(theirs, params.values(), strict=True):
            np.testing.assert_allclose(array, tensor.detach().numpy(), rtol=rtol, atol=rtol)


@pytest.mark.parametrize("radius", [0.1, 1.0, 1e3])
def test_clipping(radius):
    rng = np.random.default_rng(1)
    grad = {"W": rng.normal(size=(4, 3)), "b": rng.normal(size=3)}
    for ours, clip in ((clip_norm, torch.nn.utils.clip_grad_norm_), (clip_value, torch.nn.utils.clip_grad_value_)):
        theirs = [torch.zeros(g.shape, dtype=torch.float64, requires_grad=True) for g in grad.values()]
        for tensor, g in zip(theirs, grad.values(), strict=True):
            tensor.grad = torch.tensor(g)
        clip(theirs, radius)
        for tensor, g in zip(theirs, ours(grad, radius).values(), strict=True):
            np.testing.assert_allclose(g, tensor.grad.numpy(), rtol=1e-4)  # theirs divides by |g| + 1e-6


def rates(make, count):
    """The learning rate of each step of a torch schedule whose peak is 1."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule, path = make(optimizer), []
    for _ in range(count):
        path.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return path


def test_cosine():
    theirs = rates(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=50, eta_min=0.1), 50)
    np.testing.assert_allclose(Cosine(final=0.1)(np.arange(50), 50), theirs, rtol=1e-9)


def test_the_fall_of_one_cycle():
    """Theirs rises along a cosine, too, and counts total_steps - 1 of them; the fall is the same."""
    theirs = rates(
        lambda o: torch.optim.lr_scheduler.OneCycleLR(
            o, 1.0, total_steps=102, pct_start=31 / 102, div_factor=25, final_div_factor=1e12, cycle_momentum=False
        ),
        101,
    )
    ours = OneCycle(start=0.04, rise=0.3)(np.arange(100), 100)
    assert ours[0] == pytest.approx(theirs[0])
    peak = int(np.argmax(theirs))
    np.testing.assert_allclose(ours[30:], theirs[peak : peak + 70], atol=0.02)


def test_plateau():
    """Theirs waits one epoch longer: it falls when the bad epochs are more than its patience."""
    figures = np.abs(np.random.default_rng(2).normal(size=60)).tolist()
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=3, threshold=1e-4)
    plateau = Plateau(factor=0.5, patience=4, min_factor=0.0)
    state = plateau.init()
    for figure in figures:
        schedule.step(figure)
        f, state = plateau.step(figure, state)
        assert f == pytest.approx(optimizer.param_groups[0]["lr"])
