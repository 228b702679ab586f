// One vector of floats, as wide as the instruction set this file is compiled for.
//
// Arithmetic is written with the compiler's vector extensions (a * b + c becomes one fused instruction where there is one); only what
// they cannot say well is spelled per width here: widening loads and horizontal sums.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace STEEPEST_ISA {

#if defined(STEEPEST_LANES)
constexpr int kLanes = STEEPEST_LANES;  // tests only: the portable code at another width
#elif defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float Floats __attribute__((vector_size(kLanes * 4)));
typedef int32_t Ints __attribute__((vector_size(kLanes * 4)));
typedef uint8_t Bytes __attribute__((vector_size(kLanes)));

inline Floats splat(float a) { return a - Floats{}; }
inline Ints splat(int32_t a) { return a - Ints{}; }

inline Floats load(const float* p) {
  Floats v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float* p, Floats v) { std::memcpy(p, &v, sizeof v); }

// Keeps v in a register: else the compiler loads it again for every use, and loads are what the tiles are short of.
inline void hold(Floats& v) {
#if defined(__AVX512F__)
  asm("" : "+v"(v));
#elif defined(__SSE2__) && !defined(STEEPEST_LANES)
  asm("" : "+x"(v));
#endif
}

inline Floats load(const uint8_t* p) {
#if defined(__AVX512F__) && !defined(STEEPEST_LANES)
  return (Floats)_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i*)p)));
#elif defined(__AVX2__) && !defined(STEEPEST_LANES)
  return (Floats)_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)p)));
#else
  Bytes b;
  std::memcpy(&b, p, sizeof b);
  return __builtin_convertvector(__builtin_convertvector(b, Ints), Floats);
#endif
}

inline float sum(Floats v) {
#if defined(__AVX512F__) && !defined(STEEPEST_LANES)
  return _mm512_reduce_add_ps((__m512)v);
#elif defined(__AVX2__) && !defined(STEEPEST_LANES)
  __m128 q = _mm_add_ps(_mm256_castps256_ps128((__m256)v), _mm256_extractf128_ps((__m256)v, 1));
  q = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
#else
  float part[kLanes], total = 0;
  std::memcpy(part, &v, sizeof v);
  for (int i = 0; i < kLanes; ++i) total += part[i];
  return total;
#endif
}

// The sums of four vectors, {sum a, sum b, sum c, sum d}: adding halves across vectors takes half the work of four sums.
struct Four {
  float v[4];
};
inline Four sums(Floats a, Floats b, Floats c, Floats d) {
  Four out;
#if defined(__AVX2__) && !defined(STEEPEST_LANES)
  auto half = [](Floats x) {
#if defined(__AVX512F__)
    return _mm256_add_ps(_mm512_castps512_ps256((__m512)x), _mm512_extractf32x8_ps((__m512)x, 1));
#else
    return (__m256)x;
#endif
  };
  const __m256 pairs = _mm256_hadd_ps(_mm256_hadd_ps(half(a), half(b)), _mm256_hadd_ps(half(c), half(d)));
  _mm_storeu_ps(out.v, _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps(pairs, 1)));
#else
  out = {{sum(a), sum(b), sum(c), sum(d)}};
#endif
  return out;
}

// While it lives, this thread takes numbers below 1.2e-38 for zero, where the processor can. Means that decay, such as Adam's of features
// that are almost always zero, come to them, and arithmetic on them is many times slower.
class FlushedToZero {
 public:
#if defined(__SSE2__)
  FlushedToZero() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }
  ~FlushedToZero() { _mm_setcsr(before_); }
  FlushedToZero(const FlushedToZero&) = delete;
  FlushedToZero& operator=(const FlushedToZero&) = delete;

 private:
  const unsigned before_;
#else
  FlushedToZero() {}
#endif
};

// Lanes of a where the mask is set (all bits), of b elsewhere.
inline Floats select(Ints mask, Floats a, Floats b) { return (Floats)((mask & (Ints)a) | (~mask & (Ints)b)); }
inline Ints select(Ints mask, Ints a, Ints b) { return (mask & a) | (~mask & b); }
inline Floats max(Floats a, Floats b) { return select(a > b, a, b); }
inline Floats min(Floats a, Floats b) { return select(a < b, a, b); }

inline Floats to_floats(Ints a) { return __builtin_convertvector(a, Floats); }
inline Ints to_ints(Floats a) { return __builtin_convertvector(a, Ints); }

inline Floats root(Floats x) {
#if defined(__AVX512F__) && !defined(STEEPEST_LANES)
  return (Floats)_mm512_sqrt_ps((__m512)x);
#elif defined(__AVX2__) && !defined(STEEPEST_LANES)
  return (Floats)_mm256_sqrt_ps((__m256)x);
#else
  Floats y;
  for (int i = 0; i < kLanes; ++i) y[i] = __builtin_sqrtf(x[i]);
  return y;
#endif
}

// e^x for x <= 88: x = n ln 2 + r with |r| <= ln 2 / 2, Taylor's series of e^r to r^7 (remainder 5e-9), then 2^n through the exponent
// bits. Below -87 the result is 0; NaN stays NaN.
inline Floats exp(Floats x) {
  const Floats clamped = max(min(x, splat(88.0f)), splat(-87.0f));
  const Floats t = clamped * 1.44269504f;
  const Floats n = to_floats(to_ints(t + select(t < 0.0f, splat(-0.5f), splat(0.5f))));
  Floats r = clamped - n * 0.693359375f;  // ln 2 in two parts: the first has few bits, so n times it is exact
  r = r + n * 2.12194440e-4f;
  Floats p = splat(1.0f / 5040);
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const Floats scale = (Floats)((to_ints(n) + 127) << 23);
  const Floats y = select(x < -87.0f, splat(0.0f), p * scale);
  return select(x == x, y, x);
}

// ln(1 + x) for x >= 0 (softmax normalizers, e^-|x|): 1 + x = 2^n m with m in [sqrt(1/2), sqrt(2)), ln m = 2 atanh((m - 1) / (m + 1)).
// Where n = 0, m - 1 is x itself, which 1 + x has rounded.
inline Floats log1p(Floats x) {
  const Floats z = 1.0f + x;
  Ints bits = (Ints)z;
  Ints n = ((bits - 0x3f3504f3) >> 23);
  const Floats m = (Floats)(bits - (n << 23));
  const Floats s = select(n == 0, x, m - 1.0f) / (m + 1.0f), s2 = s * s;
  Floats p = splat(1.0f / 9);
  p = p * s2 + 1.0f / 7;
  p = p * s2 + 1.0f / 5;
  p = p * s2 + 1.0f / 3;
  const Floats y = 2.0f * s + 2.0f * s * s2 * p + to_floats(n) * 0.69314718f;
  return select(z == z, y, z);
}

// IEEE half precision, bit by bit where there is no instruction for it.
inline float half_to_float(uint16_t h) {
#if defined(__F16C__)
  return _cvtsh_ss(h);
#else
  const uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, mantissa = h & 0x3ff;
  uint32_t bits;
  if (exponent == 31) {
    bits = sign | 0x7f800000u | (mantissa << 13);
  } else if (exponent != 0) {
    bits = sign | ((exponent + 112) << 23) | (mantissa << 13);
  } else {  // zero or subnormal: mantissa * 2^-24, exact in float
    const float f = (float)mantissa * 5.9604644775390625e-8f;
    std::memcpy(&bits, &f, 4);
    bits |= sign;
  }
  float f;
  std::memcpy(&f, &bits, 4);
  return f;
#endif
}

}  // namespace STEEPEST_ISA
