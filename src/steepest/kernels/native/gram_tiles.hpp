// The numbers that a Gram matrix is summed in, and a tile of it: features down, features across, kept in registers over the rows.
//
// Packed rows lie in panels of `panel` features, unit after unit; a unit of a feature is as many rows as one instruction adds up. A tile
// reads both of its sides from panels: down it one unit for a whole vector, across it three vectors.
#pragma once
#include "digits.hpp"
#include "simd.hpp"

namespace STEEPEST_ISA {
namespace {

typedef double Doubles __attribute__((vector_size(kLanes * 4)));

struct SingleSums {
  using Unit = float;
  using Vector = Floats;
  static constexpr int kPack = 1;
  static Vector across(Vector u) { return u; }
  static Vector add(Vector sum, Vector e, Vector u) { return sum + e * u; }
};

struct DoubleSums {
  using Unit = double;
  using Vector = Doubles;
  static constexpr int kPack = 1;
  static Vector across(Vector u) { return u; }
  static Vector add(Vector sum, Vector e, Vector u) { return sum + e * u; }
};

// Bytes: four rows where bytes are multiplied as they are, the side across less 128, for the instruction wants one side signed; else two
// rows, widened to 16 bits. A sum in 32 bits holds 65,793 rows of 255 x 128, or 33,025 of 255 x 255.
struct ByteSums {
  using Unit = int32_t;
  using Vector = Ints;
  static constexpr int kPack = kMultipliesBytes ? 4 : 2;
  static constexpr int kAway = kMultipliesBytes ? 128 : 0;  // what the side across is short of
  static Vector across(Vector u) { return kMultipliesBytes ? u ^ splat((int32_t)0x80808080) : u; }
  static Vector add(Vector sum, Vector e, Vector u) {
    if (kMultipliesBytes) return dot4(sum, e, u);
#if defined(STEEPEST_LANES)
    return sum + (e & 0xffff) * (u & 0xffff) + (e >> 16) * (u >> 16);
#elif defined(__AVX512BW__)
    return sum + (Ints)_mm512_madd_epi16((__m512i)e, (__m512i)u);
#elif defined(__AVX2__)
    return sum + (Ints)_mm256_madd_epi16((__m256i)e, (__m256i)u);
#elif defined(__SSE2__)
    return sum + (Ints)_mm_madd_epi16((__m128i)e, (__m128i)u);
#else
    return sum + (e & 0xffff) * (u & 0xffff) + (e >> 16) * (u >> 16);
#endif
  }
};

constexpr int kAcross = 3;  // vectors
template <class N>
constexpr int lanes = kLanes * 4 / (int)sizeof(typename N::Unit);
template <class N>
constexpr int panel = kAcross * lanes<N>;
#if defined(__AVX512F__)
constexpr int kDown = 8;  // 24 sums, 3 vectors across, 1 unit down: 28 of 32 registers
#else
constexpr int kDown = 3;  // 9 + 3 + 1 of 16, and still sums enough to wait for none
#endif

template <class V>
inline void hold(V& v) {
#if defined(__AVX512F__)
  asm("" : "+v"(v));
#elif defined(__SSE2__) && !defined(STEEPEST_LANES)
  asm("" : "+x"(v));
#endif
}

// c[r * ldc + n] (+)= sum_k a[k * panel + r] b[k * panel + n],  r < kDown, n < panel, k over units. Each call sums from zero, so that the
// rounding of a long sum is that of its parts.
template <class N>
void gram_tile(const typename N::Unit* a, const typename N::Unit* b, int units, typename N::Unit* c, size_t ldc, bool add) {
  using Vector = typename N::Vector;
  static_assert(panel<N> % kDown == 0);
  Vector sums[kDown][kAcross];
#pragma GCC unroll 8
  for (int r = 0; r < kDown; ++r)
#pragma GCC unroll 3
    for (int v = 0; v < kAcross; ++v) sums[r][v] = Vector{};
  for (int k = 0; k < units; ++k, a += panel<N>, b += panel<N>) {
    Vector u[kAcross];
#pragma GCC unroll 3
    for (int v = 0; v < kAcross; ++v) {
      std::memcpy(&u[v], b + v * lanes<N>, sizeof u[v]);
      u[v] = N::across(u[v]);
      hold(u[v]);
    }
#pragma GCC unroll 8
    for (int r = 0; r < kDown; ++r) {
      Vector e = a[r] - Vector{};
      hold(e);
#pragma GCC unroll 3
      for (int v = 0; v < kAcross; ++v) sums[r][v] = N::add(sums[r][v], e, u[v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kDown; ++r)
#pragma GCC unroll 3
    for (int v = 0; v < kAcross; ++v) {
      typename N::Unit* at = c + r * ldc + v * lanes<N>;
      Vector before{};
      if (add) std::memcpy(&before, at, sizeof before);
      before += sums[r][v];
      std::memcpy(at, &before, sizeof before);
    }
}

}  // namespace
}  // namespace STEEPEST_ISA
