// The rows of X on their way into a network: gathered, converted and scaled in one pass.
#pragma once
#include <algorithm>
#include <vector>

#include "chunks.hpp"
#include "simd.hpp"

namespace STEEPEST_ISA {
namespace {

class Features {
 public:
  explicit Features(const Data& data) : data_(data), high_(data.features), low_(data.features), scale_(data.features) {
    for (int64_t f = 0; f < data.features; ++f) {
      high_[f] = (float)data.shift[f];
      low_[f] = (float)(data.shift[f] - (double)high_[f]);  // the shift in two floats, for rows that are near it
      scale_[f] = (float)data.scale[f];
    }
  }

  // to = ((x - shift) * scale) of the i-th row to visit. The row to visit `ahead` rows later is asked for meanwhile: shuffled rows come
  // from memory, and this one would be waited for.
  void take(int64_t i, int64_t ahead, float* to) const {
    const unsigned char* from = row(data_, i);
    if (i + ahead < data_.count) {
      const unsigned char* next = row(data_, i + ahead);
      const int64_t bytes = data_.features * width(data_.type);
      for (int64_t b = 0; b < bytes + 63; b += 64) __builtin_prefetch(next + std::min(b, bytes - 1));
    }
    switch (data_.type) {
      case Type::u8: return convert(from, to);
      case Type::f16: return convert(reinterpret_cast<const uint16_t*>(from), to);
      case Type::f32: return convert(reinterpret_cast<const float*>(from), to);
      case Type::f64: {
        const double* x = reinterpret_cast<const double*>(from);
        for (int64_t f = 0; f < data_.features; ++f) to[f] = (float)((x[f] - data_.shift[f]) * data_.scale[f]);
      }
    }
  }

 private:
  static int64_t width(Type type) { return type == Type::u8 ? 1 : type == Type::f16 ? 2 : type == Type::f32 ? 4 : 8; }
  static float number(uint8_t x) { return (float)x; }
  static float number(uint16_t half) { return half_to_float(half); }
  static float number(float x) { return x; }
  static Floats numbers(const uint8_t* x) { return load(x); }
  static Floats numbers(const float* x) { return load(x); }
  static Floats numbers(const uint16_t* halves) {
    Floats v;
    for (int i = 0; i < kLanes; ++i) v[i] = half_to_float(halves[i]);
    return v;
  }

  template <class T>
  void convert(const T* x, float* to) const {
    const float *high = high_.data(), *low = low_.data(), *scale = scale_.data();
    const int64_t n = data_.features;
    int64_t f = 0;
    for (; f + kLanes <= n; f += kLanes) store(to + f, ((numbers(x + f) - load(high + f)) - load(low + f)) * load(scale + f));
    for (; f < n; ++f) to[f] = ((number(x[f]) - high[f]) - low[f]) * scale[f];
  }

  const Data data_;
  std::vector<float> high_, low_, scale_;
};

}  // namespace
}  // namespace STEEPEST_ISA
