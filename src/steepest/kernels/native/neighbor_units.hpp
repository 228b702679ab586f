// What rows x and z make of each other, one unit of 32 or 64 bits at a time: products or differences, of floats or of bytes.
//
// A lane belongs to one query z; a unit of x is the same for all lanes. Vectors are Floats here whatever they hold. Sums over bytes are
// exact: 32 bits hold |x - z|^2 over a span of features, whatever overflows on the way, for all is modulo 2^32.
#pragma once
#include <limits>

#include "digits.hpp"
#include "operands.hpp"

namespace STEEPEST_ISA {
namespace {

typedef uint32_t Words __attribute__((vector_size(kLanes * 4)));

constexpr int64_t kSpan = 65536;  // features of bytes whose |x - z|^2 is below 2^32
constexpr int kDepth = 256;       // units that a tile goes through: its part of a panel stays in the second-level cache
constexpr int kStride = kDepth + 16;

template <class T>
Floats repeat(const T* unit) {
  typedef T Vector __attribute__((vector_size(kLanes * 4)));
  return (Floats)(*unit - Vector{});
}

inline uint32_t total(Words v) {
  uint32_t part[kLanes], all = 0;
  std::memcpy(part, &v, sizeof v);
  for (uint32_t p : part) all += p;
  return all;
}

// Of each lane, whether the mask is set.
inline uint32_t bits(Ints mask) {
#if defined(__AVX512DQ__) && !defined(STEEPEST_LANES)
  return _mm512_movepi32_mask((__m512i)mask);
#elif defined(__AVX2__) && !defined(STEEPEST_LANES)
  return (uint32_t)_mm256_movemask_ps((__m256)mask);
#elif defined(__SSE2__) && !defined(STEEPEST_LANES)
  return (uint32_t)_mm_movemask_ps((__m128)mask);
#else
  uint32_t set = 0;
  for (int i = 0; i < kLanes; ++i) set |= (uint32_t)(mask[i] < 0) << i;
  return set;
#endif
}

// sum + x z.
struct FloatProducts {
  using Unit = float;
  static constexpr bool kBytes = false;
  static constexpr int kFeatures = 1;  // in a unit
  static constexpr int kParts = 1;     // vectors that the units of kLanes queries fill
#if defined(__AVX512F__)
  static constexpr int kRows = 14;  // of a tile: 28 sums, 2 vectors of queries, 1 unit: 31 of 32 registers
#else
  static constexpr int kRows = 6;  // 12 + 2 + 1 of 16
#endif
  static Floats add(Floats sum, Floats x, Floats z) { return sum + x * z; }
  static Floats size(Floats sum, Floats x) { return sum + x * x; }
  static float size(float x) { return x * x; }
};

// sum + |x - z|.
struct FloatDifferences {
  using Unit = float;
  static constexpr bool kBytes = false;
  static constexpr int kFeatures = 1, kParts = 1;
#if defined(__AVX512F__)
  static constexpr int kRows = 12;
#else
  static constexpr int kRows = 5;
#endif
  static Floats magnitude(Floats a) { return (Floats)((Ints)a & 0x7fffffff); }
  static Floats add(Floats sum, Floats x, Floats z) { return sum + magnitude(x - z); }
  static Floats size(Floats sum, Floats x) { return sum + magnitude(x); }
  static float size(float x) { return x < 0 ? -x : x; }
};

// Bytes four by four: sum + x (z - 128), for the instruction multiplies by signed ones.
//
//   |x - z|^2 = sum x (x - 128) - 128 sum x  +  sum z^2  -  2 sum x (z - 128)
struct ByteProducts {
  using Unit = uint32_t;
  static constexpr bool kBytes = true;
  static constexpr int kFeatures = 4, kParts = 1;
  static constexpr int kRows = 14;
  static Floats add(Floats sum, Floats x, Floats z) { return (Floats)dot4((Ints)sum, (Ints)x, (Ints)z); }

  // Leaves n bytes as units, zeros beyond them; returns what the row alone adds to |x - z|^2.
  static uint32_t pack(const uint8_t* x, int n, Unit* to) {
    constexpr int kVector = kLanes * 4;
    Words size{};
    auto take = [&](const uint8_t* from, Unit* at) {
      const Ints v = load_ints(from);
      store_ints(at, v);
      size += (Words)dot4(splat(0), v, v ^ (int32_t)0x80808080) - ((Words)dot4(splat(0), v, splat(0x01010101)) << 7);
    };
    int f = 0;
    for (; f + kVector <= n; f += kVector) take(x + f, to + f / 4);
    if (f < n) {
      uint8_t rest[kVector] = {};
      std::memcpy(rest, x + f, (size_t)(n - f));
      take(rest, to + f / 4);
    }
    return total(size);
  }
  static uint32_t pack_query(const uint8_t* z, int n, Unit* to) {
    uint32_t size = 0, word = 0;
    for (int f = 0; f < n; ++f) {
      size += (uint32_t)z[f] * z[f];
      word |= (uint32_t)(z[f] ^ 0x80) << f % 4 * 8;
      if (f % 4 == 3 || f + 1 == n) to[f / 4] = word, word = 0;
    }
    return size;
  }
  static Words distance(Floats sum, uint32_t x, Words z) { return (x - Words{}) + z - 2 * (Words)sum; }
};

// Bytes widened, two by two: sum + x z.
struct PairProducts {
  using Unit = uint32_t;
  static constexpr bool kBytes = true;
  static constexpr int kFeatures = 2, kParts = 1;
  static constexpr int kRows = FloatDifferences::kRows;
  static Floats add(Floats sum, Floats x, Floats z) {
#if defined(__AVX512BW__) && !defined(STEEPEST_LANES)
    return (Floats)((Words)sum + (Words)_mm512_madd_epi16((__m512i)x, (__m512i)z));
#elif defined(__AVX2__) && !defined(STEEPEST_LANES)
    return (Floats)((Words)sum + (Words)_mm256_madd_epi16((__m256i)x, (__m256i)z));
#elif defined(__SSE2__) && !defined(STEEPEST_LANES)
    return (Floats)((Words)sum + (Words)_mm_madd_epi16((__m128i)x, (__m128i)z));
#else
    const Words a = (Words)x, b = (Words)z;
    return (Floats)((Words)sum + (a & 0xffff) * (b & 0xffff) + (a >> 16) * (b >> 16));
#endif
  }

  static uint32_t pack(const uint8_t* x, int n, Unit* to) {
    typedef uint8_t Narrow __attribute__((vector_size(kLanes * 2)));
    typedef uint16_t Wide __attribute__((vector_size(kLanes * 4)));
    constexpr int kVector = kLanes * 2;
    Floats size = splat(0.0f);
    auto take = [&](const uint8_t* from, Unit* at) {
      Narrow bytes;
      std::memcpy(&bytes, from, sizeof bytes);
      const Floats v = (Floats)__builtin_convertvector(bytes, Wide);
      store((float*)at, v);
      size = add(size, v, v);
    };
    int f = 0;
    for (; f + kVector <= n; f += kVector) take(x + f, to + f / 2);
    if (f < n) {
      uint8_t rest[kVector] = {};
      std::memcpy(rest, x + f, (size_t)(n - f));
      take(rest, to + f / 2);
    }
    return total((Words)size);
  }
  static uint32_t pack_query(const uint8_t* z, int n, Unit* to) { return pack(z, n, to); }
  static Words distance(Floats sum, uint32_t x, Words z) { return (x - Words{}) + z - 2 * (Words)sum; }
};

// Bytes eight by eight: sum + |x - z|, in 64 bits until the tile is done.
struct ByteDifferences {
  using Unit = uint64_t;
  static constexpr bool kBytes = true;
  static constexpr int kFeatures = 8, kParts = 2;
#if defined(__AVX512F__)
  static constexpr int kRows = 6;  // 24 sums, 4 vectors of queries, 1 unit, 1 of differences
#else
  static constexpr int kRows = 2;  // 8 + 4 + 1 + 1 of 16
#endif
  typedef uint64_t Longs __attribute__((vector_size(kLanes * 4)));
  static Floats add(Floats sum, Floats x, Floats z) {
#if defined(__AVX512BW__) && !defined(STEEPEST_LANES)
    return (Floats)((Longs)sum + (Longs)_mm512_sad_epu8((__m512i)x, (__m512i)z));
#elif defined(__AVX2__) && !defined(STEEPEST_LANES)
    return (Floats)((Longs)sum + (Longs)_mm256_sad_epu8((__m256i)x, (__m256i)z));
#elif defined(__SSE2__) && !defined(STEEPEST_LANES)
    return (Floats)((Longs)sum + (Longs)_mm_sad_epu8((__m128i)x, (__m128i)z));
#else
    uint8_t a[kLanes * 4], b[kLanes * 4];
    uint64_t each[kLanes / 2] = {};
    std::memcpy(a, &x, sizeof x);
    std::memcpy(b, &z, sizeof z);
    for (int i = 0; i < kLanes * 4; ++i) each[i / 8] += a[i] < b[i] ? b[i] - a[i] : a[i] - b[i];
    Longs apart;
    std::memcpy(&apart, each, sizeof apart);
    return (Floats)((Longs)sum + apart);
#endif
  }

  static uint32_t pack(const uint8_t* x, int n, Unit* to) {
    to[(n - 1) / 8] = 0;
    std::memcpy(to, x, (size_t)n);
    return 0;
  }
  static uint32_t pack_query(const uint8_t* z, int n, Unit* to) { return pack(z, n, to); }
  static Words distance(Floats sum, uint32_t x, Words z) { return (Words)sum; }
};

constexpr int kQueries = 2 * kLanes;  // in a panel, the last of which may be one vector

// sums[r * kQueries + q] (+)= what rows x and z make of each other over `depth` units, r < kRows, q < V * kLanes. Rows of x are kStride
// units apart; queries lie unit by unit.
template <class M, int V>
void meet(const typename M::Unit* x, const typename M::Unit* z, int depth, float* sums, bool add) {
  constexpr int kVectors = V * M::kParts, kPer = kLanes / M::kParts;
  Floats acc[M::kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < M::kRows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) acc[r][v] = splat(0.0f);
  for (int k = 0; k < depth; ++k, ++x, z += kVectors * kPer) {
    Floats u[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      u[v] = load((const float*)(z + v * kPer));
      hold(u[v]);
    }
#pragma GCC unroll 16
    for (int r = 0; r < M::kRows; ++r) {
      Floats e = repeat(x + r * kStride);
      if (kVectors > 1) hold(e);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        acc[r][v] = M::add(acc[r][v], e, u[v]);
        hold(acc[r][v]);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < M::kRows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      Floats sum = acc[r][v * M::kParts];
      if constexpr (M::kParts == 2) {  // the lower halves, which hold all of it
        Ints lane;
        for (int i = 0; i < kLanes; ++i) lane[i] = 2 * i;
        sum = gathered(sum, acc[r][2 * v + 1], lane);
      }
      float* at = sums + r * kQueries + v * kLanes;
      if (add) sum = M::kBytes ? (Floats)((Words)load(at) + (Words)sum) : load(at) + sum;
      store(at, sum);
    }
}

}  // namespace
}  // namespace STEEPEST_ISA
