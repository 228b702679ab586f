"""The kernels among threads and processes: Python goes on, callers take turns, a forked child has its own pool."""

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

LONG = 60  # seconds until a call that hangs is a failure

fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork()")
forks = [fork, pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")]


def bits(problem, threads):
    total, correct, dW, db = problem.gradient(threads=threads)
    lr = np.full(-(-len(problem.rows) // 100), 0.01, np.float32)
    stepped = problem.descend(lr, batch_size=100, momentum=0.9, threads=threads)
    return b"".join(
        np.asarray(a).tobytes() for a in (total, correct, dW, db, problem.scores(threads=threads), *stepped)
    )


def in_child(work):
    """Run work() after fork() and return what it returned; a child that hangs or dies fails the test."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(out)
            with os.fdopen(into, "wb") as stream:
                stream.write(work())
            status = 0
        finally:
            os._exit(status)
    os.close(into)
    timer = threading.Timer(LONG, os.kill, (child, signal.SIGKILL))
    timer.start()
    with os.fdopen(out, "rb") as stream:
        answer = stream.read()
    _, status = os.waitpid(child, 0)
    timer.cancel()
    assert status == 0, f"the child ended with status {status}"
    return answer


@pytest.fixture
def problem(make):
    return make(1, "uint8", 400, 784, 10, weighted=True)


def test_python_goes_on_while_a_sweep_runs(make, level):
    problem = make(2, "float32", 300, 512, 10)
    problem = problem.with_(order=np.arange(40_000) % 300)
    spent = []

    def work():
        while sum(spent) < 0.3:  # one call is long enough on any machine when there are a few
            begin = time.perf_counter()
            problem.gradient(threads=2)
            spent.append(time.perf_counter() - begin)

    worker = threading.Thread(target=work)
    ticks = []
    worker.start()
    while worker.is_alive():
        ticks.append(time.perf_counter())
        time.sleep(0.001)
    worker.join()
    # were the interpreter held, nothing would tick inside a call: at most once between two
    assert len(ticks) > 3 * len(spent)


def test_threads_that_call_at_once_each_get_their_own_result(make, level):
    problems = [
        make(seed, dtype, 300 + seed, 784 + seed, 10)
        for seed, dtype in enumerate(["uint8", "float32", "float64", "float16"])
    ]
    expected = [bits(p, 1) for p in problems]
    with ThreadPoolExecutor(4) as pool:
        calls = [(i % 4, pool.submit(bits, problems[i % 4], 1 + i % 3)) for i in range(40)]
        for i, call in calls:
            assert call.result(LONG) == expected[i]


def test_the_pool_grows_and_shrinks_from_call_to_call(problem, level):
    expected = bits(problem, 1)
    for threads in (2, 8, 1, 3, 8, 2, 64, 1024, 2):
        assert bits(problem, threads) == expected


@pytest.mark.usefixtures("level")
class TestFork:
    pytestmark = forks

    def test_a_child_can_call_with_threads(self, problem):
        expected = bits(problem, 2)
        assert in_child(lambda: bits(problem, 2)) == expected
        assert bits(problem, 2) == expected

    def test_a_grandchild_can_call_with_threads(self, problem):
        expected = bits(problem, 2)
        assert in_child(lambda: bits(problem, 2) + in_child(lambda: bits(problem, 3))) == 2 * expected

    @pytest.mark.skipif(
        "asan" in os.environ.get("LD_PRELOAD", ""), reason="its allocator's locks do not survive such a fork()"
    )
    def test_a_fork_amid_a_sweep_of_another_thread_gives_a_child_that_can_call(self, problem):
        expected = bits(problem, 2)
        stop, went_on = threading.Event(), []

        def sweep():
            while not stop.is_set():
                went_on.append(bits(problem, 2) == expected)

        worker = threading.Thread(target=sweep)
        worker.start()
        try:
            for _ in range(10):
                assert in_child(lambda: bits(problem, 2)) == expected
        finally:
            stop.set()
            worker.join(LONG)
        assert went_on
        assert all(went_on)

    def test_a_forked_pool_of_workers_can_call(self, problem):
        expected = bits(problem, 2)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            assert pool.starmap_async(bits_of_seed, [(problem, 2)] * 6).get(LONG) == [expected] * 6


def bits_of_seed(problem, threads):
    problem = problem.with_(formula=problem.formula)
    return bits(problem, threads)
