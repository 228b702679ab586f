// Dual block coordinate ascent for the hinges, and the Gram matrices of the blocks' rows that it steps by.
#pragma once
#include "sweep.hpp"

namespace steepest {

// max over p of  -1/N sum_i w_i L*_i(p_i) - |1/N sum_i w_i x'_i p_i'|^2 / (4 alpha),   W = -1/strength sum_i w_i x'_i p_i'
struct Ascent {
  Loss loss;            // hinge, hinge_max or ova_hinge
  float strength;       // 2 alpha N
  float bias;           // the square of the feature that stands for the bias
  int block;            // rows between two looks at W
  const float* gram;    // of the k-th row to visit: x'_k x'_j for the rows j of its block, in gram[k * block]
  const int64_t* turn;  // the blocks in their order
  int64_t turns;
  float* p;  // (rows of X, classes): moved in place
};

}  // namespace steepest

namespace STEEPEST_ISA {

// One pass: W and b follow the p_i. Returns sum_i w_i (L_i(s_i) + L*_i(p_i) - <p_i, s_i>), s_i and p_i as the pass meets them, and how many
// of the rows moved.
steepest::Tally ascend(const steepest::Data& data, const steepest::Linear& model, const steepest::Ascent& how, int threads);

// p_i = argmax over p of <s_i, p> - L*_i(p) - |p|^2 / (2 strength), for scores s and slopes p (rows, classes).
void best_slopes(steepest::Loss loss, const float* s, const int64_t* y, int64_t rows, int classes, float strength, float* p, int threads);

// out (classes, features) = sum_i w_i p_ic x'_i, in float64 but for blocks of 256 rows.
void pull(const steepest::Data& data, const float* p, int classes, double* out, int threads);

// out[k * block + j] = x'_k x'_j of the k-th row to visit and the j-th of its block.
void block_grams(const steepest::Data& data, int block, float* out, int threads);

}  // namespace STEEPEST_ISA
