#include "levels.hpp"

#define STEEPEST_DECLARE(isa)                                                                    \
  namespace isa {                                                                                \
  extern const steepest::Sweeps sweeps;                                                          \
  extern const steepest::Networks networks;                                                      \
  void moments(const steepest::Data& data, double* mean, double* variance, int threads);         \
  }
STEEPEST_DECLARE(steepest_portable)
#if defined(STEEPEST_X86)
STEEPEST_DECLARE(steepest_avx2)
STEEPEST_DECLARE(steepest_avx512)
STEEPEST_DECLARE(steepest_avx512vnni)
STEEPEST_DECLARE(steepest_avx512bf16)
#endif
#if defined(STEEPEST_WIDE)
STEEPEST_DECLARE(steepest_wide)
STEEPEST_DECLARE(steepest_widevnni)
#endif

namespace steepest {
namespace {

#if defined(STEEPEST_X86)
bool avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}
#endif

}  // namespace

const std::vector<Level>& levels() {
  static const std::vector<Level> all{
      {"portable", [] { return true; }, &steepest_portable::sweeps, &steepest_portable::networks, steepest_portable::moments},
#if defined(STEEPEST_X86)
      {"avx2",
       [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"); },
       &steepest_avx2::sweeps, &steepest_avx2::networks, steepest_avx2::moments},
      {"avx512", avx512, &steepest_avx512::sweeps, &steepest_avx512::networks, steepest_avx512::moments},
      {"avx512vnni", [] { return avx512() && __builtin_cpu_supports("avx512vnni"); }, &steepest_avx512vnni::sweeps, &steepest_avx512vnni::networks, steepest_avx512vnni::moments},
      {"avx512bf16",
       [] { return avx512() && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16"); },
       &steepest_avx512bf16::sweeps, &steepest_avx512bf16::networks, steepest_avx512bf16::moments},
#endif
#if defined(STEEPEST_WIDE)  // tests: the code of 16 lanes, and that in integers, on a processor that has no instructions for them
      {"wide", [] { return true; }, &steepest_wide::sweeps, &steepest_wide::networks, steepest_wide::moments},
      {"widevnni", [] { return true; }, &steepest_widevnni::sweeps, &steepest_widevnni::networks, steepest_widevnni::moments},
#endif
  };
  return all;
}

}  // namespace steepest
