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

  // to = ((x - shift) * scale) of the i-th row to visit, features [from, past).
  void take(int64_t i, int from, int past, float* to) const {
    const unsigned char* x = row(data_, i);
    switch (data_.type) {
      case Type::u8: return convert(x, from, past, to);
      case Type::f16: return convert(reinterpret_cast<const uint16_t*>(x), from, past, to);
      case Type::f32: return convert(reinterpret_cast<const float*>(x), from, past, to);
      case Type::f64: {
        const double* numbers = reinterpret_cast<const double*>(x);
        for (int f = from; f < past; ++f) to[f - from] = (float)((numbers[f] - data_.shift[f]) * data_.scale[f]);
      }
    }
  }

  // Asks for the i-th row to visit, features [from, past): shuffled rows come from memory, and would be waited for.
  void ask(int64_t i, int from, int past) const {
    if (i >= data_.count) return;
    const unsigned char* x = row(data_, i);
    const int64_t each = width(data_.type), last = past * each - 1;
    for (int64_t at = from * each; at < last + 64; at += 64) {
      __builtin_prefetch(x + std::min(at, last));
      asm volatile("");  // an effect: without one the compiler removes what calls this
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
  void convert(const T* x, int from, int past, float* to) const {
    const float *high = high_.data(), *low = low_.data(), *scale = scale_.data();
    int f = from;
    for (; f + kLanes <= past; f += kLanes) store(to + (f - from), ((numbers(x + f) - load(high + f)) - load(low + f)) * load(scale + f));
    for (; f < past; ++f) to[f - from] = ((number(x[f]) - high[f]) - low[f]) * scale[f];
  }

  const Data data_;
  std::vector<float> high_, low_, scale_;
};

}  // namespace
}  // namespace STEEPEST_ISA
