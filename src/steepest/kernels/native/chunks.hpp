// The pieces that features are cut into, and how a row's slice is copied into one.
#pragma once
#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "simd.hpp"
#include "sweep.hpp"

namespace STEEPEST_ISA {
namespace {

using namespace steepest;

constexpr int kBlock = 256;  // rows in flight: their packed slices stay in the second-level cache between the two products
constexpr int kWidth = 768;  // features in a chunk: ten rows of W of it stay in the first-level cache

template <class T>
struct Aligned {
  explicit Aligned(size_t n) : p(n ? static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t(64))) : nullptr) { std::fill_n(p.get(), n, T(0)); }
  struct Free {
    void operator()(T* q) const { ::operator delete(q, std::align_val_t(64)); }
  };
  std::unique_ptr<T[], Free> p;
  T* get() const { return p.get(); }
};

struct Chunk {
  int64_t first;    // feature
  int size, width;  // features it holds; rounded up to whole vectors
  size_t at;        // where its (classes x width) block begins in a chunk-major array
};

inline std::vector<Chunk> cut(int64_t features, int classes) {
  int count = (int)((features + kWidth - 1) / kWidth);
  if (count % 2 && features >= 256) ++count;  // even counts share well among threads
  std::vector<Chunk> chunks;
  const int64_t step = std::max<int64_t>(32, ((features + count - 1) / count + 31) / 32 * 32);
  for (int64_t first = 0; first < features; first += step) {
    const int size = (int)std::min(step, features - first), width = (size + kLanes - 1) / kLanes * kLanes;
    chunks.push_back({first, size, width, chunks.empty() ? 0 : chunks.back().at + (size_t)chunks.back().width * classes});
  }
  return chunks;
}

// The i-th row to visit.
inline const unsigned char* row(const Data& data, int64_t i) {
  return static_cast<const unsigned char*>(data.X) + (data.order ? data.order[i] : i) * data.row_bytes;
}

// One row's slice, converted as it is copied: bytes stay bytes (the tiles widen them), all else becomes x - shift in float.
inline void pack(const Data& data, const unsigned char* from, const Chunk& c, uint8_t* to) { std::memcpy(to, from + c.first, (size_t)c.size); }

// x - shift, the shift in two floats: rows that are all near it would else have moved by what the first rounds away.
inline float less(float x, double shift) {
  const float high = (float)shift;
  return (x - high) - (float)(shift - (double)high);
}

inline void pack(const Data& data, const unsigned char* from, const Chunk& c, float* to) {
  const double* shift = data.shift + c.first;
  switch (data.type) {
    case Type::u8: {
      const uint8_t* x = from + c.first;
      for (int f = 0; f < c.size; ++f) to[f] = less((float)x[f], shift[f]);
      break;
    }
    case Type::f16: {
      const uint16_t* x = reinterpret_cast<const uint16_t*>(from) + c.first;
      for (int f = 0; f < c.size; ++f) to[f] = less(half_to_float(x[f]), shift[f]);
      break;
    }
    case Type::f32: {
      const float* x = reinterpret_cast<const float*>(from) + c.first;
      for (int f = 0; f < c.size; ++f) to[f] = less(x[f], shift[f]);
      break;
    }
    case Type::f64: {
      const double* x = reinterpret_cast<const double*>(from) + c.first;
      for (int f = 0; f < c.size; ++f) to[f] = (float)((x[f] - shift[f]) * data.scale[c.first + f]);  // may be beyond float until scaled
      break;
    }
  }
}

}  // namespace
}  // namespace STEEPEST_ISA
