// Matrix products of a network: tiles of rows x panel kept in registers, the panel's columns in the lanes.
//
// A matrix on the right is stored in panels of kPanel columns (the last may be one or three vectors wide), row by row within a panel,
// so that a tile reads it in one stream. A matrix on the left is read where it lies: one number for a whole row of the tile.
#pragma once
#include <algorithm>

#include "operands.hpp"

namespace STEEPEST_ISA {
namespace {

constexpr int kPanel = 2 * kLanes;
#if defined(__AVX512F__)
constexpr int kTileRows = 14;  // 28 sums, 2 vectors of the panel, 1 number: 31 of 32 registers
constexpr int kWideRows = 9;   // of three vectors: 27 + 3 + 1
#else
constexpr int kTileRows = 6;  // 12 + 2 + 1 of 16
constexpr int kWideRows = 4;  // 12 + 3 + 1
#endif

#if defined(__AVX512F__) && !defined(STEEPEST_LANES)
typedef float HalfFloats __attribute__((vector_size(32)));
inline HalfFloats load_half(const float* p) { return (HalfFloats)_mm256_loadu_ps(p); }
inline HalfFloats lower(Floats v) { return (HalfFloats)_mm512_castps512_ps256((__m512)v); }
inline Floats widened(HalfFloats v) { return (Floats)_mm512_insertf32x8(_mm512_setzero_ps(), (__m256)v, 0); }
template <class N>
constexpr bool kHalves = N::kPack == 1;
#else
typedef Floats HalfFloats;
inline HalfFloats load_half(const float* p) { return load(p); }
inline HalfFloats lower(Floats v) { return v; }
inline Floats widened(HalfFloats v) { return v; }
template <class N>
constexpr bool kHalves = false;
#endif

// The columns of a matrix in panels. Where `merged`, a last vector that would stand alone belongs to the panel before it.
struct Panels {
  int columns;
  bool merged = false;
  int padded() const { return (columns + kLanes - 1) / kLanes * kLanes; }
  int count() const { return merged ? std::max(1, padded() / kPanel) : (padded() + kPanel - 1) / kPanel; }
  bool half(int p) const { return p + 1 == count() && padded() - columns >= kLanes / 2; }  // whether its last vector is, at most
  int vectors(int p) const { return p + 1 < count() ? 2 : padded() / kLanes - 2 * p; }
  size_t at(int p, int rows) const { return (size_t)p * kPanel * rows; }  // where panel p of a matrix of so many rows begins
};

// c[r * ldc + n] (+)= sum_k a[r * row + k * step] b[k * ldb + n],  r < R, n < V * kLanes, k over units of N. H: the upper half of the
// last vector is nothing but padding, and is left zero: half a vector takes half the time where whole ones are done in two halves.
template <class N, int R, int V, bool H>
void tile(const float* a, size_t row, size_t step, const float* b, size_t ldb, int depth, float* c, size_t ldc, bool add) {
  constexpr int kWhole = H ? V - 1 : V;
  Floats sums[R][V];
  HalfFloats rest[H ? R : 1];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 3
    for (int v = 0; v < kWhole; ++v) sums[r][v] = add ? load(c + r * ldc + v * kLanes) : splat(0.0f);
    if (H) rest[r] = add ? load_half(c + r * ldc + kWhole * kLanes) : HalfFloats{};
  }
  for (int k = 0; k < depth; ++k, a += step, b += ldb) {
    Floats u[V];
#pragma GCC unroll 3
    for (int v = 0; v < kWhole; ++v) {
      u[v] = load(b + v * kLanes);
      hold(u[v]);
    }
    HalfFloats last{};
    if (H) last = load_half(b + kWhole * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      Floats e = splat(a[r * row]);
      if (V > 1) hold(e);
#pragma GCC unroll 3
      for (int v = 0; v < kWhole; ++v) sums[r][v] = N::add(sums[r][v], e, u[v]);
      if (H) rest[r] += lower(e) * last;
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 3
    for (int v = 0; v < kWhole; ++v) store(c + r * ldc + v * kLanes, sums[r][v]);
    if (H) store(c + r * ldc + kWhole * kLanes, widened(rest[r]));
  }
}

using Tile = void (*)(const float*, size_t, size_t, const float*, size_t, int, float*, size_t, bool);

template <class N, int R = kTileRows>
Tile tile_of(int rows, int vectors, bool half = false) {
  if constexpr (R > 1) {
    if (rows < R) return tile_of<N, R - 1>(rows, vectors, half);
  }
  if constexpr (R <= kWideRows) {
    if (vectors == 3) return half && kHalves<N> ? tile<N, R, 3, kHalves<N>> : tile<N, R, 3, false>;
  }
  return vectors == 1 ? tile<N, R, 1, false> : tile<N, R, 2, false>;
}

// Rows in as few tiles as fit, as even as they go.
struct RowTiles {
  int rows, tiles;
  RowTiles(int rows, int vectors) : rows(rows) {
    const int most = vectors == 3 ? kWideRows : kTileRows;
    tiles = (rows + most - 1) / most;
  }
  int first(int i) const { return (int)((int64_t)rows * i / tiles); }
  int size(int i) const { return first(i + 1) - first(i); }
};

// C (rows x columns) = A B over `depth` units from unit `from` on: A row by row, B in panels of `height` units, C with its columns
// padded to whole vectors.
template <class N>
void product(const float* a, size_t lda, const float* b, Panels columns, int height, int from, int depth, int rows, float* c, size_t ldc) {
  for (int p = 0; p < columns.count(); ++p) {
    const int vectors = columns.vectors(p);
    const RowTiles tiles(rows, vectors);
    const float* right = b + columns.at(p, height) + (size_t)from * vectors * kLanes;
    for (int i = 0; i < tiles.tiles; ++i) {
      const int r = tiles.first(i);
      tile_of<N>(tiles.size(i), vectors, columns.half(p))(a + r * lda, lda, 1, right, vectors * kLanes, depth, c + r * ldc + p * kPanel, ldc, false);
    }
  }
}

}  // namespace
}  // namespace STEEPEST_ISA
