// The two small products that everything stands on, features in the lanes: scores of a few rows, and dW of a few features.
//
// A tile keeps rows x classes (or vectors x classes) sums in registers; its inner loop loads each operand once. Classes go in tiles of at
// most kTile, so that ten classes are two tiles of five (16 registers) or one of ten (32 registers).
#pragma once
#include "simd.hpp"

namespace STEEPEST_ISA {

#if defined(__AVX512F__)
constexpr int kTile = 10;
#else
constexpr int kTile = 5;
#endif

// out[k * ldo + r] = start[k] + sum_f x[r][f] w[k * ldw + f],  r < R <= 2, k < K, f < n (a multiple of kLanes)
//
// With Copy the rows are read where they lie and left in `to`, while those in `next` are asked for: shuffled rows are beyond what the
// hardware foresees, and asked for one line at a time they never wait for one another.
template <class T, int R, int K, bool Copy>
void dot(const T* const* x, const float* w, size_t ldw, int n, const float* start, float* out, size_t ldo, T* to, size_t ldt,
         const T* const* next) {
  Floats acc[R][K];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int k = 0; k < K; ++k) acc[r][k] = splat(0.0f);
  for (int f = 0; f < n; f += kLanes) {
    Floats v[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) v[r] = load(x[r] + f);
    if (Copy) {
      for (int r = 0; r < R; ++r) {
        std::memcpy(to + r * ldt + f, x[r] + f, kLanes * sizeof(T));
        if (f % (64 / sizeof(T)) == 0) __builtin_prefetch(next[r] + f);
      }
    }
#pragma GCC unroll 16
    for (int k = 0; k < K; ++k) {
      Floats u = load(w + k * ldw + f);
      if (R > 1) hold(u);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) acc[r][k] += v[r] * u;
    }
  }
  // Always in fours, so that a row's scores do not depend on whether it had a partner.
#pragma GCC unroll 16
  for (int k = 0; k < K; k += 2) {
    const bool two = k + 1 < K;
    const Four s = sums(acc[0][k], acc[R - 1][k], acc[0][two ? k + 1 : k], acc[R - 1][two ? k + 1 : k]);
    for (int r = 0; r < R; ++r) {
      out[k * ldo + r] = start[k] + s.v[r];
      if (two) out[(k + 1) * ldo + r] = start[k + 1] + s.v[2 + r];
    }
  }
}

// g[k * ldg + f] (+)= sum_r d[k * ldd + r] x[r * ldx + f],  f < V * kLanes, k < K
template <class T, int V, int K>
void outer(const T* x, size_t ldx, const float* d, size_t ldd, int rows, float* g, size_t ldg, bool add) {
  Floats acc[V][K];
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v)
#pragma GCC unroll 16
    for (int k = 0; k < K; ++k) acc[v][k] = splat(0.0f);
  for (int r = 0; r < rows; ++r, x += ldx) {
    Floats u[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) u[v] = load(x + v * kLanes);
#pragma GCC unroll 16
    for (int k = 0; k < K; ++k) {
      const Floats e = splat(d[k * ldd + r]);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) acc[v][k] += u[v] * e;
    }
  }
#pragma GCC unroll 16
  for (int k = 0; k < K; ++k)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      float* at = g + k * ldg + v * kLanes;
      store(at, add ? load(at) + acc[v][k] : acc[v][k]);
    }
}

// Calls F<K>::run for a number of classes known only now.
template <template <int> class F, int K = kTile, class... A>
inline void for_classes(int k, A... a) {
  if constexpr (K > 1) {
    if (k < K) return for_classes<F, K - 1>(k, a...);
  }
  F<K>::run(a...);
}

// Classes in as few tiles as fit, as even as they go: tile i of `tiles` is [first(i), first(i + 1)).
struct Tiles {
  int classes, tiles;
  explicit Tiles(int classes) : classes(classes), tiles((classes + kTile - 1) / kTile) {}
  int first(int i) const { return (int)((int64_t)classes * i / tiles); }
};

}  // namespace STEEPEST_ISA
