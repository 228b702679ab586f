// Mean and variance of every feature in one pass over the rows, no copy of them made. Threads own features, so sums have one order.
#include "moments.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "pool.hpp"
#include "simd.hpp"

namespace STEEPEST_ISA {
namespace {

using namespace steepest;

// Bytes: exact integer sums. 32768 squares of 255 fit in 32 bits.
void bytes(const Data& data, int64_t first, int64_t last, double* mean, double* variance) {
  const size_t n = (size_t)(last - first);
  std::vector<uint32_t> sum(n), square(n);
  std::vector<uint64_t> sums(n), squares(n);
  for (int64_t begin = 0; begin < data.count; begin += 32768) {
    const int64_t end = std::min<int64_t>(data.count, begin + 32768);
    std::fill(sum.begin(), sum.end(), 0);
    std::fill(square.begin(), square.end(), 0);
    for (int64_t i = begin; i < end; ++i) {
      const uint8_t* x = static_cast<const uint8_t*>(data.X) + (data.order ? data.order[i] : i) * data.row_bytes + first;
      for (size_t f = 0; f < n; ++f) {
        const uint32_t v = x[f];
        sum[f] += v;
        square[f] += v * v;
      }
    }
    for (size_t f = 0; f < n; ++f) sums[f] += sum[f], squares[f] += square[f];
  }
  const double count = (double)data.count;
  for (size_t f = 0; f < n; ++f) {
    mean[f] = (double)sums[f] / count;
    // count * squares - sums^2 is exact below 2^64 * count; in 128 bits nothing cancels.
    const unsigned __int128 spread = (unsigned __int128)data.count * squares[f] - (unsigned __int128)sums[f] * sums[f];
    variance[f] = (double)spread / (count * count);
  }
}

template <class T>
double value(const T* x) {
  return (double)*x;
}
double value(const uint16_t* x) { return (double)half_to_float(*x); }

// Floats: blocks of rows in two passes each, merged by Chan, Golub and LeVeque's update, so a large mean costs no digits.
template <class T>
void floats(const Data& data, int64_t first, int64_t last, double* mean, double* variance) {
  constexpr int64_t kRows = 64;
  const size_t n = (size_t)(last - first);
  std::vector<double> block(n), spread(n);
  std::fill_n(mean, n, 0.0);
  std::fill_n(variance, n, 0.0);
  for (int64_t begin = 0; begin < data.count; begin += kRows) {
    const int64_t end = std::min(data.count, begin + kRows);
    const double rows = (double)(end - begin), before = (double)begin, after = (double)end;
    auto at = [&](int64_t i) {
      return reinterpret_cast<const T*>(static_cast<const char*>(data.X) + (data.order ? data.order[i] : i) * data.row_bytes) + first;
    };
    std::fill(block.begin(), block.end(), 0.0);
    std::fill(spread.begin(), spread.end(), 0.0);
    for (int64_t i = begin; i < end; ++i)
      for (size_t f = 0; f < n; ++f) block[f] += value(at(i) + f);
    for (size_t f = 0; f < n; ++f) block[f] /= rows;
    for (int64_t i = begin; i < end; ++i)
      for (size_t f = 0; f < n; ++f) {
        const double away = value(at(i) + f) - block[f];
        spread[f] += away * away;
      }
    for (size_t f = 0; f < n; ++f) {
      const double delta = block[f] - mean[f];
      mean[f] += delta * rows / after;
      variance[f] += spread[f] + delta * delta * before * rows / after;
    }
  }
  for (size_t f = 0; f < n; ++f) variance[f] /= (double)data.count;
}

}  // namespace

void moments(const Data& data, double* mean, double* variance, int threads) {
  const int64_t D = data.features;
  threads = (int)std::clamp<int64_t>(data.count * D / 100000, 1, std::min<int64_t>(threads, (D + 63) / 64));
  parallel(threads, [&](int thread) {
    const Share blocks((int)((D + 63) / 64), thread, threads);
    const int64_t first = blocks.first * 64, last = std::min<int64_t>(D, (int64_t)blocks.last * 64);
    if (first >= last) return;
    switch (data.type) {
      case Type::u8: return bytes(data, first, last, mean + first, variance + first);
      case Type::f16: return floats<uint16_t>(data, first, last, mean + first, variance + first);
      case Type::f32: return floats<float>(data, first, last, mean + first, variance + first);
      case Type::f64: return floats<double>(data, first, last, mean + first, variance + first);
    }
  });
}

}  // namespace STEEPEST_ISA
