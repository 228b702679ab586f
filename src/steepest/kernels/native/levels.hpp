// The instruction-set levels this build holds, and which of them this processor can run.
#pragma once
#include <string>
#include <vector>

#include "neighbors.hpp"
#include "network.hpp"
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
};

// From the plainest to the widest; the widest that runs here is the default.
const std::vector<Level>& levels();

}  // namespace steepest
