// Rows of floats as a search sees them, in float32, and as it decides on them, in float64.
//
//   x~ = (x - center) * scale         center: the mean of some rows of X; scale: a power of two that takes them near 1
//
// Distances in float32 only choose rows to look at. They are off by no more than a share, slack(), of what is known of both rows; a row is
// passed over when it is too far even so, and all others are measured in float64. Rows too large for float32 always are.
#pragma once
#include <cmath>
#include <limits>
#include <vector>

#include "neighbor_units.hpp"
#include "neighbors.hpp"

namespace STEEPEST_ISA {
namespace {

typedef double Doubles __attribute__((vector_size(kLanes * 8)));

inline float as_float(uint8_t x) { return (float)x; }
inline float as_float(uint16_t half) { return half_to_float(half); }
inline float as_float(float x) { return x; }
inline double as_double(double x) { return x; }
template <class T>
double as_double(T x) {
  return (double)as_float(x);
}
inline Floats as_floats(const uint8_t* x) { return load(x); }
inline Floats as_floats(const float* x) { return load(x); }
inline Floats as_floats(const uint16_t* halves) {
#if defined(__AVX512F__) && !defined(STEEPEST_LANES)
  return (Floats)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)halves));
#elif defined(__F16C__) && !defined(STEEPEST_LANES)
  return (Floats)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)halves));
#else
  Floats v;
  for (int i = 0; i < kLanes; ++i) v[i] = half_to_float(halves[i]);
  return v;
#endif
}

// Calls body with the row as what it holds.
template <class Body>
auto typed(Type type, const unsigned char* x, const Body& body) {
  switch (type) {
    case Type::u8: return body(x);
    case Type::f16: return body(reinterpret_cast<const uint16_t*>(x));
    case Type::f32: return body(reinterpret_cast<const float*>(x));
    default: return body(reinterpret_cast<const double*>(x));
  }
}

class Frame {
 public:
  explicit Frame(const Neighbors& task) : task_(task), center_(task.X.features), rounded_(task.X.features) {
    const int64_t rows = std::min<int64_t>(256, task.X.count), D = task.X.features;
    std::vector<double> low(D, std::numeric_limits<double>::infinity()), high(D, -std::numeric_limits<double>::infinity());
    for (int64_t i = 0; i < rows; ++i)
      typed(task.X.type, row(task.X, i * task.X.count / rows), [&](auto x) {
        for (int64_t f = 0; f < D; ++f) {
          const double a = as_double(x[f]);
          center_[f] += a / (double)rows;
          low[f] = std::min(low[f], a), high[f] = std::max(high[f], a);
        }
      });
    double most = 0, largest = 0;
    for (int64_t f = 0; f < D; ++f) {
      if (!std::isfinite(center_[f])) center_[f] = 0;
      rounded_[f] = (float)center_[f];
      if (task.X.type != Type::f64) center_[f] = (double)rounded_[f];
      const double away = std::max(high[f] - center_[f], center_[f] - low[f]);
      if (away > most && std::isfinite(away)) most = away;
      largest = std::max(largest, std::abs(center_[f]));
    }
    if (most == 0) most = largest;  // rows that are all the same
    const int limit = task.X.type == Type::f64 ? 1000 : 100;  // the scale itself must be a float for floats
    scale_ = most > 0 ? std::ldexp(1.0, -std::clamp(std::ilogb(most), -limit, limit)) : 1.0;
  }

  // Writes x~ of n features from the first; returns their sum of squares, or of magnitudes.
  template <class M>
  double pack(const Data& data, int64_t i, int64_t first, int n, float* to) const {
    return typed(data.type, row(data, i), [&](auto x) { return scaled<M>(x + first, first, n, to); });
  }

  // The distance, or its square, of row i of X and row q of Z, in float64 and in units of the scale.
  double apart(int64_t i, int64_t q) const {
    const auto z = reinterpret_cast<const double*>(row(task_.Z, q));
    return typed(task_.X.type, row(task_.X, i), [&](auto x) { return task_.metric == Metric::l2 ? summed<true>(x, z) : summed<false>(x, z); });
  }

  double unscaled(double distance) const { return distance / scale_; }

 private:
  Floats scaled(const double* x, int64_t f) const {
    Doubles a, c;
    std::memcpy(&a, x, sizeof a);
    std::memcpy(&c, center_.data() + f, sizeof c);
    return __builtin_convertvector((a - c) * scale_, Floats);
  }
  template <class T>
  Floats scaled(const T* x, int64_t f) const {
    return (as_floats(x) - load(rounded_.data() + f)) * (float)scale_;
  }

  template <class M, class T>
  double scaled(const T* x, int64_t first, int n, float* to) const {
    Floats sum = splat(0.0f);
    int f = 0;
    for (; f + kLanes <= n; f += kLanes) {
      const Floats v = scaled(x + f, first + f);
      store(to + f, v);
      sum = M::size(sum, v);
    }
    float rest = 0;
    for (; f < n; ++f) {
      to[f] = (float)((as_double(x[f]) - center_[first + f]) * scale_);
      rest += M::size(to[f]);
    }
    return (double)::STEEPEST_ISA::sum(sum) + rest;
  }

  template <bool Squares, class T>
  double summed(const T* x, const double* z) const {
    constexpr int kSums = 16;
    const int64_t D = task_.X.features;
    double part[kSums] = {}, all = 0;
    auto add = [&](int i, int64_t f) {
      const double a = as_double(x[f]) * scale_ - z[f] * scale_;
      part[i] += Squares ? a * a : std::abs(a);
    };
    int64_t f = 0;
    for (; f + kSums <= D; f += kSums)
      for (int i = 0; i < kSums; ++i) add(i, f + i);
    for (int i = 0; f < D; ++i, ++f) add(i, f);
    for (double p : part) all += p;
    return all;
  }

  const Neighbors& task_;
  std::vector<double> center_;
  std::vector<float> rounded_;
  double scale_;
};

// What float32 may be off by, as a share of the two rows' sums of squares (of magnitudes): a sum of n terms in parts of kDepth meets
// kDepth + n / kDepth roundings, each row's own sum as many, and its numbers are rounded themselves.
inline double slack(int64_t features) {
  constexpr double kUnit = 0x1p-24;
  return 2.1 * kUnit * (double)(kDepth + features / 128 + 8) + 20 * kUnit;
}
constexpr double kHuge = 0x1p100, kTiny = 0x1p-80;  // beyond these float32 says nothing

// A row may be near unless  value(x, z) = own(x) - sum x z  or  own(x) + sum |x - z|  is above limit(z). NaN is not above.
template <class M>
float own(double size, double slack) {
  if (!(size < kHuge)) return -std::numeric_limits<float>::infinity();
  return (float)(std::is_same_v<M, FloatProducts> ? (1 - slack) * size / 2 : -slack * size);
}
template <class M>
float limit(double farthest, double size, double slack) {
  if (!(size < kHuge) || !(farthest < kHuge)) return std::numeric_limits<float>::infinity();
  const double least = farthest * (1 + 0x1p-20) + kTiny;
  return (float)(std::is_same_v<M, FloatProducts> ? (least - (1 - slack) * size) / 2 : least + slack * size);
}

}  // namespace
}  // namespace STEEPEST_ISA
