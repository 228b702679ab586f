// Matrix products of a network: tiles of rows x panel kept in registers, the panel's columns in the lanes.
//
// A matrix on the right is stored in panels of kPanel columns (the last may be one vector wide), row by row within a panel, so that a
// tile reads it in one stream. A matrix on the left is read where it lies: one number for a whole row of the tile.
#pragma once
#include <algorithm>

#include "operands.hpp"

namespace STEEPEST_ISA {
namespace {

constexpr int kPanel = 2 * kLanes;
#if defined(__AVX512F__)
constexpr int kTileRows = 14;  // 28 sums, 2 vectors of the panel, 1 number: 31 of 32 registers
#else
constexpr int kTileRows = 6;  // 12 + 2 + 1 of 16
#endif

// The columns of a matrix in panels.
struct Panels {
  int columns;
  int padded() const { return (columns + kLanes - 1) / kLanes * kLanes; }
  int count() const { return (padded() + kPanel - 1) / kPanel; }
  int vectors(int p) const { return std::min(2, padded() / kLanes - 2 * p); }
  size_t at(int p, int rows) const { return (size_t)p * kPanel * rows; }  // where panel p of a matrix of so many rows begins
};

// c[r * ldc + n] (+)= sum_k a[r * row + k * step] b[k * ldb + n],  r < R, n < V * kLanes, k over units of N
template <class N, int R, int V>
void tile(const float* a, size_t row, size_t step, const float* b, size_t ldb, int depth, float* c, size_t ldc, bool add) {
  Floats sums[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) sums[r][v] = add ? load(c + r * ldc + v * kLanes) : splat(0.0f);
  for (int k = 0; k < depth; ++k, a += step, b += ldb) {
    Floats u[V];
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      u[v] = load(b + v * kLanes);
      hold(u[v]);
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      Floats e = splat(a[r * row]);
      if (V > 1) hold(e);
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) sums[r][v] = N::add(sums[r][v], e, u[v]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) store(c + r * ldc + v * kLanes, sums[r][v]);
}

using Tile = void (*)(const float*, size_t, size_t, const float*, size_t, int, float*, size_t, bool);

template <class N, int R = kTileRows>
Tile tile_of(int rows, int vectors) {
  if constexpr (R > 1) {
    if (rows < R) return tile_of<N, R - 1>(rows, vectors);
  }
  return vectors == 1 ? tile<N, R, 1> : tile<N, R, 2>;
}

// Rows in as few tiles as fit, as even as they go.
struct RowTiles {
  int rows, tiles;
  explicit RowTiles(int rows) : rows(rows), tiles((rows + kTileRows - 1) / kTileRows) {}
  int first(int i) const { return (int)((int64_t)rows * i / tiles); }
  int size(int i) const { return first(i + 1) - first(i); }
};

// C (rows x columns) = A B over `depth` units from unit `from` on: A row by row, B in panels of `height` units, C with its columns
// padded to whole vectors.
template <class N>
void product(const float* a, size_t lda, const float* b, Panels columns, int height, int from, int depth, int rows, float* c, size_t ldc) {
  const RowTiles tiles(rows);
  for (int p = 0; p < columns.count(); ++p) {
    const int vectors = columns.vectors(p);
    const float* right = b + columns.at(p, height) + (size_t)from * vectors * kLanes;
    for (int i = 0; i < tiles.tiles; ++i) {
      const int r = tiles.first(i);
      tile_of<N>(tiles.size(i), vectors)(a + r * lda, lda, 1, right, vectors * kLanes, depth, c + r * ldc + p * kPanel, ldc, false);
    }
  }
}

}  // namespace
}  // namespace STEEPEST_ISA
