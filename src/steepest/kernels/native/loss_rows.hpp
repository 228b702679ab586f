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
Tally loss_rows(const float* scores, float* d, size_t ld, int classes, const int32_t* y, const float* weight, int rows, float* each) {
  Tally tally{0, 0};
  for (int r = 0; r < rows; r += kLanes) {
    Ints label;
    std::memcpy(&label, y + r, sizeof label);
    const Rows lanes{scores + r, d + r, ld, classes, label};
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

using LossRows = Tally (*)(const float*, float*, size_t, int, const int32_t*, const float*, int, float*);

LossRows rows_of(Loss loss) {
  switch (loss) {
    case Loss::softmax: return loss_rows<softmax>;
    case Loss::hinge: return loss_rows<hinge>;
    case Loss::squared_hinge: return loss_rows<squared_hinge>;
    case Loss::hinge_max: return loss_rows<hinge_max>;
    case Loss::ova_hinge: return loss_rows<ova_hinge>;
    case Loss::ova_squared_hinge: return loss_rows<ova_squared_hinge>;
    case Loss::logistic: return loss_rows<logistic>;
    case Loss::squared: return loss_rows<squared>;
    case Loss::perceptron: return loss_rows<perceptron>;
  }
  return nullptr;
}

}  // namespace
}  // namespace STEEPEST_ISA
