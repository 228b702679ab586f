// Python's door to dual block coordinate ascent.
#include <algorithm>

#include "arguments.hpp"

using namespace nanobind::literals;

namespace steepest {
namespace {

constexpr int kMostRows = 256;  // of a block

Loss hinge_named(const std::string& loss) {
  const Loss named = loss_named(loss);
  require(named == Loss::hinge || named == Loss::hinge_max || named == Loss::ova_hinge, "the loss must be hinge, hinge_max or ova_hinge");
  return named;
}

std::pair<double, int64_t> ascend(const Rows& X, const In<int64_t, 1>& y, const Order& order, const std::optional<In<float, 1>>& weight,
                                  const In<double, 1>& shift, const In<double, 1>& scales, Out<float, 2> W, Out<float, 1> b, Out<float, 2> p,
                                  const In<float, 2>& gram, const In<int64_t, 1>& turn, const std::string& loss, float strength, float bias, int threads) {
  Data data = rows(X, order);
  scale(data, shift, scales);
  require(W.shape(0) > 1 && (int64_t)W.shape(1) == data.features && b.shape(0) == W.shape(0), "W must be (classes, features) and b (classes)");
  const Linear model{(int)W.shape(0), W.data(), b.data()};
  label(data, X, y, weight, model.classes);
  require(!weight || std::none_of(data.weight, data.weight + weight->shape(0), [](float w) { return w < 0; }), "weight must not be negative");
  require(p.shape(0) == X.shape(0) && p.shape(1) == W.shape(0), "p must be (rows, classes)");
  const int64_t block = (int64_t)gram.shape(1);
  require((int64_t)gram.shape(0) == data.count && block > 0 && block <= kMostRows, "gram needs a row for each to visit, of 1 to 256 numbers");
  require(strength > 0 && bias > 0 && std::isfinite(strength) && std::isfinite(bias), "strength and bias must be positive");
  check(threads);
  for (size_t i = 0; i < turn.shape(0); ++i)
    require(turn.data()[i] >= 0 && turn.data()[i] < (data.count + block - 1) / block, "turn names a block that there is not");
  const Ascent how{hinge_named(loss), strength, bias, (int)block, gram.data(), turn.data(), (int64_t)turn.shape(0), p.data()};
  const Level& level = chosen_level();
  nb::gil_scoped_release free;
  const Tally tally = level.ascend(data, model, how, threads);
  return {tally.loss, tally.correct};
}

void best_slopes(const In<float, 2>& scores, const In<int64_t, 1>& y, Out<float, 2> p, const std::string& loss, float strength, int threads) {
  const int64_t rows = (int64_t)scores.shape(0);
  const int classes = (int)scores.shape(1);
  require(classes > 1 && (int64_t)y.shape(0) == rows, "y needs one entry a row, and there must be two classes");
  require((int64_t)p.shape(0) == rows && (int)p.shape(1) == classes, "p must be shaped as scores");
  for (int64_t i = 0; i < rows; ++i) require(y.data()[i] >= 0 && y.data()[i] < classes, "y holds a class that scores do not have");
  require(strength > 0 && std::isfinite(strength), "strength must be positive");
  check(threads);
  const Loss named = hinge_named(loss);
  const Level& level = chosen_level();
  nb::gil_scoped_release free;
  level.best_slopes(named, scores.data(), y.data(), rows, classes, strength, p.data(), threads);
}

void pull(const Rows& X, const Order& order, const std::optional<In<float, 1>>& weight, const In<double, 1>& shift, const In<double, 1>& scales,
          const In<float, 2>& p, Out<double, 2> out, int threads) {
  Data data = rows(X, order);
  scale(data, shift, scales);
  require(!weight || weight->shape(0) == X.shape(0), "weight needs one entry a row");
  data.weight = weight ? weight->data() : nullptr;
  require(p.shape(0) == X.shape(0) && p.shape(1) > 0, "p must be (rows, classes)");
  require(out.shape(0) == p.shape(1) && (int64_t)out.shape(1) == data.features, "out must be (classes, features)");
  check(threads);
  const Level& level = chosen_level();
  nb::gil_scoped_release free;
  level.pull(data, p.data(), (int)p.shape(1), out.data(), threads);
}

void block_grams(const Rows& X, const Order& order, const In<double, 1>& shift, const In<double, 1>& scales, Out<float, 2> out, int threads) {
  Data data = rows(X, order);
  scale(data, shift, scales);
  require((int64_t)out.shape(0) == data.count && out.shape(1) > 0 && out.shape(1) <= kMostRows, "out needs a row for each to visit, of 1 to 256 numbers");
  require(data.features < 1 << 24, "X has too many features for a Gram matrix");
  check(threads);
  const Level& level = chosen_level();
  nb::gil_scoped_release free;
  level.block_grams(data, (int)out.shape(1), out.data(), threads);
}

}  // namespace

void add_ascent(nb::module_& m) {
  m.def("ascend", ascend, "X"_a, "y"_a.noconvert(), "order"_a.noconvert().none(), "weight"_a.none(), "shift"_a, "scale"_a, "W"_a.noconvert(),
        "b"_a.noconvert(), "p"_a.noconvert(), "gram"_a.noconvert(), "turn"_a.noconvert(), nb::kw_only(), "loss"_a, "strength"_a, "bias"_a, "threads"_a);
  m.def("best_slopes", best_slopes, "scores"_a, "y"_a.noconvert(), "p"_a.noconvert(), nb::kw_only(), "loss"_a, "strength"_a, "threads"_a);
  m.def("pull", pull, "X"_a, "order"_a.noconvert().none(), "weight"_a.none(), "shift"_a, "scale"_a, "p"_a.noconvert(), "out"_a.noconvert(),
        nb::kw_only(), "threads"_a);
  m.def("block_grams", block_grams, "X"_a, "order"_a.noconvert().none(), "shift"_a, "scale"_a, "out"_a.noconvert(), nb::kw_only(), "threads"_a);
}

}  // namespace steepest
