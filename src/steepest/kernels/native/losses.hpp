// The losses of steepest/losses, twins name by name: a lane is one example, so every class is one vector and nothing branches.
//
// Each takes the scores s[c * ld] of kLanes examples and their classes y; it returns their losses and leaves dL/ds in d[c * ld].
#pragma once
#include "simd.hpp"

namespace STEEPEST_ISA {

struct Rows {
  const float* s;
  float* d;
  size_t ld;
  int classes;
  Ints y;
  float smoothing;  // of softmax; the width of the hinges

  Floats score(int c) const { return load(s + c * ld); }
  Floats grad(int c) const { return load(d + c * ld); }
  void set(int c, Floats g) const { store(d + c * ld, g); }
  Ints is(int c) const { return y == splat(c); }
  Floats target() const {  // s_y
    Floats t = splat(0.0f);
    for (int c = 0; c < classes; ++c) t = select(is(c), score(c), t);
    return t;
  }
  Floats largest() const {
    Floats m = score(0);
    for (int c = 1; c < classes; ++c) m = max(score(c), m);
    return m;
  }
};

inline Floats ones(Ints mask) { return select(mask, splat(1.0f), splat(0.0f)); }
inline Floats positive(Floats a) { return select(a > 0.0f, a, a == a ? splat(0.0f) : a); }  // max(0, a); NaN stays NaN
inline Floats sign_of(Ints is) { return select(is, splat(1.0f), splat(-1.0f)); }

// L = log sum_j exp(s_j) - s_y,  dL/ds_j = p_j - [j = y]
// The others are summed apart from the true class: where that has nearly all the probability, L and dL/ds_y = -sum of the others' p_j
// are small, and differences of numbers near 1 would leave little of them.
// With the labels smoothed by e:  L = log sum_j exp(s_j) - (1 - e) s_y - e/C sum_j s_j,  dL/ds_j = p_j - (1 - e) [j = y] - e/C
struct softmax {
  static Floats of(const Rows& r) {
    const Floats m = r.largest(), none = splat(0.0f);
    Floats others = none, own = none, target = none;
    for (int c = 0; c < r.classes; ++c) {
      const Floats s = r.score(c), e = exp(s - m);
      const Ints is = r.is(c);
      r.set(c, e);
      others = others + select(is, none, e);
      own = select(is, e, own);
      target = select(is, s, target);
    }
    const Floats inverse = 1.0f / (others + own);
    const Floats loss = log1p(select(target < m, (others - 1.0f) + own, others)) + (m - target);
    if (r.smoothing > 0) return loss + smooth(r, m, target, inverse);
    for (int c = 0; c < r.classes; ++c) r.set(c, select(r.is(c), -others, r.grad(c)) * inverse);
    return loss;
  }

 private:
  // What smoothing adds to the loss: e (s_y - mean of s), each taken from the largest score m, for they may be large.
  __attribute__((noinline)) static Floats smooth(const Rows& r, Floats m, Floats target, Floats inverse) {
    const float e = r.smoothing, each = e / (float)r.classes;
    Floats below = splat(0.0f);
    for (int c = 0; c < r.classes; ++c) {
      below = below + (r.score(c) - m);
      r.set(c, r.grad(c) * inverse - select(r.is(c), splat(1 - e + each), splat(each)));
    }
    return e * (target - m) - each * below;
  }
};

// Huber's form of max(0, m) for m >= 0, and its slope.
inline Floats rounded(Floats m, float width) { return select(m < width, m * m * (0.5f / width), m - 0.5f * width); }
inline Floats slope_of(Floats m, float width) { return min(m * (1 / width), splat(1.0f)); }

// L = sum_{j != y} max(0, s_j - s_y + 1)
struct hinge {
  static Floats of(const Rows& r) {
    if (r.smoothing > 0) return smooth(r);
    const Floats target = r.target();
    Floats loss = splat(0.0f), count = splat(0.0f);
    for (int c = 0; c < r.classes; ++c) {
      const Floats margin = r.score(c) - target + 1.0f;
      const Ints other = ~r.is(c);
      loss = loss + select(other, positive(margin), splat(0.0f));
      const Floats g = ones((margin > 0.0f) & other);
      count = count + g;
      r.set(c, g);
    }
    for (int c = 0; c < r.classes; ++c) r.set(c, select(r.is(c), -count, r.grad(c)));
    return loss;
  }

 private:
  __attribute__((noinline)) static Floats smooth(const Rows& r) {
    const Floats target = r.target();
    Floats loss = splat(0.0f), total = splat(0.0f);
    for (int c = 0; c < r.classes; ++c) {
      const Floats margin = select(~r.is(c), positive(r.score(c) - target + 1.0f), splat(0.0f)), slope = slope_of(margin, r.smoothing);
      loss = loss + rounded(margin, r.smoothing);
      total = total + slope;
      r.set(c, slope);
    }
    for (int c = 0; c < r.classes; ++c) r.set(c, select(r.is(c), -total, r.grad(c)));
    return loss;
  }
};

// L = sum_{j != y} max(0, s_j - s_y + 1)^2
struct squared_hinge {
  static Floats of(const Rows& r) {
    const Floats target = r.target();
    Floats loss = splat(0.0f), total = splat(0.0f);
    for (int c = 0; c < r.classes; ++c) {
      const Floats margin = select(~r.is(c), positive(r.score(c) - target + 1.0f), splat(0.0f));
      loss = loss + margin * margin;
      total = total + 2.0f * margin;
      r.set(c, 2.0f * margin);
    }
    for (int c = 0; c < r.classes; ++c) r.set(c, select(r.is(c), -total, r.grad(c)));
    return loss;
  }
};

// L = max(0, 1 + max_{j != y} s_j - s_y), the largest j taking the gradient (the first of several)
struct hinge_max {
  static Floats of(const Rows& r) {
    const Floats target = r.target();
    Floats worst = splat(0.0f);
    Ints at = splat(-1);
    for (int c = 0; c < r.classes; ++c) {
      const Floats s = r.score(c);
      const Ints better = ~r.is(c) & ((at < 0) | (s > worst) | (s != s));
      worst = select(better, s, worst);
      at = select(better, splat(c), at);
    }
    const Floats margin = worst - target + 1.0f;
    const Ints active = (margin > 0.0f) & (at >= 0);
    for (int c = 0; c < r.classes; ++c) r.set(c, ones(active & (at == splat(c))) - ones(active & r.is(c)));
    return select(at >= 0, positive(margin), splat(0.0f));
  }
};

// L = max(0, max_j s_j - s_y),  dL/ds = e_p - e_y with p the predicted class, the first of those that tie
struct perceptron {
  static Floats of(const Rows& r) {
    Floats best = r.score(0);
    Ints at = splat(0);
    for (int c = 1; c < r.classes; ++c) {
      const Floats s = r.score(c);
      const Ints better = (s > best) | ((s != s) & (best == best));
      best = select(better, s, best);
      at = select(better, splat(c), at);
    }
    for (int c = 0; c < r.classes; ++c) r.set(c, ones(at == splat(c)) - ones(r.is(c)));
    return positive(best - r.target());
  }
};

// L = sum_j max(0, 1 - t_j s_j),  t_j = +1 for the class, -1 for the others
struct ova_hinge {
  static Floats of(const Rows& r) {
    Floats loss = splat(0.0f);
    for (int c = 0; c < r.classes; ++c) {
      const Floats t = sign_of(r.is(c)), margin = positive(1.0f - t * r.score(c));
      const Floats slope = r.smoothing > 0 ? slope_of(margin, r.smoothing) : ones(margin > 0.0f);
      loss = loss + (r.smoothing > 0 ? rounded(margin, r.smoothing) : margin);
      r.set(c, -t * slope);
    }
    return loss;
  }
};

// L = sum_j max(0, 1 - t_j s_j)^2
struct ova_squared_hinge {
  static Floats of(const Rows& r) {
    Floats loss = splat(0.0f);
    for (int c = 0; c < r.classes; ++c) {
      const Floats t = sign_of(r.is(c)), margin = positive(1.0f - t * r.score(c));
      loss = loss + margin * margin;
      r.set(c, -2.0f * t * margin);
    }
    return loss;
  }
};

// L = sum_j log(1 + exp(-t_j s_j)),  dL/ds_j = -t_j / (1 + exp(t_j s_j))
struct logistic {
  static Floats of(const Rows& r) {
    Floats loss = splat(0.0f);
    for (int c = 0; c < r.classes; ++c) {
      const Floats t = sign_of(r.is(c)), z = -t * r.score(c);
      const Floats e = exp(-max(z, -z)), sigmoid = select(z > 0.0f, splat(1.0f), e) / (1.0f + e);
      loss = loss + positive(z) + log1p(e);
      r.set(c, -t * sigmoid);
    }
    return loss;
  }
};

// L = sum_j (s_j - [j = y])^2
struct squared {
  static Floats of(const Rows& r) {
    Floats loss = splat(0.0f);
    for (int c = 0; c < r.classes; ++c) {
      const Floats e = r.score(c) - ones(r.is(c));
      loss = loss + e * e;
      r.set(c, 2.0f * e);
    }
    return loss;
  }
};

}  // namespace STEEPEST_ISA
