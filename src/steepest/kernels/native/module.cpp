// Python's door to the native kernels: checks what comes in, releases the interpreter, calls.
#include <nanobind/stl/vector.h>

#include <algorithm>

#include "arguments.hpp"
#include "order.hpp"

using namespace nanobind::literals;

namespace {

using namespace steepest;

const Level* chosen = nullptr;

std::vector<std::string> supported() {
  std::vector<std::string> names;
  for (const Level& level : levels())
    if (level.runs_here()) names.push_back(level.name);
  return names;
}

void use(const std::string& name) {
  for (const Level& level : levels())
    if (name == level.name && level.runs_here()) {
      chosen = &level;
      return;
    }
  refuse("no instruction-set level '" + name + "' on this processor");
}

// Only descend() writes to the weights; it alone asks for arrays that may be written.
template <class Weights, class Biases>
Linear linear(const Data& data, const Weights& W, const Biases& b) {
  require(W.shape(0) > 0 && (int64_t)W.shape(1) == data.features && b.shape(0) == W.shape(0), "W must be (classes, features) and b (classes)");
  return {(int)W.shape(0), const_cast<float*>(W.data()), const_cast<float*>(b.data())};
}

std::pair<double, int64_t> descend(const Rows& X, const In<int64_t, 1>& y, const Order& order, const std::optional<In<float, 1>>& weight,
                                   const In<double, 1>& shift, const In<double, 1>& scales, Out<float, 2> W, Out<float, 1> b, Out<float, 2> vW,
                                   Out<float, 1> vb, const In<float, 1>& lr, const std::string& loss, float smoothing, int64_t batch_size, float momentum,
                                   bool nesterov, float l2, float l1, float radius, int threads) {
  Data data = rows(X, order);
  scale(data, shift, scales);
  const Linear model = linear(data, W, b);
  label(data, X, y, weight, model.classes);
  require(vW.shape(0) == W.shape(0) && vW.shape(1) == W.shape(1) && vb.shape(0) == b.shape(0), "velocities must be shaped as W and b");
  require(batch_size > 0, "batch_size must be positive");
  check(threads);
  batch_size = std::min(batch_size, std::max<int64_t>(data.count, 256));  // no sum with it overflows; small ones stay as they are, however few rows
  require((int64_t)lr.shape(0) == (data.count + batch_size - 1) / batch_size, "lr needs one number a step");
  const Descent how{criterion(loss, smoothing), l2, l1, radius, momentum, nesterov, batch_size, lr.data(), vW.data(), vb.data()};
  const Sweeps& sweeps = *chosen->sweeps;  // read while no other thread can change it
  nb::gil_scoped_release free;
  const Tally tally = sweeps.descend(data, model, how, threads);
  return {tally.loss, tally.correct};
}

std::pair<double, int64_t> gradient(const Rows& X, const In<int64_t, 1>& y, const Order& order, const std::optional<In<float, 1>>& weight,
                                    const In<double, 1>& shift, const In<double, 1>& scales, const In<float, 2>& W,
                                    const In<float, 1>& b, Out<float, 2> dW, Out<float, 1> db, const std::string& loss, float smoothing, int threads) {
  Data data = rows(X, order);
  scale(data, shift, scales);
  const Linear model = linear(data, W, b);
  label(data, X, y, weight, model.classes);
  require(dW.shape(0) == W.shape(0) && dW.shape(1) == W.shape(1) && db.shape(0) == b.shape(0), "dW and db must be shaped as W and b");
  require(data.count > 0 && threads > 0 && threads <= kMostThreads, "there must be a row and a thread");
  const Criterion which = criterion(loss, smoothing);
  const Sweeps& sweeps = *chosen->sweeps;  // read while no other thread can change it
  nb::gil_scoped_release free;
  const Tally tally = sweeps.gradient(data, model, which, dW.data(), db.data(), threads);
  return {tally.loss, tally.correct};
}

void scores(const Rows& X, const Order& order, const In<double, 1>& shift, const In<double, 1>& scales, const In<float, 2>& W, const In<float, 1>& b,
            Out<float, 2> out, int threads) {
  Data data = rows(X, order);
  scale(data, shift, scales);
  const Linear model = linear(data, W, b);
  require((int64_t)out.shape(0) == data.count && (int)out.shape(1) == model.classes, "out must be (rows, classes)");
  check(threads);
  const Sweeps& sweeps = *chosen->sweeps;
  nb::gil_scoped_release free;
  sweeps.scores(data, model, out.data(), threads);
}

void moments(const Rows& X, const Order& order, Out<double, 1> mean, Out<double, 1> variance, int threads) {
  const Data data = rows(X, order);
  require((int64_t)mean.shape(0) == data.features && (int64_t)variance.shape(0) == data.features, "mean and variance need one number a feature");
  require(data.count > 0, "there must be a row");
  check(threads);
  const Level& level = *chosen;
  nb::gil_scoped_release free;
  level.moments(data, mean.data(), variance.data(), threads);
}

void losses(const In<float, 2>& scores, const In<int64_t, 1>& y, Out<float, 1> each, Out<float, 2> dscores, const std::string& loss, float smoothing) {
  const int classes = (int)scores.shape(1);
  require(y.shape(0) == scores.shape(0) && each.shape(0) == scores.shape(0), "y and each need one entry a row");
  require(dscores.shape(0) == scores.shape(0) && (int)dscores.shape(1) == classes, "dscores must be shaped as scores");
  for (size_t i = 0; i < y.shape(0); ++i) require(y.data()[i] >= 0 && y.data()[i] < classes, "y holds a class that scores do not have");
  chosen->sweeps->losses(criterion(loss, smoothing), scores.data(), y.data(), (int64_t)scores.shape(0), classes, each.data(), dscores.data());
}

void order(uint64_t seed, uint64_t purpose, uint64_t epoch, Out<int64_t, 1> out) {
  require(purpose < 1ull << 32 && epoch < 1ull << 32, "purpose and epoch must be below 2^32");
  nb::gil_scoped_release free;
  shuffled(seed, purpose, epoch, (int64_t)out.shape(0), out.data());
}

}  // namespace

const Level& steepest::chosen_level() { return *chosen; }

NB_MODULE(_native, m) {
  use(supported().back() == "wide" ? supported()[supported().size() - 2] : supported().back());
  m.def("levels", supported, "Instruction-set levels that this build holds and this processor runs, the plainest first.");
  m.def("level", [] { return std::string(chosen->name); }, "The level in use.");
  m.def("use", use, "level"_a, "Use this level from now on.");
  m.def("descend", descend, "X"_a, "y"_a.noconvert(), "order"_a.noconvert().none(), "weight"_a.none(), "shift"_a, "scale"_a, "W"_a.noconvert(), "b"_a.noconvert(),
        "vW"_a.noconvert(), "vb"_a.noconvert(), "lr"_a, nb::kw_only(), "loss"_a, "smoothing"_a = 0.0f, "batch_size"_a, "momentum"_a, "nesterov"_a, "l2"_a, "l1"_a,
        "radius"_a, "threads"_a);
  m.def("gradient", gradient, "X"_a, "y"_a.noconvert(), "order"_a.noconvert().none(), "weight"_a.none(), "shift"_a, "scale"_a, "W"_a.noconvert(), "b"_a.noconvert(),
        "dW"_a.noconvert(), "db"_a.noconvert(), nb::kw_only(), "loss"_a, "smoothing"_a = 0.0f, "threads"_a);
  m.def("scores", scores, "X"_a, "order"_a.noconvert().none(), "shift"_a, "scale"_a, "W"_a.noconvert(), "b"_a.noconvert(), "out"_a.noconvert(),
        nb::kw_only(), "threads"_a);
  m.def("moments", moments, "X"_a, "order"_a.noconvert().none(), "mean"_a.noconvert(), "variance"_a.noconvert(), nb::kw_only(), "threads"_a);
  m.def("losses", losses, "scores"_a, "y"_a.noconvert(), "loss"_a.noconvert(), "dscores"_a.noconvert(), nb::kw_only(), "name"_a, "smoothing"_a = 0.0f);
  add_neighbors(m);
  add_networks(m);
  add_gram(m);
  add_coordinate(m);
  add_sparse(m);
  add_ascent(m);
  m.def("order", order, "seed"_a, "purpose"_a, "epoch"_a, "out"_a.noconvert());
}
