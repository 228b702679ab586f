// What the program of a network is told, the same for every instruction set.
#pragma once
#include <vector>

#include "sweep.hpp"

namespace steepest {

enum class Activation { identity, step, sigmoid, tanh, relu, leaky_relu, elu, softplus };
enum class Rule { sgd, momentum, nesterov, adagrad, rmsprop, adam, adamw };

// One layer: a <- activation(a W + b), then each number kept with probability `keep` and divided by it, in training.
struct Dense {
  int inputs, outputs;
  float* W;  // (inputs, outputs), row by row
  float* b;  // (outputs), or null
  float* memory_W[2];  // of the step rule, shaped as W; null where the rule has less
  float* memory_b[2];
  Activation activation;
  float slope;  // of leaky_relu and elu below 0
  double keep;
  uint64_t key;  // of the masks: the layer's place in the model
};

// L = mean loss + l2 sum W^2 + l1 sum |W|, and how its gradient becomes a step.
struct Training {
  Loss loss;
  float l2, l1;
  Rule rule;
  float constants[4];  // momentum: mu; rmsprop: rho, epsilon; adagrad: epsilon; adam: beta1, beta2, epsilon; adamw: and decay
  int64_t batch;
  const float* lr;  // one for each step
  uint64_t seed;
  int64_t first_step;  // steps taken before: counts for masks and for Adam's bias correction
  bool brain;  // products in bfloat16, everything else in float32
};

struct Networks {
  Tally (*descend)(const Data&, const std::vector<Dense>&, const Training&, int threads);
  // Leaves dL/dW in memory_W[0] and dL/db in memory_b[0], of the sum over the rows, without the penalty.
  Tally (*gradient)(const Data&, const std::vector<Dense>&, Loss, int threads);
  void (*scores)(const Data&, const std::vector<Dense>&, float* out, int threads);
};

}  // namespace steepest
