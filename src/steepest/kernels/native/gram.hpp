// Sums over the rows of products of their features: the Gram matrix, and the features' sums by class.
#pragma once
#include "sweep.hpp"

namespace STEEPEST_ISA {

// out (features, features) = sum_i weight_i x'_i x'_i'. Bytes without weights are summed in integers, exactly; all else in blocks of float32
// that are added up in float64, or in float64 altogether where it is to be `precise`.
void gram(const steepest::Data& data, bool precise, double* out, int threads);

// out (classes, features): out[c] = sum of weight_i x'_i over the rows with y_i = c, in float64.
void cross(const steepest::Data& data, int classes, double* out, int threads);

}  // namespace STEEPEST_ISA
