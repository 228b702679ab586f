// Products of sparse rows with a dense matrix, in float64.
#pragma once
#include <cstddef>
#include <cstdint>

namespace steepest {

enum class Values { u8, f32, f64 };

// Rows in place: row i has values[k] in column columns[k], k from starts[i] to starts[i + 1]; the columns of a row rise.
struct Sparse {
  const void* values;
  Values type;
  const void* columns;
  bool wide;  // columns are int64, else int32
  const int64_t* starts;
  int64_t count, features;
};

}  // namespace steepest

namespace STEEPEST_ISA {

// out (count, width) = X W, W (features, width).
void sparse_times(const steepest::Sparse& X, const double* W, int64_t width, double* out, int threads);

// out (features, width) += X' P, P (count, width).
void sparse_transposed_times(const steepest::Sparse& X, const double* P, int64_t width, double* out, int threads);

}  // namespace STEEPEST_ISA
