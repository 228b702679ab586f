// The step rules of steepest.optim, twins name by name: gradient and memory in, weights and memory moved, on runs of whole vectors.
#pragma once
#include <cmath>

#include "network.hpp"
#include "simd.hpp"

namespace STEEPEST_ISA {
namespace {

using steepest::Rule;
using steepest::Training;

// The numbers of one step: the penalty, the rate, the rule's constants, Adam's corrections.
struct Step {
  float l2, l1, lr, c0, c1, c2, c3;
  float unbias_m = 1, unbias_v = 1;  // 1 / (1 - beta^t)

  Step(const Training& how, int64_t taken, float lr)
      : l2(2 * how.l2), l1(how.l1), lr(lr), c0(how.constants[0]), c1(how.constants[1]), c2(how.constants[2]), c3(how.constants[3]) {
    if (how.rule == Rule::adam || how.rule == Rule::adamw) {
      unbias_m = (float)(1 / (1 - std::pow((double)c0, (double)(taken + 1))));
      unbias_v = (float)(1 / (1 - std::pow((double)c1, (double)(taken + 1))));
    }
  }
};

inline Floats sign(Floats w) { return select(w > 0.0f, splat(1.0f), select(w < 0.0f, splat(-1.0f), splat(0.0f))); }

// One vector of weights: w and the memories m, v move along g.
template <Rule R>
inline Floats moved(Floats w, Floats g, Floats& m, Floats& v, const Step& s, bool decays) {
  switch (R) {
    case Rule::sgd: return w - s.lr * g;
    case Rule::momentum: m = s.c0 * m + g; return w - s.lr * m;
    case Rule::nesterov: m = s.c0 * m + g; return w - s.lr * (g + s.c0 * m);
    case Rule::adagrad: m = m + g * g; return w - s.lr * g / (root(m) + s.c0);
    case Rule::rmsprop: m = s.c0 * m + (1 - s.c0) * (g * g); return w - s.lr * g / (root(m) + s.c1);
    case Rule::adam:
    case Rule::adamw: {
      m = s.c0 * m + (1 - s.c0) * g;
      v = s.c1 * v + (1 - s.c1) * (g * g);
      Floats step = (s.unbias_m * m) / (root(s.unbias_v * v) + s.c2);
      if (R == Rule::adamw && decays) step = step + s.c3 * w;
      return w - s.lr * step;
    }
  }
}

// n weights; `decays`: they are weights, not biases.
template <Rule R, bool Penalized>
void move(float* w, float* m, float* v, const float* g, size_t n, const Step& s, bool decays) {
  constexpr bool kFirst = R != Rule::sgd, kSecond = R == Rule::adam || R == Rule::adamw;
  for (size_t i = 0; i < n; i += kLanes) {
    const Floats at = load(w + i);
    Floats slope = load(g + i), first = kFirst ? load(m + i) : splat(0.0f), second = kSecond ? load(v + i) : splat(0.0f);
    if (Penalized) slope = slope + s.l2 * at + s.l1 * sign(at);
    store(w + i, moved<R>(at, slope, first, second, s, decays));
    if (kFirst) store(m + i, first);
    if (kSecond) store(v + i, second);
  }
}
template <Rule R>
void move(float* w, float* m, float* v, const float* g, size_t n, const Step& s, bool decays) {
  decays && (s.l2 != 0 || s.l1 != 0) ? move<R, true>(w, m, v, g, n, s, true) : move<R, false>(w, m, v, g, n, s, decays);
}

using Move = void (*)(float*, float*, float*, const float*, size_t, const Step&, bool);

inline Move move_of(Rule rule) {
  switch (rule) {
    case Rule::sgd: return move<Rule::sgd>;
    case Rule::momentum: return move<Rule::momentum>;
    case Rule::nesterov: return move<Rule::nesterov>;
    case Rule::adagrad: return move<Rule::adagrad>;
    case Rule::rmsprop: return move<Rule::rmsprop>;
    case Rule::adam: return move<Rule::adam>;
    case Rule::adamw: return move<Rule::adamw>;
  }
  return nullptr;
}

}  // namespace
}  // namespace STEEPEST_ISA
