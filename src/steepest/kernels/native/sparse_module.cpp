// Python's door to the products of sparse rows.
#include <type_traits>

#include "arguments.hpp"

using namespace nanobind::literals;

namespace steepest {
namespace {

using Flat = nb::ndarray<nb::ro, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

Values values_of(const Flat& values) {
  if (values.dtype() == nb::dtype<uint8_t>()) return Values::u8;
  if (values.dtype() == nb::dtype<float>()) return Values::f32;
  require(values.dtype() == nb::dtype<double>(), "values must be uint8, float32 or float64");
  return Values::f64;
}

template <class I>
void within(const I* columns, const Sparse& X) {
  std::make_unsigned_t<I> most = 0;  // what is below 0 is very large
  for (int64_t k = X.starts[0]; k < X.starts[X.count]; ++k) most = std::max(most, (std::make_unsigned_t<I>)columns[k]);
  require(X.starts[X.count] == X.starts[0] || (uint64_t)most < (uint64_t)X.features, "columns holds a feature that X does not have");
}

Sparse sparse(const Flat& values, const Flat& columns, const In<int64_t, 1>& starts, int64_t features) {
  const bool wide = columns.dtype() == nb::dtype<int64_t>();
  require(wide || columns.dtype() == nb::dtype<int32_t>(), "columns must be int32 or int64");
  require(starts.shape(0) > 0 && starts.data()[0] >= 0, "starts must begin at 0 or above");
  const Sparse X{values.data(), values_of(values), columns.data(), wide, starts.data(), (int64_t)starts.shape(0) - 1, features};
  for (int64_t i = 0; i < X.count; ++i) require(X.starts[i] <= X.starts[i + 1], "starts must rise");
  require(X.starts[X.count] <= (int64_t)std::min(values.shape(0), columns.shape(0)), "starts must end within values and columns");
  wide ? within(static_cast<const int64_t*>(X.columns), X) : within(static_cast<const int32_t*>(X.columns), X);
  return X;
}

void times(const Flat& values, const Flat& columns, const In<int64_t, 1>& starts, const In<double, 2>& W, Out<double, 2> out, int threads) {
  const Sparse X = sparse(values, columns, starts, (int64_t)W.shape(0));
  require((int64_t)out.shape(0) == X.count && out.shape(1) == W.shape(1), "out must be (rows, columns of W)");
  check(threads);
  const Level& level = chosen_level();
  nb::gil_scoped_release free;
  level.sparse_times(X, W.data(), (int64_t)W.shape(1), out.data(), threads);
}

void transposed_times(const Flat& values, const Flat& columns, const In<int64_t, 1>& starts, const In<double, 2>& P, Out<double, 2> out, int threads) {
  const Sparse X = sparse(values, columns, starts, (int64_t)out.shape(0));
  require((int64_t)P.shape(0) == X.count && out.shape(1) == P.shape(1), "P must be (rows, columns of out)");
  check(threads);
  const Level& level = chosen_level();
  nb::gil_scoped_release free;
  level.sparse_transposed_times(X, P.data(), (int64_t)P.shape(1), out.data(), threads);
}

}  // namespace

void add_sparse(nb::module_& m) {
  m.def("sparse_times", times, "values"_a.noconvert(), "columns"_a.noconvert(), "starts"_a.noconvert(), "W"_a.noconvert(), "out"_a.noconvert(), nb::kw_only(),
        "threads"_a);
  m.def("sparse_transposed_times", transposed_times, "values"_a.noconvert(), "columns"_a.noconvert(), "starts"_a.noconvert(), "P"_a.noconvert(),
        "out"_a.noconvert(), nb::kw_only(), "threads"_a);
}

}  // namespace steepest
