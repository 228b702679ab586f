#include "levels.hpp"

#define STEEPEST_DECLARE(isa)                                                                    \
  namespace isa {                                                                                \
  extern const steepest::Sweeps sweeps;                                                          \
  extern const steepest::Networks networks;                                                      \
  void moments(const steepest::Data& data, double* mean, double* variance, int threads);         \
  void neighbors(const steepest::Neighbors& task, int threads);                                  \
  void gram(const steepest::Data& data, bool precise, double* out, int threads);                 \
  void cross(const steepest::Data& data, int classes, double* out, int threads);                 \
  steepest::Settled coordinate(const steepest::Quadratic& model, int threads);                   \
  void sparse_times(const steepest::Sparse& X, const double* W, int64_t width, double* out, int threads); \
  void sparse_transposed_times(const steepest::Sparse& X, const double* P, int64_t width, double* out, int threads); \
  steepest::Tally ascend(const steepest::Data&, const steepest::Linear&, const steepest::Ascent&, int threads); \
  void best_slopes(steepest::Loss, const float*, const int64_t*, int64_t, int, float, float*, int); \
  void pull(const steepest::Data& data, const float* p, int classes, double* out, int threads);  \
  void block_grams(const steepest::Data& data, int block, float* out, int threads);              \
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

#define STEEPEST_ENTRIES(isa) &isa::sweeps, &isa::networks, isa::moments, isa::neighbors, isa::gram, isa::cross, isa::coordinate, isa::sparse_times, isa::sparse_transposed_times, isa::ascend, isa::best_slopes, isa::pull, isa::block_grams
const std::vector<Level>& levels() {
  static const std::vector<Level> all{
      {"portable", [] { return true; }, STEEPEST_ENTRIES(steepest_portable)},
#if defined(STEEPEST_X86)
      {"avx2",
       [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"); },
       STEEPEST_ENTRIES(steepest_avx2)},
      {"avx512", avx512, STEEPEST_ENTRIES(steepest_avx512)},
      {"avx512vnni", [] { return avx512() && __builtin_cpu_supports("avx512vnni"); }, STEEPEST_ENTRIES(steepest_avx512vnni)},
      {"avx512bf16",
       [] { return avx512() && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16"); },
       STEEPEST_ENTRIES(steepest_avx512bf16)},
#endif
#if defined(STEEPEST_WIDE)  // tests: the code of 16 lanes, and that in integers, on a processor that has no instructions for them
      {"wide", [] { return true; }, STEEPEST_ENTRIES(steepest_wide)},
      {"widevnni", [] { return true; }, STEEPEST_ENTRIES(steepest_widevnni)},
#endif
  };
  return all;
}

}  // namespace steepest
