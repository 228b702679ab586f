// The instruction-set levels this build holds, and which of them this processor can run.
#pragma once
#include <string>
#include <vector>

#include "ascent.hpp"
#include "coordinate.hpp"
#include "neighbors.hpp"
#include "network.hpp"
#include "sparse.hpp"
#include "sweep.hpp"

namespace steepest {

struct Level {
  const char* name;
  bool (*runs_here)();
  const Sweeps* sweeps;
  const Networks* networks;
  void (*moments)(const Data&, double* mean, double* variance, int threads);
  void (*neighbors)(const Neighbors&, int threads);
  void (*gram)(const Data&, bool precise, double* out, int threads);
  void (*cross)(const Data&, int classes, double* out, int threads);
  Settled (*coordinate)(const Quadratic&, int threads);
  void (*sparse_times)(const Sparse&, const double* W, int64_t width, double* out, int threads);
  void (*sparse_transposed_times)(const Sparse&, const double* P, int64_t width, double* out, int threads);
  Tally (*ascend)(const Data&, const Linear&, const Ascent&, int threads);
  void (*best_slopes)(Loss, const float* s, const int64_t* y, int64_t rows, int classes, float strength, float* p, int threads);
  void (*pull)(const Data&, const float* p, int classes, double* out, int threads);
  void (*block_grams)(const Data&, int block, float* out, int threads);
};

// From the plainest to the widest; the widest that runs here is the default.
const std::vector<Level>& levels();

}  // namespace steepest
