"""A long training takes no more memory than a short one."""

from pathlib import Path

import pytest

import steepest as st

STATUS = Path("/proc/self/statm")


class Resident(list):
    """A callback that notes how many bytes are resident after some of the epochs."""

    def __init__(self, *epochs):
        self.epochs = epochs

    def __call__(self, run):
        if len(run.history) in self.epochs:
            self.append(4096 * int(STATUS.read_text().split()[1]))


@pytest.mark.slow
@pytest.mark.skipif(not STATUS.exists(), reason="the size of a process is read from /proc")
@pytest.mark.parametrize("model", ["linear", "mlp"])
def test_memory_stays_flat_over_a_thousand_epochs(model):
    train, test = st.load("digits").split(seed=0)
    resident = Resident(100, 1000)
    st.train(model, train, epochs=1000, validation=test, patience=None, callbacks=[resident])
    after_100, after_1000 = resident
    # The history itself grows, by half a kilobyte an epoch; an array leaked in each would be a hundred times that.
    assert after_1000 - after_100 < 4e6
