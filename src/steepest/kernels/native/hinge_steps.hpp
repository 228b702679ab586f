// The best p_i of one example while all others stay: argmax over p of <s, p> - L*(p) - q/2 |p - p_i|^2.
//
// A class is a lane. Rows are padded to whole vectors; beyond the last class p is 0 and stays so.
#pragma once
#include <algorithm>
#include <limits>

#include "simd.hpp"

namespace STEEPEST_ISA {
namespace {

struct Example {
  const float* s;
  const float* p;
  int classes, padded, y;
  float q;

  Floats score(int c) const { return load(s + c); }
  Floats slope(int c) const { return load(p + c); }
  Ints lane(int c) const {
    Ints lanes;
    for (int i = 0; i < kLanes; ++i) lanes[i] = c + i;
    return lanes;
  }
  Ints wrong(int c) const { return (lane(c) != splat(y)) & real(c); }
  Ints real(int c) const { return lane(c) < splat(classes); }
};

constexpr float kNever = -1e30f;  // in the place of a margin: its p stays 0
constexpr int kMost = 40;         // steps for a root; a handful are enough

inline Floats cut(Floats a) { return max(min(a, splat(1.0f)), splat(0.0f)); }

// p_j in [0, 1] for the wrong classes, p_y = -sum_j p_j. With t = sum_j (p'_j - p_j):  p'_j = [p_j + m_j / q - t] cut to [0, 1]. What t
// must be is the root of a piecewise linear function that rises by 1 at least: Newton's method between bounds.
struct hinge_step {
  static float gap(const Example& e) {
    Floats total = splat(0.0f);
    const float own = e.s[e.y];
    for (int c = 0; c < e.padded; c += kLanes) {
      const Floats m = select(e.wrong(c), e.score(c) - own + 1.0f, splat(0.0f));
      total += max(m, splat(0.0f)) - e.slope(c) * m;
    }
    return sum(total);
  }

  static void best(const Example& e, float* to) {
    const float own = e.s[e.y], inverse = 1 / e.q, before = -e.p[e.y];
    for (int c = 0; c < e.padded; c += kLanes)
      store(to + c, select(e.wrong(c), e.slope(c) + (e.score(c) - own + 1.0f) * inverse, splat(kNever)));
    float t = 0, low = -std::numeric_limits<float>::infinity(), high = -low;
    for (int step = 0; step < kMost; ++step) {
      Floats inside = splat(0.0f), total = splat(0.0f);
      for (int c = 0; c < e.padded; c += kLanes) {
        const Floats a = load(to + c) - t;
        total += cut(a);
        inside += select((a > 0.0f) & (a < 1.0f), splat(1.0f), splat(0.0f));
      }
      const float left = t + before - sum(total);  // rises with t
      (left > 0 ? high : low) = t;
      float next = t - left / (1 + sum(inside));
      if (next == t) break;
      if (!(next > low && next < high)) next = low + (high - low) / 2;
      if (next == low || next == high) break;
      t = next;
    }
    float all = 0;
    for (int c = 0; c < e.padded; c += kLanes) {
      const Floats p = cut(load(to + c) - t);
      store(to + c, p);
      all += sum(p);
    }
    to[e.y] = -all;
  }
};

// p + e_y is a distribution: (p + e_y + v / q) projected on the simplex, v_j = s_j + 1 for the wrong classes and s_y for the true one.
struct hinge_max_step {
  static float gap(const Example& e) {
    float most = -std::numeric_limits<float>::infinity(), mean = 0;
    for (int c = 0; c < e.classes; ++c) {
      const float v = e.s[c] - e.s[e.y] + (float)(c != e.y);
      most = std::max(most, v);
      mean += e.p[c] * (c != e.y) * v;  // v_y is 0
    }
    return most - mean;
  }

  static void best(const Example& e, float* to) {
    const float inverse = 1 / e.q;
    Floats most = splat(kNever);
    for (int c = 0; c < e.padded; c += kLanes) {
      const Floats one = select(e.wrong(c), splat(0.0f), splat(1.0f));
      const Floats a = e.slope(c) + one + (e.score(c) - e.s[e.y] + (1.0f - one)) * inverse;
      store(to + c, select(e.real(c), a, splat(kNever)));
      most = max(most, load(to + c));
    }
    float top = most[0];
    for (int i = 1; i < kLanes; ++i) top = std::max(top, most[i]);
    float t = -1;  // below the root of a convex function that falls: Newton's steps end at it, and never pass it
    for (int step = 0; step < kMost; ++step) {
      Floats inside = splat(0.0f), total = splat(0.0f);
      for (int c = 0; c < e.padded; c += kLanes) {
        const Floats a = load(to + c) - top - t;
        total += max(a, splat(0.0f));
        inside += select(a > 0.0f, splat(1.0f), splat(0.0f));
      }
      const float next = t + (sum(total) - 1) / sum(inside);
      if (!(next > t)) break;
      t = next;
    }
    float all = 0;
    for (int c = 0; c < e.padded; c += kLanes) {
      const Floats p = select(e.wrong(c), max(load(to + c) - top - t, splat(0.0f)), splat(0.0f));
      store(to + c, p);
      all += sum(p);
    }
    to[e.y] = -all;
  }
};

// p_j = -t_j beta_j with beta_j in [0, 1]: each class for itself.
struct ova_hinge_step {
  static float gap(const Example& e) {
    Floats total = splat(0.0f);
    for (int c = 0; c < e.padded; c += kLanes) {
      const Floats t = sign(e, c), m = 1.0f - t * e.score(c);
      total += select(e.real(c), max(m, splat(0.0f)) + t * e.slope(c) * m, splat(0.0f));
    }
    return sum(total);
  }

  static void best(const Example& e, float* to) {
    const float inverse = 1 / e.q;
    for (int c = 0; c < e.padded; c += kLanes) {
      const Floats t = sign(e, c), beta = cut((1.0f - t * e.score(c)) * inverse - t * e.slope(c));
      store(to + c, select(e.real(c), -t * beta, splat(0.0f)));
    }
  }

 private:
  static Floats sign(const Example& e, int c) { return select(e.lane(c) == splat(e.y), splat(1.0f), splat(-1.0f)); }
};

}  // namespace
}  // namespace STEEPEST_ISA
