from steepest.kernels.types import F32, F64, AnyRows, Labels, NetworkStage, Order, Tally

def levels() -> list[str]: ...
def level() -> str: ...
def use(level: str) -> None: ...
def order(seed: int, purpose: int, epoch: int, out: Order) -> None: ...
def moments(X: AnyRows, order: Order | None, mean: F64, variance: F64, *, threads: int) -> None: ...
def neighbors(X: AnyRows, Z: AnyRows, distance: F64, index: Order, *, metric: str, threads: int) -> None: ...
def neighbors_memory(features: int, k: int, *, threads: int) -> float: ...
def sparse_times(values: AnyRows, columns: AnyRows, starts: Order, W: F64, out: F64, *, threads: int) -> None: ...
def sparse_transposed_times(
    values: AnyRows, columns: AnyRows, starts: Order, P: F64, out: F64, *, threads: int
) -> None: ...
def gram(
    X: AnyRows,
    order: Order | None,
    weight: F32 | None,
    shift: F64,
    scale: F64,
    out: F64,
    *,
    precision: str = "float32",
    threads: int,
) -> None: ...
def cross(
    X: AnyRows,
    y: Labels,
    order: Order | None,
    weight: F32 | None,
    shift: F64,
    scale: F64,
    out: F64,
    *,
    threads: int,
) -> None: ...
def scores(
    X: AnyRows, order: Order | None, shift: F64, scale: F64, W: F32, b: F32, out: F32, *, threads: int
) -> None: ...
def gradient(
    X: AnyRows,
    y: Labels,
    order: Order | None,
    weight: F32 | None,
    shift: F64,
    scale: F64,
    W: F32,
    b: F32,
    dW: F32,
    db: F32,
    *,
    loss: str,
    smoothing: float = 0.0,
    threads: int,
) -> Tally: ...
def descend(
    X: AnyRows,
    y: Labels,
    order: Order | None,
    weight: F32 | None,
    shift: F64,
    scale: F64,
    W: F32,
    b: F32,
    vW: F32,
    vb: F32,
    lr: F32,
    *,
    loss: str,
    smoothing: float = 0.0,
    batch_size: int,
    momentum: float,
    nesterov: bool,
    l2: float,
    l1: float,
    radius: float,
    threads: int,
) -> Tally: ...
def losses(scores: F32, y: Labels, loss: F32, dscores: F32, *, name: str, smoothing: float = 0.0) -> None: ...
def network_descend(
    X: AnyRows,
    y: Labels,
    order: Order | None,
    weight: F32 | None,
    shift: F64,
    scale: F64,
    layers: list[NetworkStage],
    lr: F32,
    *,
    loss: str,
    smoothing: float = 0.0,
    batch_size: int,
    rule: str,
    constants: tuple[float, float, float, float],
    l2: float,
    l1: float,
    seed: int,
    first_step: int,
    precision: str = "float32",
    threads: int,
) -> Tally: ...
def network_gradient(
    X: AnyRows,
    y: Labels,
    order: Order | None,
    weight: F32 | None,
    shift: F64,
    scale: F64,
    layers: list[NetworkStage],
    *,
    loss: str,
    smoothing: float = 0.0,
    threads: int,
) -> Tally: ...
def network_scores(
    X: AnyRows, order: Order | None, shift: F64, scale: F64, layers: list[NetworkStage], out: F32, *, threads: int
) -> None: ...
def ascend(
    X: AnyRows,
    y: Labels,
    order: Order | None,
    weight: F32 | None,
    shift: F64,
    scale: F64,
    W: F32,
    b: F32,
    p: F32,
    gram: F32,
    turn: Order,
    *,
    loss: str,
    strength: float,
    bias: float,
    threads: int,
) -> Tally: ...
def best_slopes(scores: F32, y: Labels, p: F32, *, loss: str, strength: float, threads: int) -> None: ...
def pull(
    X: AnyRows, order: Order | None, weight: F32 | None, shift: F64, scale: F64, p: F32, out: F64, *, threads: int
) -> None: ...
def block_grams(X: AnyRows, order: Order | None, shift: F64, scale: F64, out: F32, *, threads: int) -> None: ...
def coordinate(
    G: F64,
    U: F64 | None,
    P: F64,
    signs: F64,
    damping: F64,
    gradient: F64,
    l1: F64,
    l2: F64,
    V: F64,
    Q: F64,
    *,
    centred: bool = False,
    tol: float,
    epochs: int,
    threads: int,
) -> tuple[int, float]: ...
