// Python's door to the Gram matrices.
#include <algorithm>

#include "arguments.hpp"

using namespace nanobind::literals;

namespace steepest {
namespace {

using Weights = std::optional<In<float, 1>>;

void weigh(Data& data, const Rows& X, const Weights& weight) {
  require(!weight || weight->shape(0) == X.shape(0), "weight needs one entry a row");
  data.weight = weight ? weight->data() : nullptr;
  if (weight) require(std::none_of(data.weight, data.weight + weight->shape(0), [](float w) { return w < 0; }), "weight must not be negative");
}

void gram(const Rows& X, const Order& order, const Weights& weight, const In<double, 1>& shift, const In<double, 1>& scales, Out<double, 2> out,
          const std::string& precision, int threads) {
  Data data = rows(X, order);
  scale(data, shift, scales);
  weigh(data, X, weight);
  require((int64_t)out.shape(0) == data.features && (int64_t)out.shape(1) == data.features, "out must be (features, features)");
  require(precision == "float32" || precision == "float64", "precision must be float32 or float64");
  require(data.features < 1 << 24, "X has too many features for a Gram matrix");
  require(data.count > 0, "there must be a row");
  check(threads);
  const Level& level = chosen_level();
  nb::gil_scoped_release free;
  level.gram(data, precision == "float64", out.data(), threads);
}

void cross(const Rows& X, const In<int64_t, 1>& y, const Order& order, const Weights& weight, const In<double, 1>& shift, const In<double, 1>& scales,
           Out<double, 2> out, int threads) {
  Data data = rows(X, order);
  scale(data, shift, scales);
  label(data, X, y, weight, (int)out.shape(0));
  require(out.shape(0) > 0 && (int64_t)out.shape(1) == data.features, "out must be (classes, features)");
  check(threads);
  const Level& level = chosen_level();
  nb::gil_scoped_release free;
  level.cross(data, (int)out.shape(0), out.data(), threads);
}

}  // namespace

void add_gram(nb::module_& m) {
  m.def("gram", gram, "X"_a, "order"_a.noconvert().none(), "weight"_a.none(), "shift"_a, "scale"_a, "out"_a.noconvert(), nb::kw_only(),
        "precision"_a = "float32", "threads"_a);
  m.def("cross", cross, "X"_a, "y"_a.noconvert(), "order"_a.noconvert().none(), "weight"_a.none(), "shift"_a, "scale"_a, "out"_a.noconvert(), nb::kw_only(),
        "threads"_a);
}

}  // namespace steepest
