// Coordinate descent on a quadratic model with an L1 penalty. A row of V is visited at once, for all classes: what it does to the other
// rows is one sum of rows of G. Where nothing couples the classes, each of them is a problem of its own, and threads share them.
#include "coordinate.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "pool.hpp"

namespace STEEPEST_ISA {
namespace {

using namespace steepest;

constexpr int kNarrow = 10;          // sweeps over the rows in use between two over all
constexpr double kLeast = 1e-8;      // of what bends a coordinate without the pairs, where they leave less
constexpr int64_t kWorth = 1 << 16;  // numbers in G from which threads are woken

// What one thread works in.
struct Room {
  std::vector<double> row, step, along;
  std::vector<int64_t> used;
};

class Descent {
 public:
  // Of the classes from `first` to `last`: all, or the one that this room is for.
  Descent(const Quadratic& q, const double* bends, double* moved, int first, int last, Room& room)
      : q_(q), bends_(bends), moved_(moved), first_(first), last_(last), from_(q.U ? 0 : first), to_(q.U ? q.directions : last), room_(room) {
    std::fill(room.along.begin(), room.along.end(), 0.0);
  }

  Settled run() {
    bool whole = true;
    for (int epoch = 1, narrow = 0;; ++epoch) {
      double change = 0;
      if (whole) {
        size_t count = 0;
        for (int64_t f = 0; f < q_.features; ++f) {
          change = std::max(change, visit(f));
          if (in_use(f)) room_.used[count++] = f;
        }
        used_ = count;
      } else {
        for (size_t i = 0; i < used_; ++i) change = std::max(change, visit(room_.used[i]));
      }
      if ((whole && change <= q_.tol) || epoch >= q_.epochs) return {epoch, change};
      narrow = whole ? 0 : narrow + 1;
      whole = !whole && (change <= q_.tol || narrow >= kNarrow);
    }
  }

 private:
  double visit(int64_t f) {
    const int K = q_.directions, R = q_.pairs;
    double* const row = room_.row.data();
    double* const step = room_.step.data();
    double* const along = room_.along.data();
    double mean = 0, change = 0;
    for (int k = from_; k < to_; ++k) row[k] = q_.Q[k * q_.features + f], step[k] = 0;
    if (q_.centred) {
      for (int k = 0; k < K; ++k) mean += row[k];
      mean /= K;
    }
    for (int j = first_; j < last_; ++j) {
      const int64_t at = j * q_.features + f;
      const double* const u = q_.U ? q_.U + (int64_t)j * K : nullptr;
      const double* const pair = q_.P + at * R;
      double slope = q_.gradient[at] + q_.damping[f] * moved_[at];
      if (u)
        for (int k = 0; k < K; ++k) slope += u[k] * row[k];
      else
        slope += row[j] - mean;
      for (int r = 0; r < R; ++r) slope += pair[r] * along[r];
      const double bend = bends_[at], before = q_.V[at];
      const double after = least(bend, bend * before - slope, q_.l1[f], q_.l2[f], before);
      const double delta = after - before;
      if (delta == 0) continue;
      q_.V[at] = after;
      moved_[at] += delta;
      change = std::max(change, std::abs(delta) * (bend + 2 * q_.l2[f]));
      if (u) {
        for (int k = 0; k < K; ++k) row[k] += delta * u[k] * diagonal(k, f), step[k] += delta * u[k];
      } else {
        row[j] += delta * diagonal(j, f), step[j] += delta;
        if (q_.centred) mean += delta * diagonal(j, f) / K;
      }
      for (int r = 0; r < R; ++r) along[r] += q_.signs[r] * delta * pair[r];
    }
    for (int k = from_; k < to_; ++k)
      if (step[k] != 0) {
        const double* const g = of(k) + f * q_.features;
        double* const out = q_.Q + k * q_.features;
        const double by = step[k];
        for (int64_t i = 0; i < q_.features; ++i) out[i] += by * g[i];
      }
    return change;
  }

  // The v with the least bend/2 v^2 - pull v + l1 |v| + l2 v^2.
  static double least(double bend, double pull, double l1, double l2, double before) {
    const double all = bend + 2 * l2;
    if (!(all > 0)) return l1 > 0 ? 0 : before;
    if (pull > l1) return (pull - l1) / all;
    if (pull < -l1) return (pull + l1) / all;
    return l1 > 0 ? 0 : pull / all;
  }

  bool in_use(int64_t f) const {
    for (int j = first_; j < last_; ++j)
      if (q_.V[j * q_.features + f] != 0) return true;
    return false;
  }

  const double* of(int k) const { return q_.G + (q_.grams == 1 ? 0 : (int64_t)k * q_.features * q_.features); }
  double diagonal(int k, int64_t f) const { return of(k)[f * (q_.features + 1)]; }

  const Quadratic& q_;
  const double* const bends_;
  double* const moved_;
  const int first_, last_, from_, to_;
  Room& room_;
  size_t used_ = 0;
};

// What bends each coordinate: the diagonal of the model's second derivative.
std::vector<double> bends(const Quadratic& q) {
  const int C = q.classes, K = q.directions, R = q.pairs;
  const auto diagonal = [&](int k, int64_t f) { return q.G[(q.grams == 1 ? 0 : (int64_t)k * q.features * q.features) + f * (q.features + 1)]; };
  std::vector<double> out((size_t)(q.features * C));
  for (int j = 0; j < C; ++j)
    for (int64_t f = 0; f < q.features; ++f) {
      const double* const pair = q.P + (j * q.features + f) * R;
      double plain = q.damping[f], paired = 0;
      if (q.U)
        for (int k = 0; k < K; ++k) plain += q.U[j * K + k] * q.U[j * K + k] * diagonal(k, f);
      else
        plain += diagonal(j, f) * (q.centred ? 1 - 1.0 / K : 1);
      for (int r = 0; r < R; ++r) paired += q.signs[r] * pair[r] * pair[r];
      out[(size_t)(j * q.features + f)] = std::max(plain + paired, kLeast * plain);
    }
  return out;
}

Room room(const Quadratic& q) {
  return {std::vector<double>((size_t)q.directions), std::vector<double>((size_t)q.directions), std::vector<double>((size_t)q.pairs),
          std::vector<int64_t>((size_t)q.features)};
}

}  // namespace

Settled coordinate(const Quadratic& q, int threads) {
  const std::vector<double> bend = bends(q);
  std::vector<double> moved(bend.size());
  if (q.U || q.centred || q.pairs) {
    Room alone = room(q);
    return Descent(q, bend.data(), moved.data(), 0, q.classes, alone).run();
  }
  threads = q.features * q.features < kWorth ? 1 : std::min(threads, q.classes);
  std::vector<Room> rooms;
  for (int thread = 0; thread < threads; ++thread) rooms.push_back(room(q));
  std::vector<Settled> each((size_t)q.classes);
  parallel(threads, [&](int thread) {
    const Share mine(q.classes, thread, threads);
    for (int j = mine.first; j < mine.last; ++j) each[(size_t)j] = Descent(q, bend.data(), moved.data(), j, j + 1, rooms[(size_t)thread]).run();
  });
  Settled all{0, 0};
  for (const Settled& one : each) all = {std::max(all.epochs, one.epochs), std::max(all.change, one.change)};
  return all;
}

}  // namespace STEEPEST_ISA
