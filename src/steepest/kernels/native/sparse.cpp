// Products of sparse rows with a dense matrix: each number of the result is summed by one thread, over the entries in their order.
#include "sparse.hpp"

#include <algorithm>
#include <vector>

#include "pool.hpp"

namespace STEEPEST_ISA {
namespace {

using namespace steepest;

constexpr int64_t kAhead = 12;      // entries: what they will touch is fetched while others are summed
constexpr double kWork = 200000.0;  // products that are worth a thread

template <class V, class I>
struct Entries {
  const V* values;
  const I* columns;
  explicit Entries(const Sparse& X) : values(static_cast<const V*>(X.values)), columns(static_cast<const I*>(X.columns)) {}
};

inline void fetch(const double* row, int64_t width) {
  for (int64_t c = 0; c < width; c += 8) __builtin_prefetch(row + c);
}

// to += x from: both are as wide as there are classes.
inline void add(double x, const double* __restrict from, double* __restrict to, int64_t width) {
  for (int64_t c = 0; c < width; ++c) to[c] += x * from[c];
}

int sharing(const Sparse& X, int64_t width, int threads, int64_t pieces) {
  const double work = (double)(X.starts[X.count] - X.starts[0]) * (double)width;
  return (int)std::clamp(work / kWork, 1.0, (double)std::max<int64_t>(1, std::min<int64_t>(threads, pieces)));
}

// The first row of a thread's share: all shares have about as many entries.
int64_t first_row(const Sparse& X, int thread, int threads) {
  if (thread == threads) return X.count;
  const int64_t before = X.starts[0] + (int64_t)((double)(X.starts[X.count] - X.starts[0]) * thread / threads);
  return std::lower_bound(X.starts, X.starts + X.count, before) - X.starts;
}

template <class V, class I>
void times(const Sparse& X, const double* W, int64_t width, double* out, int threads) {
  const Entries<V, I> all(X);
  threads = sharing(X, width, threads, X.count);
  parallel(threads, [&](int thread) {
    const int64_t last = first_row(X, thread + 1, threads), end = X.starts[X.count];
    for (int64_t i = first_row(X, thread, threads); i < last; ++i) {
      double* to = out + i * width;
      std::fill_n(to, (size_t)width, 0.0);
      for (int64_t k = X.starts[i]; k < X.starts[i + 1]; ++k) {
        if (k + kAhead < end) fetch(W + (int64_t)all.columns[k + kAhead] * width, width);
        add((double)all.values[k], W + (int64_t)all.columns[k] * width, to, width);
      }
    }
  });
}

// Borders between the threads' columns, with about as many entries between any two: by those of every 64th entry.
template <class V, class I>
std::vector<I> borders(const Sparse& X, const Entries<V, I>& all, int threads) {
  std::vector<I> seen;
  for (int64_t k = X.starts[0]; k < X.starts[X.count]; k += 64) seen.push_back(all.columns[k]);
  std::sort(seen.begin(), seen.end());
  std::vector<I> at{0};
  for (int t = 1; t < threads; ++t) at.push_back(seen.empty() ? (I)X.features : seen[seen.size() * (size_t)t / (size_t)threads]);
  at.push_back((I)X.features);
  return at;
}

template <class V, class I>
void transposed_times(const Sparse& X, const double* P, int64_t width, double* out, int threads) {
  const Entries<V, I> all(X);
  threads = sharing(X, width, threads, X.features);
  const std::vector<I> border = borders(X, all, threads);
  parallel(threads, [&](int thread) {
    const I first = border[(size_t)thread], last = border[(size_t)thread + 1];
    for (int64_t i = 0; i < X.count; ++i) {
      const I *begin = all.columns + X.starts[i], *end = all.columns + X.starts[i + 1];
      if (first > 0) begin = std::lower_bound(begin, end, first);
      for (const I* at = begin; at < end && *at < last; ++at) {
        if (at + kAhead < end) __builtin_prefetch(out + (int64_t)at[kAhead] * width, 1);
        add((double)all.values[at - all.columns], P + i * width, out + (int64_t)*at * width, width);
      }
    }
  });
}

template <class V, class F>
void by_columns(const Sparse& X, F f) {
  if (X.wide)
    f(Entries<V, int64_t>(X));
  else
    f(Entries<V, int32_t>(X));
}

// Calls f with entries of the types that X has.
template <class F>
void typed(const Sparse& X, F f) {
  switch (X.type) {
    case Values::u8: return by_columns<uint8_t>(X, f);
    case Values::f32: return by_columns<float>(X, f);
    case Values::f64: return by_columns<double>(X, f);
  }
}

}  // namespace

void sparse_times(const Sparse& X, const double* W, int64_t width, double* out, int threads) {
  typed(X, [&]<class V, class I>(Entries<V, I>) { times<V, I>(X, W, width, out, threads); });
}

void sparse_transposed_times(const Sparse& X, const double* P, int64_t width, double* out, int threads) {
  typed(X, [&]<class V, class I>(Entries<V, I>) { transposed_times<V, I>(X, P, width, out, threads); });
}

}  // namespace STEEPEST_ISA
