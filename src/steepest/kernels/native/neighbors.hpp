// The nearest rows of X to each row of Z, exactly: what the search is told, the same for every instruction set.
#pragma once
#include "sweep.hpp"

namespace steepest {

enum class Metric { l1, l2 };

// Rows in place. Z is of doubles; or of bytes, where X is of bytes: then distances are whole numbers.
struct Neighbors {
  Data X, Z;
  Metric metric;
  int64_t k;
  double* distance;  // (rows of Z, k), nearest first; of equal ones the row that comes first in X
  int64_t* index;
};

// Bytes that a search takes beside its arrays, at most.
double neighbors_memory(int64_t features, int64_t k, int threads);

}  // namespace steepest
