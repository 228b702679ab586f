"""scikit-learn faces: they store, validate and hand over; no mathematics of their own."""
