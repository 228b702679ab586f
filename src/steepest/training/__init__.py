"""The run: the loop over epochs, its plan, its state, its history."""
