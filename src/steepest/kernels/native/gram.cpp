// Gram matrices: rows packed a block at a time, once for all; then threads own tiles of the output, so that sums have one order.
#include "gram.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include "features.hpp"
#include "gram_tiles.hpp"
#include "pool.hpp"

namespace STEEPEST_ISA {
namespace {

using namespace steepest;

constexpr int kFold = 1024;  // units in a block, after which its sums are added up in float64
constexpr int kDeep = 128;   // units that a tile stays in registers for: the two groups of panels it comes from stay in the second-level cache

template <class N>
typename N::Unit* packed(typename N::Unit* all, int p, int unit) {
  return all + ((size_t)p * kFold + unit) * panel<N>;
}

int64_t place(const Data& data, int64_t i) { return data.order ? data.order[i] : i; }

// The rows [begin, begin + rows) to visit on their way into panels [first, last): x' by the root of its weight.
class SinglePacking {
 public:
  SinglePacking(const Data& data, int columns) : data_(data), features_(data) {}

  void take(int64_t begin, int rows, int first, int last, float* to) {
    constexpr int kPanel = panel<SingleSums>;
    const int D = (int)data_.features;
    for (int r = 0; r < rows; ++r) {
      const float root = data_.weight ? std::sqrt(data_.weight[place(data_, begin + r)]) : 1.0f;
      for (int p = first; p < last; ++p) {
        float* at = packed<SingleSums>(to, p, r);
        features_.take(begin + r, p * kPanel, std::min((p + 1) * kPanel, D), at);
        if (data_.weight)
          for (int f = 0; f < kPanel; ++f) at[f] *= root;
      }
    }
  }

  double value(int f, int g, double sum) const { return sum; }

 private:
  const Data& data_;
  const Features features_;
};

class DoublePacking {
 public:
  DoublePacking(const Data& data, int columns) : data_(data) {}

  void take(int64_t begin, int rows, int first, int last, double* to) {
    for (int r = 0; r < rows; ++r) {
      const double root = data_.weight ? std::sqrt((double)data_.weight[place(data_, begin + r)]) : 1.0;
      const unsigned char* x = row(data_, begin + r);
      for (int p = first; p < last; ++p) {
        double* at = packed<DoubleSums>(to, p, r);
        switch (data_.type) {
          case Type::u8: convert(x, p, root, at); break;
          case Type::f16: convert(reinterpret_cast<const uint16_t*>(x), p, root, at); break;
          case Type::f32: convert(reinterpret_cast<const float*>(x), p, root, at); break;
          case Type::f64: convert(reinterpret_cast<const double*>(x), p, root, at); break;
        }
      }
    }
  }

  double value(int f, int g, double sum) const { return sum; }

 private:
  static double number(uint16_t half) { return (double)half_to_float(half); }
  template <class T>
  static double number(T x) {
    return (double)x;
  }

  template <class T>
  void convert(const T* x, int p, double root, double* to) const {
    const int from = p * panel<DoubleSums>, past = std::min<int>(from + panel<DoubleSums>, (int)data_.features);
    for (int f = from; f < past; ++f) to[f - from] = (number(x[f]) - data_.shift[f]) * (data_.scale[f] * root);
  }

  const Data& data_;
};

// Bytes as they are, the units of a feature side by side; shift and scale come when the sums are complete.
class BytePacking {
 public:
  BytePacking(const Data& data, int columns) : data_(data), none_(columns), block_(columns), sums_(columns) {}

  void take(int64_t begin, int rows, int first, int last, int32_t* to) {
    constexpr int kPack = ByteSums::kPack, kPanel = panel<ByteSums>;
    const int D = (int)data_.features, from = first * kPanel, past = std::min(last * kPanel, D);
    std::fill(block_.begin() + from, block_.begin() + past, 0);
    for (int r = 0; r < rows; r += kPack) {
      const uint8_t* x[kPack];
      for (int j = 0; j < kPack; ++j) x[j] = r + j < rows ? row(data_, begin + r + j) : none_.data();
      for (int p = first; p < last; ++p) {
        uint32_t* at = reinterpret_cast<uint32_t*>(packed<ByteSums>(to, p, r / kPack));
        const int here = p * kPanel, count = std::min(kPanel, D - here);
        uint32_t* sums = block_.data() + here;
        for (int f = 0; f < count; ++f) {
          uint32_t unit = 0, sum = 0;
          for (int j = 0; j < kPack; ++j) {
            const uint32_t byte = x[j][here + f];
            unit |= byte << (32 / kPack * j);
            sum += byte;
          }
          at[f] = unit;
          sums[f] += sum;
        }
      }
    }
    for (int f = from; f < past; ++f) sums_[f] += block_[f];
  }

  // sum (x_f - shift_f)(x_g - shift_g) scale_f scale_g. About the means it is (N S_fg - s_f s_g) / N, whole numbers of up to 128 bits: a
  // large mean costs no digits; from there to the shifts it is N (m_f - shift_f)(m_g - shift_g).
  double value(int f, int g, double sum) const {
    const double N = (double)data_.count;
    const int64_t products = (int64_t)sum + ByteSums::kAway * sums_[f];
    const double about = (double)((__int128)data_.count * products - (__int128)sums_[f] * sums_[g]) / N;
    return (about + N * (((double)sums_[f] / N - data_.shift[f]) * ((double)sums_[g] / N - data_.shift[g]))) * (data_.scale[f] * data_.scale[g]);
  }

 private:
  const Data& data_;
  std::vector<uint8_t> none_;
  std::vector<uint32_t> block_;  // sums of a block's features: every thread writes its own panels'
  std::vector<int64_t> sums_;
};

// The upper half of the output in squares of `group` panels, each summed by whichever thread comes: that moves no bit.
template <class N, class Packing>
class Gram {
  using Unit = typename N::Unit;

 public:
  Gram(const Data& data, double* out, int threads)
      : data_(data), D_((int)data.features), panels_((D_ + kPanel - 1) / kPanel), packing_(data, panels_ * kPanel), out_(out),
        packed_((size_t)panels_ * kFold * kPanel) {
    group_ = kGroup;
    const auto groups = [&] { return (panels_ + group_ - 1) / group_; };
    while (group_ > 1 && groups() * (groups() + 1) / 2 < 4 * threads) group_ /= 2;
    for (int away = groups() - 1; away >= 0; --away)  // squares on the diagonal are half the work: they come last
      for (int p = 0; p + away < groups(); ++p) squares_.push_back({p, p + away});
    const double work = (double)data.count * D_ * D_;
    threads_ = (int)std::clamp(work / 2e6, 1.0, (double)std::min<size_t>((size_t)threads, squares_.size()));
    sums_ = std::vector<Aligned<Unit>>();
    for (int t = 0; t < threads_; ++t) sums_.emplace_back((size_t)group_ * kPanel * group_ * kPanel);
  }

  void run() {
    Barrier barrier(threads_);
    parallel(threads_, [&](int thread) {
      const Share own(panels_, thread, threads_);
      int turn = 0;
      for (int64_t begin = 0; begin < data_.count; begin += kRows, ++turn) {
        const int rows = (int)std::min<int64_t>(kRows, data_.count - begin);
        packing_.take(begin, rows, own.first, own.last, packed_.get());
        barrier.wait();
        each(thread, turn, [&](int p, int q) { add(p, q, (rows + N::kPack - 1) / N::kPack, sums_[(size_t)thread].get(), begin > 0); });
        barrier.wait();
      }
      each(thread, turn, [&](int p, int q) { finish(p, q); });
    });
  }

 private:
  static constexpr int kPanel = panel<N>;
  static constexpr int kGroup = std::max(1, 64 / kLanes);  // panels: the sums of a square are 147 kB in 32 bits
  static constexpr int64_t kRows = (int64_t)kFold * N::kPack;

  // The squares whose turn it is; the counter of the next turn starts anew meanwhile.
  template <class F>
  void each(int thread, int turn, F f) {
    if (thread == 0) next_[(turn + 1) % 2] = 0;
    for (size_t i; (i = (size_t)next_[turn % 2].fetch_add(1)) < squares_.size();) f(squares_[i].first * group_, squares_[i].second * group_);
  }

  // Adds a block's products of the panels from p on with those from q on.
  void add(int p, int q, int units, Unit* sums, bool further) {
    const int ld = group_ * kPanel, last_p = std::min(p + group_, panels_), last_q = std::min(q + group_, panels_);
    for (int unit = 0; unit < units; unit += kDeep)
      for (int j = q; j < last_q; ++j)
        for (int i = p; i < last_p && i <= j; ++i)
          for (int d = 0; d < kPanel; d += kDown)
            gram_tile<N>(packed<N>(packed_.get(), i, unit) + d, packed<N>(packed_.get(), j, unit), std::min(kDeep, units - unit),
                         sums + (size_t)((i - p) * kPanel + d) * ld + (j - q) * kPanel, (size_t)ld, unit > 0);
    for (int f = p * kPanel; f < std::min(last_p * kPanel, D_); ++f) {
      const int from = std::max(q, f / kPanel) * kPanel, past = std::min(last_q * kPanel, D_);
      const Unit* sum = sums + (size_t)(f - p * kPanel) * ld - q * kPanel;
      double* to = out_ + (size_t)f * D_;
      for (int g = from; g < past; ++g) to[g] = (further ? to[g] : 0.0) + (double)sum[g];
    }
  }

  void finish(int p, int q) {
    for (int f = p * kPanel; f < std::min((p + group_) * kPanel, D_); ++f)
      for (int g = std::max(f, q * kPanel); g < std::min((q + group_) * kPanel, D_); ++g)
        out_[(size_t)f * D_ + g] = out_[(size_t)g * D_ + f] = packing_.value(f, g, out_[(size_t)f * D_ + g]);
  }

  const Data& data_;
  const int D_, panels_;
  Packing packing_;
  double* const out_;
  Aligned<Unit> packed_;
  int group_, threads_;
  std::vector<std::pair<int, int>> squares_;
  std::vector<Aligned<Unit>> sums_;  // of a square, for each thread
  std::atomic<int> next_[2] = {0, 0};
};

// Rows of one class after another, features [first, last): bytes without weights as integers, all else as x'.
template <class T>
double number(const T* x) {
  return (double)*x;
}
double number(const uint16_t* x) { return (double)half_to_float(*x); }

template <class T>
void add_classes(const Data& data, int classes, int64_t first, int64_t last, double* out) {
  for (int64_t i = 0; i < data.count; ++i) {
    const T* x = reinterpret_cast<const T*>(row(data, i));
    const int64_t at = place(data, i);
    const double weight = data.weight ? (double)data.weight[at] : 1.0;
    double* to = out + data.y[at] * data.features;
    for (int64_t f = first; f < last; ++f) to[f] += weight * ((number(x + f) - data.shift[f]) * data.scale[f]);
  }
}

void add_byte_classes(const Data& data, int classes, int64_t first, int64_t last, double* out) {
  const size_t n = (size_t)(last - first);
  std::vector<uint32_t> sums((size_t)classes * n);
  std::vector<int64_t> rows((size_t)classes);
  const auto fold = [&] {
    for (size_t c = 0; c < (size_t)classes; ++c)
      for (size_t f = 0; f < n; ++f) out[c * (size_t)data.features + (size_t)first + f] += sums[c * n + f];
    std::fill(sums.begin(), sums.end(), 0);
  };
  for (int64_t i = 0; i < data.count; ++i) {
    const size_t c = (size_t)data.y[place(data, i)];
    const uint8_t* x = row(data, i) + first;
    uint32_t* to = sums.data() + c * n;
    for (size_t f = 0; f < n; ++f) to[f] += x[f];
    ++rows[c];
    if ((i + 1) % (1 << 24) == 0) fold();  // 2^24 bytes of 255 fit in 32 bits
  }
  fold();
  for (size_t c = 0; c < (size_t)classes; ++c)
    for (int64_t f = first; f < last; ++f) {
      double& sum = out[c * (size_t)data.features + (size_t)f];
      sum = (sum - (double)rows[c] * data.shift[f]) * data.scale[f];
    }
}

}  // namespace

void gram(const Data& data, bool precise, double* out, int threads) {
  if (data.type == Type::u8 && !data.weight) return Gram<ByteSums, BytePacking>(data, out, threads).run();
  if (precise) return Gram<DoubleSums, DoublePacking>(data, out, threads).run();
  Gram<SingleSums, SinglePacking>(data, out, threads).run();
}

void cross(const Data& data, int classes, double* out, int threads) {
  const int64_t D = data.features;
  std::fill_n(out, (size_t)classes * (size_t)D, 0.0);
  threads = (int)std::clamp<int64_t>(data.count * D / 100000, 1, std::min<int64_t>(threads, (D + 63) / 64));
  parallel(threads, [&](int thread) {
    const Share blocks((int)((D + 63) / 64), thread, threads);
    const int64_t first = blocks.first * 64, last = std::min<int64_t>(D, (int64_t)blocks.last * 64);
    if (first >= last) return;
    switch (data.type) {
      case Type::u8: return data.weight ? add_classes<uint8_t>(data, classes, first, last, out) : add_byte_classes(data, classes, first, last, out);
      case Type::f16: return add_classes<uint16_t>(data, classes, first, last, out);
      case Type::f32: return add_classes<float>(data, classes, first, last, out);
      case Type::f64: return add_classes<double>(data, classes, first, last, out);
    }
  });
}

}  // namespace STEEPEST_ISA
