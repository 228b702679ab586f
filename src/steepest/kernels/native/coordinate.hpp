// The minimum of a quadratic form plus sizes and squares, coordinate by coordinate: what the kernel is told, the same for every
// instruction set.
#pragma once
#include <cstdint>

namespace steepest {

// m(V) of `coordinate_reference`, arrays as there. G holds one matrix for all directions, or one for each; U is null where the
// directions are the classes themselves.
struct Quadratic {
  int64_t features;
  int classes, directions, grams, pairs;
  const double *G, *U, *P, *signs, *damping, *gradient, *l1, *l2;
  bool centred;
  double tol;
  int epochs;
  double *V, *Q;
};

// Sweeps over the rows, and the largest change in the last of them in units of the gradient.
struct Settled {
  int epochs;
  double change;
};

}  // namespace steepest
