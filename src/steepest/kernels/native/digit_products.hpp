// The two products of a sweep over bytes in integers: weights and dL/dscores as three digits of eight bits, sums exact (digits.hpp).
//
// Scores: a lane holds one digit of one class, so ten classes are thirty lanes of two vectors; four bytes of a row meet four features'
// digits in each. dW: a lane holds one feature, four rows' bytes of which meet one digit of their slopes.
#pragma once
#include <algorithm>
#include <vector>

#include "chunks.hpp"
#include "digits.hpp"
#include "weights.hpp"

namespace STEEPEST_ISA {
namespace {

constexpr int kStrip = 64;        // features taken at a time: a cache line of a row
constexpr int kAbreast = 8;       // rows that share a load of the weights
constexpr int kMostClasses = 10;  // their digits fill thirty lanes of two vectors, and as sums thirty of the 32 registers
static_assert(255LL * 128 * kWidth < 1LL << 31 && 255LL * 128 * kBlock < 1LL << 31, "sums of a chunk, of a block, in 32 bits");

// sums[r * V + v] = sum_f x[r][f] w[f], f < size, for the digits in the lanes of vector v. The rows are left interleaved in `to`, strip
// after strip, `ld` from four rows to the next four; those in `next` are asked for meanwhile.
template <int V>
void dot_digits(const uint8_t* const* x, int size, const uint8_t* w, Ints* sums, uint8_t* to, size_t ld, const uint8_t* const* next) {
  Ints acc[kAbreast][V];
#pragma GCC unroll 8
  for (int r = 0; r < kAbreast; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) acc[r][v] = splat(0);
  for (int f = 0; f < size; f += kStrip, to += 4 * kStrip) {
    const uint8_t* at[kAbreast];
    uint8_t tail[kAbreast][kStrip];
    for (int r = 0; r < kAbreast; ++r) at[r] = x[r] + f;
    if (size - f < kStrip) {  // beyond the last feature the digits are zero, but the bytes may not be ours
      std::memset(tail, 0, sizeof tail);
      for (int r = 0; r < kAbreast; ++r) at[r] = static_cast<uint8_t*>(std::memcpy(tail[r], at[r], (size_t)(size - f)));
    }
    for (int r = 0; r < kAbreast; ++r) __builtin_prefetch(next[r] + f);
    for (int r = 0; r < kAbreast; r += 4) interleave(at + r, to + r / 4 * ld);
    for (int q = 0; q < kStrip; q += 4, w += V * 64) {
      Ints u[V];
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) u[v] = load_ints(w + v * 64);
#pragma GCC unroll 8
      for (int r = 0; r < kAbreast; ++r) {
        const Ints four = repeat4(at[r] + q);
#pragma GCC unroll 2
        for (int v = 0; v < V; ++v) acc[r][v] = dot4(acc[r][v], four, u[v]);
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kAbreast; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) sums[r * V + v] = acc[r][v];
}

// For 16 features interleaved in `x` (ld between fours of rows) and K classes of slopes, digit j of class k in g[(3 k + j) * kBlock + row]:
// to[k] = unit[k] * sum_r slope_kr x_r, its lanes in the order of interleave().
template <int K>
void outer_digits(const uint8_t* x, size_t ld, const uint8_t* g, int rows, const float* unit, Floats* to) {
  Ints acc[K][kDigits];
#pragma GCC unroll 10
  for (int k = 0; k < K; ++k)
#pragma GCC unroll 3
    for (int j = 0; j < kDigits; ++j) acc[k][j] = splat(0);
  for (int r = 0; r < rows; r += 4, x += ld, g += 4) {
    const Ints u = load_ints(x);
#pragma GCC unroll 10
    for (int k = 0; k < K; ++k)
#pragma GCC unroll 3
      for (int j = 0; j < kDigits; ++j) acc[k][j] = dot4(acc[k][j], u, repeat4(g + (kDigits * k + j) * kBlock));
  }
#pragma GCC unroll 10
  for (int k = 0; k < K; ++k) to[k] = value(acc[k][0], acc[k][1], acc[k][2]) * unit[k];
}

class DigitProducts {
 public:
  static constexpr bool kBytes = true;

  DigitProducts(const Data& data, int classes, const std::vector<Chunk>& chunks, Weights<true>& weights, size_t ld, int threads)
      : data_(data), C_(classes), ld_(ld), chunks_(chunks), weights_(weights), V_(classes * kDigits < kLanes ? 1 : 2),
        partial_(chunks.size() * ld * kLanes), w_unit_(chunks.size() * kLanes),
        g_((size_t)threads * classes * kDigits * kBlock), g_unit_((size_t)threads * kLanes), w_(place()), packed_(pack_at_.back()) {}

  // The digits of E, of four features a vector (or V_ of them): lane 3 k + j holds digit j of class k.
  void take_weights(size_t i) {
    const Chunk& c = chunks_[i];
    for (int k = 0; k < C_; ++k) {
      const float* E = weights_.E() + c.at + (size_t)k * c.width;
      const Unit unit = unit_of(weights_.largest(i)[k]);
      w_unit_.get()[i * kLanes + k] = unit.value;
      uint8_t* to = w_.get() + w_at_[i] + (size_t)k * kDigits * 4;
      for (int f = 0; f < c.width; f += kLanes) {
        uint8_t four[kLanes * 4];
        store_ints(four, transposed(digits(load(E + f), unit)));
        // Sixteen bytes for twelve: the rest falls on the next class, whose turn is to come, or on a lane that nobody reads.
        for (int q = 0; q < kLanes / 4; ++q, to += V_ * 64) std::memcpy(to, four + 16 * q, 16);
      }
    }
  }

  void forward(size_t i, int64_t begin, int rows) {
    if (V_ == 1) return score_rows<1>(i, begin, rows);
    score_rows<2>(i, begin, rows);
  }

  void add_partial(const float* b, int first, int last, float* s) const {
    for (int r = first; r < last; ++r) {
      Floats total = load(b);
      for (size_t i = 0; i < chunks_.size(); ++i) total += load(partial_.get() + (i * ld_ + r) * kLanes);
      float score[kLanes];
      store(score, total);
      for (int k = 0; k < C_; ++k) s[k * ld_ + r] = score[k];
    }
  }

  // Every thread takes all slopes for itself: that is less work than a barrier.
  void take_slopes(int thread, const float* d, int rows) {
    for (int k = 0; k < C_; ++k) {
      Ints most = splat(0);
      for (int r = 0; r < rows; r += kLanes) most = larger(most, magnitude(load(d + k * ld_ + r)));
      const Unit unit = unit_of(largest(most));
      g_unit_.get()[thread * kLanes + k] = unit.value;
      for (int r = 0; r < rows; r += kLanes) {
        uint8_t four[kLanes * 4];
        store_ints(four, transposed(digits(load(d + k * ld_ + r), unit)));
        for (int j = 0; j < kDigits; ++j)
          for (int q = 0; q < kLanes / 4; ++q) std::memcpy(slopes(thread) + (k * kDigits + j) * kBlock + r + 4 * q, four + 16 * q + 4 * j, 4);
      }
    }
  }

  void backward(size_t i, int thread, const float* d, int rows, bool add) {
    const Chunk& c = chunks_[i];
    for (int f = 0; f < c.size; f += kStrip)
      for (int j = 0; j < 4; ++j) {
        Floats sums[kMostClasses];
        outer(packed(i, 0) + f * 4 + j * 64, ld(c), thread, rows, sums);
        for (int k = 0; k < C_; ++k) {
          float four[kLanes];
          store(four, sums[k]);
          for (int l = 0; l < kLanes && f + l * 4 < c.width; l += 4) {
            float* to = weights_.G() + c.at + (size_t)k * c.width + f + 4 * l + 4 * j;
            for (int m = 0; m < 4; ++m) to[m] = (add ? to[m] : 0.0f) + four[l + m];
          }
        }
      }
  }

 private:
  static int strips(const Chunk& c) { return (c.size + kStrip - 1) / kStrip; }
  static size_t ld(const Chunk& c) { return (size_t)strips(c) * 4 * kStrip + kPad; }
  uint8_t* packed(size_t i, int r) const { return packed_.get() + pack_at_[i] + (size_t)(r / 4) * ld(chunks_[i]); }
  uint8_t* slopes(int thread) const { return g_.get() + (size_t)thread * C_ * kDigits * kBlock; }

  size_t place() {
    size_t w = 0, x = 0;
    for (const Chunk& c : chunks_) {
      w_at_.push_back(w);
      pack_at_.push_back(x);
      w += (size_t)strips(c) * kStrip / 4 * V_ * 64;
      x += ld_ / 4 * ld(c);
    }
    pack_at_.push_back(x);
    return w;
  }

  template <int V>
  void score_rows(size_t i, int64_t begin, int rows) {
    const Chunk& c = chunks_[i];
    const Floats unit = load(w_unit_.get() + i * kLanes), away = load(weights_.away(i));
    for (int r = 0; r < rows; r += kAbreast) {
      const uint8_t *x[kAbreast], *next[kAbreast];
      for (int j = 0; j < kAbreast; ++j) {  // beyond the last row the last again: nobody reads its scores, and its slopes are zero
        x[j] = row(data_, begin + std::min(r + j, rows - 1)) + c.first;
        next[j] = row(data_, begin + std::min(r + j + kAbreast, rows - 1)) + c.first;
      }
      Ints sums[kAbreast * V];
      dot_digits<V>(x, c.size, w_.get() + w_at_[i], sums, packed(i, r), ld(c), next);
      for (int j = 0; j < kAbreast; ++j) {
        const Ints a = sums[j * V], b = sums[j * V + V - 1];
        store(partial_.get() + (i * ld_ + r + j) * kLanes, value(every_third(a, b, 0), every_third(a, b, 1), every_third(a, b, 2)) * unit + away);
      }
    }
  }

  void outer(const uint8_t* x, size_t ld, int thread, int rows, Floats* to) const { outer_of<kMostClasses>(x, ld, thread, rows, to); }
  template <int K>
  void outer_of(const uint8_t* x, size_t ld, int thread, int rows, Floats* to) const {
    if constexpr (K > 1) {
      if (C_ < K) return outer_of<K - 1>(x, ld, thread, rows, to);
    }
    outer_digits<K>(x, ld, slopes(thread), rows, g_unit_.get() + thread * kLanes, to);
  }

  static constexpr int kPad = 64;  // bytes, so that rows a power of two apart do not share a cache set

  const Data& data_;
  const int C_;
  const size_t ld_;
  const std::vector<Chunk>& chunks_;
  Weights<true>& weights_;
  const int V_;  // vectors that hold the digits of all classes
  Aligned<float> partial_, w_unit_;
  Aligned<uint8_t> g_;
  Aligned<float> g_unit_;
  std::vector<size_t> w_at_, pack_at_;
  Aligned<uint8_t> w_, packed_;
};

}  // namespace
}  // namespace STEEPEST_ISA
