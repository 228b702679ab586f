"""R: the penalties. Weights in, one number out; one file a penalty, its equation written once.

============  ==========================================  ===================
name          R(W)                                        parameter
============  ==========================================  ===================
l2            sum W^2
l1            sum |W|
elastic_net   sum (beta W^2 + |W|)                        beta = 1
max_norm      0 if every |w_c| <= radius, else infinity   radius = 1
none          0
============  ==========================================  ===================

The lower-case names are penalties with the parameters given here; the classes make others: ``ElasticNet(beta=0.5)``.
"""

from dataclasses import fields

from steepest.errors import InputError, near
from steepest.penalties._elastic_net import ElasticNet, elastic_net
from steepest.penalties._l1 import L1, l1
from steepest.penalties._l2 import L2, l2
from steepest.penalties._max_norm import MaxNorm, max_norm
from steepest.penalties._none import NoPenalty, none
from steepest.penalties.base import Penalty

__all__ = [
    "L1",
    "L2",
    "NAMES",
    "ElasticNet",
    "MaxNorm",
    "NoPenalty",
    "Penalty",
    "elastic_net",
    "get",
    "l1",
    "l2",
    "max_norm",
    "none",
]

_PENALTIES: dict[str, type[L2 | L1 | ElasticNet | MaxNorm | NoPenalty]] = {
    kind.name: kind for kind in (L2, L1, ElasticNet, MaxNorm, NoPenalty)
}

NAMES: tuple[str, ...] = tuple(_PENALTIES)
"""The names that ``get`` knows."""


def get(penalty: str | Penalty | None, **parameters: float) -> Penalty:
    """Return the penalty of this name with these parameters; None is ``none``, and a penalty comes back as it is.

    Raises
    ------
    InputError
        If there is no such penalty (the message has the near names, or all), or it has no such parameter.

    Examples
    --------
    >>> from steepest.penalties import get
    >>> get("elastic_net", beta=0.5)
    ElasticNet(beta=0.5)
    >>> get(None)
    NoPenalty()
    """
    if isinstance(penalty, Penalty):
        if parameters:
            raise InputError(f"{penalty!r} has its parameters already: drop {', '.join(parameters)}, or give its name")
        return penalty
    name = "none" if penalty is None else penalty
    if not isinstance(name, str) or name not in _PENALTIES:
        raise InputError(f"there is no penalty {name!r}: {near(name, NAMES)}")
    known = [field.name for field in fields(_PENALTIES[name])]
    for parameter in parameters:
        if parameter not in known:
            takes = f"its parameter is {', '.join(known)}" if known else "it takes none"
            raise InputError(f"penalty {name} has no parameter {parameter!r}: {takes}")
    return _PENALTIES[name](**parameters)
