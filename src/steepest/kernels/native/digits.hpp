// Floats as three digits of eight bits, so that their products with bytes can be summed as integers.
//
//   a ~ unit * (d0 + 256 d1 + 65536 d2),   -128 <= d <= 127,   unit the power of two that takes the largest |a| below 2^23
//
// One instruction then multiplies 64 bytes by 64 digits. The sums are exact, and what a number loses, at most half a unit, is about what
// float32 loses of the largest. Beside each instruction stands what it does, for processors without it (tests).
#pragma once
#include <cmath>
#include <limits>

#include "simd.hpp"

namespace STEEPEST_ISA {

#if defined(__AVX512VNNI__) || defined(STEEPEST_DIGITS)
constexpr bool kMultipliesBytes = true;
#else
constexpr bool kMultipliesBytes = false;
#endif
constexpr int kDigits = 3;

struct Unit {
  float value, inverse;
};

// The unit for numbers of which the largest |a| has these bits. Not finite: NaN, and so becomes all that is made from the digits.
inline Unit unit_of(int32_t largest) {
  if (largest >= 0x7f800000) return {std::numeric_limits<float>::quiet_NaN(), 0.0f};
  float a, value, inverse;
  std::memcpy(&a, &largest, 4);
  a *= 1.004f;  // the digits end at 127.5 * 65793, a little below 2^23
  int32_t exponent;
  std::memcpy(&exponent, &a, 4);
  exponent = (exponent >> 23) - 126;             // a < 2^exponent
  if (exponent < -100) exponent = -100;          // or the inverse would be infinite
  const int32_t up = (exponent - 23 + 127) << 23, down = (23 - exponent + 127) << 23;
  std::memcpy(&value, &up, 4);
  std::memcpy(&inverse, &down, 4);
  return {value, inverse};
}

// The bits of |a|, which are ordered as |a| is, with what is not finite above all else.
inline Ints magnitude(Floats a) { return (Ints)a & 0x7fffffff; }
inline Ints larger(Ints a, Ints b) {
#if defined(__AVX512F__)
  return (Ints)_mm512_max_epi32((__m512i)a, (__m512i)b);
#else
  return select(a > b, a, b);
#endif
}
inline int32_t largest(Ints a) {
  int32_t part[kLanes], most = 0;
  std::memcpy(part, &a, sizeof a);
  for (int32_t p : part) most = p > most ? p : most;
  return most;
}

// The digits of a, the three bytes of each lane. Adding 128 to every digit leaves no borrow between them, and the sign bit undoes it.
inline Ints digits(Floats a, Unit unit) {
#if defined(__AVX512F__)
  const Ints n = (Ints)_mm512_cvtps_epi32((__m512)(a * unit.inverse));
#else
  const Floats scaled = a * unit.inverse;
  const Ints n = to_ints(scaled + select(scaled < 0.0f, splat(-0.5f), splat(0.5f)));
#endif
  return (n + 0x808080) ^ 0x808080;
}

// Of each four lanes of four bytes: lane d gets the four bytes d.
inline Ints transposed(Ints a) {
#if defined(__AVX512BW__)
  const __m512i by = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  return (Ints)_mm512_shuffle_epi8((__m512i)a, by);
#else
  uint8_t from[kLanes * 4], to[kLanes * 4];
  std::memcpy(from, &a, sizeof a);
  for (int i = 0; i < kLanes * 4; ++i) to[i] = from[i / 16 * 16 + i % 4 * 4 + i / 4 % 4];
  std::memcpy(&a, to, sizeof a);
  return a;
#endif
}

// Lane by lane, sum + x0 d0 + x1 d1 + x2 d2 + x3 d3 for four bytes x and four digits d.
inline Ints dot4(Ints sum, Ints x, Ints d) {
#if defined(__AVX512VNNI__)
  return (Ints)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)x, (__m512i)d);
#else
  uint8_t bytes[kLanes * 4];
  int8_t digit[kLanes * 4];
  int32_t total[kLanes];
  std::memcpy(bytes, &x, sizeof x);
  std::memcpy(digit, &d, sizeof d);
  std::memcpy(total, &sum, sizeof sum);
  for (int i = 0; i < kLanes * 4; ++i) total[i / 4] += (int32_t)bytes[i] * digit[i];
  std::memcpy(&sum, total, sizeof sum);
  return sum;
#endif
}

inline Ints load_ints(const void* p) {
  Ints v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline void store_ints(void* p, Ints v) { std::memcpy(p, &v, sizeof v); }
inline Ints repeat4(const void* p) {  // four bytes, in every lane
  int32_t word;
  std::memcpy(&word, p, 4);
  return splat(word);
}

// Lane k of the result is lane 3 k + d of the vectors a, b one after the other.
inline Ints every_third(Ints a, Ints b, int d) {
#if defined(__AVX512F__)
  const __m512i from = _mm512_setr_epi32(0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 30, 30, 30, 30, 30);
  return (Ints)_mm512_permutex2var_epi32((__m512i)a, _mm512_add_epi32(from, _mm512_set1_epi32(d)), (__m512i)b);
#else
  int32_t all[2 * kLanes];
  std::memcpy(all, &a, sizeof a);
  std::memcpy(all + kLanes, &b, sizeof b);
  Ints out = splat(0);
  for (int k = 0; 3 * k + d < 2 * kLanes; ++k) out[k] = all[3 * k + d];
  return out;
#endif
}

inline Floats value(Ints d0, Ints d1, Ints d2) { return (to_floats(d2) * 65536.0f + to_floats(d1) * 256.0f) + to_floats(d0); }

// 64 bytes of four rows become four vectors whose lanes hold the four rows' bytes of one feature: lane l of vector j is feature
// 16 (l / 4) + 4 j + l % 4, the order that costs the fewest instructions.
inline void interleave(const uint8_t* const* x, uint8_t* to) {
#if defined(__AVX512BW__)
  const __m512i a = _mm512_loadu_si512(x[0]), b = _mm512_loadu_si512(x[1]), c = _mm512_loadu_si512(x[2]), d = _mm512_loadu_si512(x[3]);
  const __m512i ab = _mm512_unpacklo_epi8(a, b), AB = _mm512_unpackhi_epi8(a, b);
  const __m512i cd = _mm512_unpacklo_epi8(c, d), CD = _mm512_unpackhi_epi8(c, d);
  _mm512_storeu_si512(to, _mm512_unpacklo_epi16(ab, cd));
  _mm512_storeu_si512(to + 64, _mm512_unpackhi_epi16(ab, cd));
  _mm512_storeu_si512(to + 128, _mm512_unpacklo_epi16(AB, CD));
  _mm512_storeu_si512(to + 192, _mm512_unpackhi_epi16(AB, CD));
#else
  for (int j = 0; j < 4; ++j)
    for (int l = 0; l < 16; ++l)
      for (int r = 0; r < 4; ++r) to[64 * j + 4 * l + r] = x[r][16 * (l / 4) + 4 * j + l % 4];
#endif
}

}  // namespace STEEPEST_ISA
