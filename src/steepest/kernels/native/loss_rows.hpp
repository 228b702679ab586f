// Loss, gradient and count of right answers for a group of rows, whichever the loss.
#pragma once
#include <algorithm>
#include <cstring>

#include "losses.hpp"
#include "sweep.hpp"

namespace STEEPEST_ISA {
namespace {

using namespace steepest;

template <class L>
Tally loss_rows(const float* scores, float* d, size_t ld, int classes, const int32_t* y, const float* weight, int rows, float* each, float smoothing) {
  Tally tally{0, 0};
  for (int r = 0; r < rows; r += kLanes) {
    Ints label;
    std::memcpy(&label, y + r, sizeof label);
    const Rows lanes{scores + r, d + r, ld, classes, label, smoothing};
    const Floats w = load(weight + r), loss = L::of(lanes);
    Floats best = lanes.score(0);
    Ints guess = splat(0), alive;
    const int live = std::min(kLanes, rows - r);
    for (int i = 0; i < kLanes; ++i) alive[i] = -(i < live);
    for (int c = 0; c < classes; ++c) {
      const Floats s = lanes.score(c);
      guess = select(s > best, splat(c), guess);
      best = max(s, best);
      lanes.set(c, select(alive, lanes.grad(c) * w, splat(0.0f)));  // what stands beyond the last row may be infinite
    }
    for (int i = 0; i < live; ++i) {
      tally.loss += (double)loss[i] * w[i];
      tally.correct += guess[i] == label[i];
      if (each) each[r + i] = loss[i];
    }
  }
  return tally;
}

// A loss with what it is told besides the rows.
struct LossRows {
  Tally (*of)(const float*, float*, size_t, int, const int32_t*, const float*, int, float*, float);
  float smoothing;

  Tally operator()(const float* scores, float* d, size_t ld, int classes, const int32_t* y, const float* weight, int rows, float* each) const {
    return of(scores, d, ld, classes, y, weight, rows, each, smoothing);
  }
};

LossRows rows_of(const Criterion& how) {
  const auto rows = [&](auto of) { return LossRows{of, how.smoothing}; };
  switch (how.loss) {
    case Loss::softmax: return rows(loss_rows<softmax>);
    case Loss::hinge: return rows(loss_rows<hinge>);
    case Loss::squared_hinge: return rows(loss_rows<squared_hinge>);
    case Loss::hinge_max: return rows(loss_rows<hinge_max>);
    case Loss::ova_hinge: return rows(loss_rows<ova_hinge>);
    case Loss::ova_squared_hinge: return rows(loss_rows<ova_squared_hinge>);
    case Loss::logistic: return rows(loss_rows<logistic>);
    case Loss::squared: return rows(loss_rows<squared>);
    case Loss::perceptron: return rows(loss_rows<perceptron>);
  }
  return {};
}

}  // namespace
}  // namespace STEEPEST_ISA
