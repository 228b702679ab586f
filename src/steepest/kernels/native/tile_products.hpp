// The two products of a sweep in float32: partial scores of a chunk, and its part of dW.
#pragma once
#include <algorithm>
#include <vector>

#include "chunks.hpp"
#include "tiles.hpp"
#include "weights.hpp"

namespace STEEPEST_ISA {
namespace {

template <class T, int R, bool Copy>
struct Dot {
  template <int K>
  struct Of {
    static void run(const T* const* x, const float* w, size_t ldw, int n, const float* start, float* out, size_t ldo, T* to, size_t ldt,
                    const T* const* next) {
      dot<T, R, K, Copy>(x, w, ldw, n, start, out, ldo, to, ldt, next);
    }
  };
};

template <class T, int V>
struct Outer {
  template <int K>
  struct Of {
    static void run(const T* x, size_t ldx, const float* d, size_t ldd, int rows, float* g, size_t ldg, bool add) {
      outer<T, V, K>(x, ldx, d, ldd, rows, g, ldg, add);
    }
  };
};

// T is what the tiles read: uint8_t straight from bytes (few classes), else float.
template <class T>
class TileProducts {
 public:
  static constexpr bool kBytes = sizeof(T) == 1;

  TileProducts(const Data& data, int classes, const std::vector<Chunk>& chunks, Weights<kBytes>& weights, size_t ld, int threads)
      : data_(data), C_(classes), ld_(ld), chunks_(chunks), weights_(weights), tiles_(classes), partial_(chunks.size() * classes * ld),
        packed_(place()) {}

  // To be called when a chunk's weights have changed, before forward().
  void take_weights(size_t i) {}

  void forward(size_t i, int64_t begin, int rows) {
    for (int tile = 0; tile < tiles_.tiles; tile += 2) {  // two tiles of W stay in the first-level cache while the rows pass
      const int last = std::min(tiles_.tiles, tile + 2);
      int r = 0;
      for (; r + 2 <= rows; r += 2) score_rows<2>(i, begin, r, rows, tile, last);
      if (r < rows) score_rows<1>(i, begin, r, rows, tile, last);
    }
  }

  // s[c * ld + r] = b[c] + the partial scores, in chunk order, of rows [first, last).
  void add_partial(const float* b, int first, int last, float* s) const {
    for (int c = 0; c < C_; ++c)
      for (int r = first; r < last; r += kLanes) {
        Floats total = splat(b[c]);
        for (size_t i = 0; i < chunks_.size(); ++i) total += load(partial_.get() + (i * C_ + c) * ld_ + r);
        store(s + c * ld_ + r, total);
      }
  }

  // To be called by each thread with a block's dL/dscores, d[c * ld + r], before backward().
  void take_slopes(int thread, const float* d, int rows) {}

  // G (+)= sum_r d_r x_r for a chunk's features.
  void backward(size_t i, int thread, const float* d, int rows, bool add) {
    const int width = chunks_[i].width;
    int f = 0;
    for (; f + 2 * kLanes <= width; f += 2 * kLanes) outer_tile<2>(i, f, d, rows, add);
    if (f < width) outer_tile<1>(i, f, d, rows, add);
  }

 private:
  static size_t stride(const Chunk& c) { return (size_t)c.width + kPad / sizeof(T); }
  size_t place() {
    size_t at = 0;
    for (const Chunk& c : chunks_) {
      pack_at_.push_back(at);
      at += ld_ * stride(c);
    }
    return at;
  }
  T* packed(size_t i, int r) const { return packed_.get() + pack_at_[i] + (size_t)r * stride(chunks_[i]); }

  // Asks for a row's slice ahead of its turn. Inlined always: as a function of its own it has no effects that the compiler knows of, and
  // is removed.
  [[gnu::always_inline]] void prefetch(int64_t i, const Chunk& c) const {
    const size_t size = data_.type == Type::u8 ? 1 : data_.type == Type::f16 ? 2 : data_.type == Type::f32 ? 4 : 8;
    const unsigned char* p = row(data_, i) + c.first * size;
    for (size_t at = 0; at < c.size * size; at += 64) __builtin_prefetch(p + at);
  }

  template <int R, bool Copy>
  void dot_rows(size_t i, int r, int tile, const T* const* x, const T* const* next) {
    const Chunk& c = chunks_[i];
    const int first = tiles_.first(tile), count = tiles_.first(tile + 1) - first;
    for_classes<Dot<T, R, Copy>::template Of>(count, x, (const float*)weights_.E() + c.at + (size_t)first * c.width, (size_t)c.width, c.width,
                                              weights_.away(i) + first, partial_.get() + (i * C_ + first) * ld_ + r, ld_,
                                              packed(i, r), stride(c), next);
  }

  // Scores of R rows from row r of the block on, in tiles [tile, last); they are packed on the way when `tile` is the first.
  template <int R>
  void score_rows(size_t i, int64_t begin, int r, int rows, int tile, int last) {
    const Chunk& c = chunks_[i];
    const T *x[R], *next[R];
    for (int j = 0; j < R; ++j) x[j] = packed(i, r + j);
    if (tile == 0 && kBytes && c.size == c.width) {  // bytes stay as they are: the first tile packs them as it reads them
      const T* raw[R];
      for (int j = 0; j < R; ++j) {
        raw[j] = reinterpret_cast<const T*>(row(data_, begin + r + j)) + c.first;
        next[j] = reinterpret_cast<const T*>(row(data_, begin + std::min(r + j + kAhead, rows - 1))) + c.first;
      }
      dot_rows<R, true>(i, r, tile++, raw, next);
    } else if (tile == 0) {
      for (int j = r; j < r + R; ++j) {
        if (j + kAhead < rows) prefetch(begin + j + kAhead, c);
        pack(data_, row(data_, begin + j), c, packed(i, j));
      }
    }
    for (; tile < last; ++tile) dot_rows<R, false>(i, r, tile, x, x);
  }

  template <int V>
  void outer_tile(size_t i, int f, const float* d, int rows, bool add) {
    const Chunk& c = chunks_[i];
    for (int tile = 0; tile < tiles_.tiles; ++tile) {
      const int first = tiles_.first(tile), count = tiles_.first(tile + 1) - first;
      for_classes<Outer<T, V>::template Of>(count, (const T*)packed_.get() + pack_at_[i] + f, stride(c), d + first * ld_, ld_, rows,
                                            weights_.G() + c.at + (size_t)first * c.width + f, (size_t)c.width, add);
    }
  }

  static constexpr int kAhead = 4;  // rows asked for before their turn
  static constexpr int kPad = 64;   // bytes after a packed row, so that rows a power of two apart do not share a cache set

  const Data& data_;
  const int C_;
  const size_t ld_;
  const std::vector<Chunk>& chunks_;
  Weights<kBytes>& weights_;
  const Tiles tiles_;
  Aligned<float> partial_;
  std::vector<size_t> pack_at_;
  Aligned<T> packed_;
};

}  // namespace
}  // namespace STEEPEST_ISA
