// The numbers that products are made of: floats, or pairs of bfloat16 whose products are summed in float.
//
// A product reads its operands in units of 32 bits: one float, or two neighbours along the sum in bfloat16. So one tile serves both.
#pragma once
#include "chunks.hpp"
#include "simd.hpp"

namespace STEEPEST_ISA {
namespace {

struct Single {
  static constexpr int kPack = 1;
  static Floats add(Floats sum, Floats e, Floats u) { return sum + e * u; }
};

struct Brain {
  static constexpr int kPack = 2;
  static Floats add(Floats sum, Floats e, Floats u) {
#if defined(__AVX512BF16__) && !defined(STEEPEST_LANES)
    return (Floats)_mm512_dpbf16_ps((__m512)sum, (__m512bh)(__m512)e, (__m512bh)(__m512)u);
#else
    const auto first = [](Floats pair) { return (Floats)((Ints)pair << 16); };
    const auto second = [](Floats pair) { return (Floats)((Ints)pair & (Ints)splat((int32_t)0xffff0000)); };
    return sum + second(e) * second(u) + first(e) * first(u);
#endif
  }
};

// Units of `of` numbers along a sum.
template <class N>
constexpr int units(int of) {
  return (of + N::kPack - 1) / N::kPack;
}

// bfloat16 of x, nearest even, in the upper half of each lane; the lower half is not yet cleared. NaN stays NaN.
inline Ints rounded(Floats x) {
  const Ints bits = (Ints)x;
  return select(x == x, bits + 0x7fff + ((bits >> 16) & 1), bits | 0x400000);
}
inline Floats paired(Floats first, Floats second) {
  return (Floats)(((rounded(first) >> 16) & 0xffff) | (rounded(second) & (Ints)splat((int32_t)0xffff0000)));
}
inline void store_rounded(uint16_t* to, Floats x) {
  typedef uint16_t Halves __attribute__((vector_size(kLanes * 2)));
  const Halves halves = __builtin_convertvector(rounded(x) >> 16, Halves);
  std::memcpy(to, &halves, sizeof halves);
}

// Rows of numbers in flight, and their forms as operands: `along` a row is summed over its columns, `across` over the rows.
template <class N>
struct Values {
  size_t ld;  // from one row to the next: an odd number of cache lines, so that rows do not meet in the same sets
  Aligned<float> a, along_, across_;

  Values(int rows, int columns, bool along, bool across)
      : ld(((size_t)(columns + 15) / 16 | 1) * 16), a(rows * ld), along_(N::kPack > 1 && along ? rows * ld / 2 : 0),
        across_(N::kPack > 1 && across ? (size_t)(rows + 1) / 2 * ld : 0) {}

  float* at(int r, int j) { return a.get() + r * ld + j; }
  const float* along(int r, int j) const { return N::kPack == 1 ? a.get() + r * ld + j : along_.get() + (r * ld + j) / 2; }
  const float* across(int r, int j) const { return N::kPack == 1 ? a.get() + r * ld + j : across_.get() + r / 2 * ld + j; }
  size_t along_ld() const { return ld / N::kPack; }

  // Brings the forms up to date: rows [first, last), columns [from, to); first and from are even. A last row without a neighbour has zeros.
  void form(int first, int last, int from, int to) {
    if (N::kPack == 1) return;
    const auto halves = reinterpret_cast<uint16_t*>(along_.get());
    for (int r = first; r < last; r += 2) {
      const float *one = a.get() + r * ld, *two = one + ld;
      const bool both = r + 1 < last;
      for (int j = from; j < to; j += kLanes) {
        const Floats x = load(one + j), y = both ? load(two + j) : splat(0.0f);
        if (halves) store_rounded(halves + r * ld + j, x);
        if (halves && both) store_rounded(halves + (r + 1) * ld + j, y);
        if (across_.get()) store(across_.get() + r / 2 * ld + j, paired(x, y));
      }
    }
  }
};

// Lanes of the pair (a, b), counted through both.
inline Floats gathered(Floats a, Floats b, Ints lanes) {
#if defined(__clang__)
  Floats out;
  for (int i = 0; i < kLanes; ++i) out[i] = lanes[i] < kLanes ? a[lanes[i]] : b[lanes[i] - kLanes];
  return out;
#else
  return __builtin_shuffle(a, b, lanes);
#endif
}

// Turns a square of vectors: row i, lane j <-> row j, lane i. Each round swaps the off-diagonal quarters of squares of twice `width`.
inline void turn(Floats (&v)[kLanes]) {
  Ints lane;
  for (int i = 0; i < kLanes; ++i) lane[i] = i;
#pragma GCC unroll 4
  for (int width = 1; width < kLanes; width *= 2) {
    const Ints left = (lane & width) == 0;
    const Ints low = select(left, lane, lane - width + kLanes), high = select(left, lane + width, lane + kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i)
      if (!(i & width)) {
        const Floats a = v[i], b = v[i + width];
        v[i] = gathered(a, b, low);
        v[i + width] = gathered(a, b, high);
      }
  }
}

}  // namespace
}  // namespace STEEPEST_ISA
