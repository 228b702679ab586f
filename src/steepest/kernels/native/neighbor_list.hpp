// The k nearest rows that one query has met: a heap in the caller's arrays, the farthest on top.
//
// Nearer is (distance, index) in the order of pairs, so what is kept does not depend on the order in which rows come.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace steepest {

struct Nearest {
  double* distance;
  int64_t* index;
  int64_t k;

  void clear() {
    std::fill_n(distance, k, std::numeric_limits<double>::infinity());
    std::fill_n(index, k, std::numeric_limits<int64_t>::max());
  }

  double farthest() const { return distance[0]; }

  void take(double d, int64_t i) {
    if (std::isnan(d)) d = std::numeric_limits<double>::infinity();
    if (before(d, i, 0)) place(d, i, k);
  }

  // Nearest first; then it is a heap no more.
  void sort() {
    for (int64_t size = k - 1; size > 0; --size) {
      const double d = distance[size];
      const int64_t i = index[size];
      distance[size] = distance[0], index[size] = index[0];
      place(d, i, size);
    }
  }

 private:
  bool before(double d, int64_t i, int64_t at) const { return d < distance[at] || (d == distance[at] && i < index[at]); }

  // Puts (d, i) in the place of the top of a heap of this size.
  void place(double d, int64_t i, int64_t size) {
    int64_t at = 0;
    for (int64_t child = 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && before(distance[child], index[child], child + 1)) ++child;
      if (!before(d, i, child)) break;
      distance[at] = distance[child], index[at] = index[child];
      at = child;
    }
    distance[at] = d, index[at] = i;
  }
};

}  // namespace steepest
