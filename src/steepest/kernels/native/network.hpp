// What the program of a network is told, the same for every instruction set.
#pragma once
#include <vector>

#include "sweep.hpp"

namespace steepest {

enum class Activation { identity, step, sigmoid, tanh, relu, leaky_relu, elu, gelu, softplus };
enum class Norming { none, fixed, layer, batch };
enum class Rule { sgd, momentum, nesterov, adagrad, rmsprop, adam, adamw };

// A vector of parameters that neither the penalty nor the decay acts on, and the step rule's memory of it; null where there is none.
struct Vector {
  float* at = nullptr;
  float* memory[2] = {};
};

// y = (x - mean) / sqrt(variance + eps) * scale + shift, over a row (layer) or over the batch (batch; in evaluation the running statistics),
// or y = (x - center) * factor (fixed).
struct Norm {
  Norming kind = Norming::none;
  Vector scale, shift;
  float *mean = nullptr, *variance = nullptr;  // of batch: the running statistics, moved by each step
  float eps = 0, momentum = 0;
  const double *center = nullptr, *factor = nullptr;
};

// One stage: a <- m D(activation(norm(x W + b))) + a of an earlier stage, x being what the stage before made. Every part but the
// activation may be missing. In training dropout D keeps each number with probability `keep`, and m each row with `row_keep`, and divides by it.
struct Stage {
  int inputs, outputs;
  float* W;  // (inputs, outputs), row by row; null: x itself, and as many outputs as inputs
  float* memory_W[2];  // of the step rule, shaped as W; null where the rule has less
  Vector b;
  Activation activation;
  float slope;  // of leaky_relu and elu below 0
  double keep;
  uint64_t key;  // of the masks: the layer's place in the model
  Norm norm = {};
  int skip = -1;  // the earlier stage that is added; it and this one have as many outputs. The activation here is the identity
  double row_keep = 1;
  uint64_t row_key = 0;
};

// L = mean loss + l2 sum W^2 + l1 sum |W|, and how its gradient becomes a step.
struct Training {
  Criterion loss;
  float l2, l1;
  Rule rule;
  float constants[4];  // momentum: mu; rmsprop: rho, epsilon; adagrad: epsilon; adam: beta1, beta2, epsilon; adamw: and decay
  int64_t batch;
  const float* lr;  // one for each step
  uint64_t seed;
  int64_t first_step;  // steps taken before: counts for masks and for Adam's bias correction
  bool brain;  // products in bfloat16, everything else in float32
  double most;  // where the losses add up to more, or a parameter is not finite, nothing moves and the loss is infinite; infinite: nobody looks
};

struct Networks {
  Tally (*descend)(const Data&, const std::vector<Stage>&, const Training&, int threads);
  // Leaves dL/dW in memory_W[0], and so for b, scale and shift, of the sum over the rows, without the penalty; as in evaluation.
  Tally (*gradient)(const Data&, const std::vector<Stage>&, Criterion, int threads);
  void (*scores)(const Data&, const std::vector<Stage>&, float* out, int threads);
};

}  // namespace steepest
