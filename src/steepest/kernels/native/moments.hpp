#pragma once
#include "sweep.hpp"

namespace STEEPEST_ISA {

// mean and variance (features) of the rows data.order (or all) of X; the variance divides by their number.
void moments(const steepest::Data& data, double* mean, double* variance, int threads);

}  // namespace STEEPEST_ISA
