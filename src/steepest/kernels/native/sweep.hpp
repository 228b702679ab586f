// What a sweep over the rows is told, the same for every instruction set.
#pragma once
#include <cstddef>
#include <cstdint>

namespace steepest {

enum class Type { u8, f16, f32, f64 };
enum class Loss { softmax, hinge, squared_hinge, hinge_max, ova_hinge, ova_squared_hinge, logistic, squared, perceptron };

// L_i: one of the losses, and how far the softmax loss smooths the labels or over which width the hinges are rounded.
struct Criterion {
  Loss loss;
  float smoothing;
  Criterion(Loss loss, float smoothing = 0) : loss(loss), smoothing(smoothing) {}
};

// Examples in place: row order[i] of X, for i = 0 .. count - 1 (order may be null: rows 0, 1, 2, ...).
struct Data {
  const void* X;
  Type type;
  int64_t row_bytes;  // from one row to the next
  int64_t features;
  const int64_t* y;    // class of each row of X; null when only scores are wanted
  const float* weight;  // of each row of X, or null
  const int64_t* order;
  int64_t count;
  const double* shift;  // (features): x' = (x - shift) * scale
  const double* scale;
};

// scores = W x' + b, in class-major order: W[c * features + f].
struct Linear {
  int classes;
  float *W, *b;
};

// L(W) = mean loss + l2 * sum W^2 + l1 * sum |W|, |w_c| <= radius; v <- momentum v + dL/dW, W <- W - lr (v, or looking ahead).
struct Descent {
  Criterion loss;
  float l2, l1, radius;
  float momentum;
  bool nesterov;
  int64_t batch;
  const float* lr;  // one for each step
  float *vW, *vb;   // velocities, shaped as W and b
};

struct Tally {
  double loss;      // sum over the rows of weight * loss, at the weights that each batch met
  int64_t correct;  // rows whose largest score is their class's
};

// One table of entry points for each instruction set.
struct Sweeps {
  Tally (*descend)(const Data&, const Linear&, const Descent&, int threads);
  Tally (*gradient)(const Data&, const Linear&, Criterion, float* dW, float* db, int threads);
  void (*scores)(const Data&, const Linear&, float* out, int threads);
  void (*losses)(Criterion, const float* scores, const int64_t* y, int64_t rows, int classes, float* loss, float* dscores);
};

}  // namespace steepest
