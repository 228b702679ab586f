// The instruction-set levels this build holds, and which of them this processor can run.
#pragma once
#include <string>
#include <vector>

#include "network.hpp"
#include "sweep.hpp"

namespace steepest {

struct Level {
  const char* name;
  bool (*runs_here)();
  const Sweeps* sweeps;
  const Networks* networks;
  void (*moments)(const Data&, double* mean, double* variance, int threads);
};

// From the plainest to the widest; the widest that runs here is the default.
const std::vector<Level>& levels();

}  // namespace steepest
