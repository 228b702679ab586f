#include "levels.hpp"

#define STEEPEST_DECLARE(isa)                                                                    \
  namespace isa {                                                                                \
  extern const steepest::Sweeps sweeps;                                                          \
  void moments(const steepest::Data& data, double* mean, double* variance, int threads);         \
  }
STEEPEST_DECLARE(steepest_portable)
#if defined(STEEPEST_X86)
STEEPEST_DECLARE(steepest_avx2)
STEEPEST_DECLARE(steepest_avx512)
#endif
#if defined(STEEPEST_WIDE)
STEEPEST_DECLARE(steepest_wide)
#endif

namespace steepest {

const std::vector<Level>& levels() {
  static const std::vector<Level> all{
      {"portable", [] { return true; }, &steepest_portable::sweeps, steepest_portable::moments},
#if defined(STEEPEST_X86)
      {"avx2",
       [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"); },
       &steepest_avx2::sweeps, steepest_avx2::moments},
      {"avx512",
       [] {
         return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
       },
       &steepest_avx512::sweeps, steepest_avx512::moments},
#endif
#if defined(STEEPEST_WIDE)  // tests: the code of 16 lanes on a processor that has no instructions for them
      {"wide", [] { return true; }, &steepest_wide::sweeps, steepest_wide::moments},
#endif
  };
  return all;
}

}  // namespace steepest
