// Python's door to the programs of networks.
#include <nanobind/stl/array.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "arguments.hpp"

using namespace nanobind::literals;

namespace steepest {
namespace {

using Matrix = Out<float, 2>;
using Vector = Out<float, 1>;
// W, b, the rule's memory of W and of b, activation, its slope, the share of the numbers kept, the key of the masks
using Described = std::tuple<Matrix, std::optional<Vector>, std::vector<Matrix>, std::vector<Vector>, std::string, double, double, uint64_t>;

template <class T>
T named(const std::string& name, const std::pair<const char*, T>* begin, const std::pair<const char*, T>* end, const char* what) {
  for (; begin != end; ++begin)
    if (name == begin->first) return begin->second;
  refuse("no native " + std::string(what) + " '" + name + "'");
}

Activation activation_named(const std::string& name) {
  static const std::pair<const char*, Activation> all[] = {
      {"identity", Activation::identity}, {"step", Activation::step}, {"sigmoid", Activation::sigmoid},       {"tanh", Activation::tanh},
      {"relu", Activation::relu},         {"elu", Activation::elu},   {"leaky_relu", Activation::leaky_relu}, {"softplus", Activation::softplus}};
  return named(name, std::begin(all), std::end(all), "activation");
}

Rule rule_named(const std::string& name) {
  static const std::pair<const char*, Rule> all[] = {{"sgd", Rule::sgd},         {"momentum", Rule::momentum}, {"nesterov", Rule::nesterov},
                                                     {"adagrad", Rule::adagrad}, {"rmsprop", Rule::rmsprop},   {"adam", Rule::adam},
                                                     {"adamw", Rule::adamw}};
  return named(name, std::begin(all), std::end(all), "step rule");
}

int memories(Rule rule) { return rule == Rule::sgd ? 0 : rule == Rule::adam || rule == Rule::adamw ? 2 : 1; }

std::vector<Dense> network(const Data& data, const std::vector<Described>& layers, size_t remembered) {
  require(!layers.empty(), "a network needs a layer");
  std::vector<Dense> all;
  int64_t inputs = data.features;
  for (const auto& [W, b, mW, mb, activation, slope, keep, key] : layers) {
    require((int64_t)W.shape(0) == inputs && W.shape(1) > 0, "W of each layer must be (inputs, outputs), as many inputs as the layer before has outputs");
    require(!b || b->shape(0) == W.shape(1), "b must be (outputs)");
    require(mW.size() == remembered && mb.size() == (b ? remembered : 0), "the memory must be that of the step rule");
    require(keep > 0 && keep <= 1, "keep must be above 0 and at most 1");
    Dense layer{(int)W.shape(0), (int)W.shape(1), W.data(), b ? b->data() : nullptr, {}, {}, activation_named(activation), (float)slope, keep, key};
    for (size_t k = 0; k < remembered; ++k) {
      require(mW[k].shape(0) == W.shape(0) && mW[k].shape(1) == W.shape(1), "memory must be shaped as W and b");
      layer.memory_W[k] = mW[k].data();
      if (b) {
        require(mb[k].shape(0) == b->shape(0), "memory must be shaped as W and b");
        layer.memory_b[k] = mb[k].data();
      }
    }
    all.push_back(layer);
    inputs = (int64_t)W.shape(1);
  }
  return all;
}

std::pair<double, int64_t> descend(const Rows& X, const In<int64_t, 1>& y, const std::optional<In<int64_t, 1>>& order,
                                   const std::optional<In<float, 1>>& weight, const In<double, 1>& shift, const In<double, 1>& scales,
                                   const std::vector<Described>& layers, const In<float, 1>& lr, const std::string& loss, int64_t batch_size,
                                   const std::string& rule, const std::array<float, 4>& constants, float l2, float l1, uint64_t seed,
                                   int64_t first_step, const std::string& precision, int threads) {
  Data data = rows(X, order);
  scale(data, shift, scales);
  require(precision == "float32" || precision == "bf16", "precision must be float32 or bf16");
  Training how{loss_named(loss), l2, l1, rule_named(rule), {}, 0, lr.data(), seed, first_step, precision == "bf16"};
  const std::vector<Dense> model = network(data, layers, (size_t)memories(how.rule));
  label(data, X, y, weight, model.back().outputs);
  std::copy(constants.begin(), constants.end(), how.constants);
  check(threads);
  require(batch_size > 0, "batch_size must be positive");
  how.batch = std::min(batch_size, std::max<int64_t>(data.count, 256));
  require((int64_t)lr.shape(0) == (data.count + how.batch - 1) / how.batch, "lr needs one number a step");
  const Networks& networks = *chosen_level().networks;
  nb::gil_scoped_release free;
  const Tally tally = networks.descend(data, model, how, threads);
  return {tally.loss, tally.correct};
}

std::pair<double, int64_t> gradient(const Rows& X, const In<int64_t, 1>& y, const std::optional<In<int64_t, 1>>& order,
                                    const std::optional<In<float, 1>>& weight, const In<double, 1>& shift, const In<double, 1>& scales,
                                    const std::vector<Described>& layers, const std::string& loss, int threads) {
  Data data = rows(X, order);
  scale(data, shift, scales);
  const std::vector<Dense> model = network(data, layers, 1);
  label(data, X, y, weight, model.back().outputs);
  check(threads);
  require(data.count > 0, "there must be a row");
  const Loss which = loss_named(loss);
  const Networks& networks = *chosen_level().networks;
  nb::gil_scoped_release free;
  const Tally tally = networks.gradient(data, model, which, threads);
  return {tally.loss, tally.correct};
}

void scores(const Rows& X, const std::optional<In<int64_t, 1>>& order, const In<double, 1>& shift, const In<double, 1>& scales,
            const std::vector<Described>& layers, Out<float, 2> out, int threads) {
  Data data = rows(X, order);
  scale(data, shift, scales);
  const std::vector<Dense> model = network(data, layers, 0);
  require((int64_t)out.shape(0) == data.count && (int)out.shape(1) == model.back().outputs, "out must be (rows, classes)");
  check(threads);
  const Networks& networks = *chosen_level().networks;
  nb::gil_scoped_release free;
  networks.scores(data, model, out.data(), threads);
}

}  // namespace

void add_networks(nb::module_& m) {
  m.def("network_descend", descend, "X"_a, "y"_a.noconvert(), "order"_a.noconvert().none(), "weight"_a.none(), "shift"_a, "scale"_a, "layers"_a.noconvert(),
        "lr"_a, nb::kw_only(), "loss"_a, "batch_size"_a, "rule"_a, "constants"_a, "l2"_a, "l1"_a, "seed"_a, "first_step"_a, "precision"_a = "float32", "threads"_a);
  m.def("network_gradient", gradient, "X"_a, "y"_a.noconvert(), "order"_a.noconvert().none(), "weight"_a.none(), "shift"_a, "scale"_a,
        "layers"_a.noconvert(), nb::kw_only(), "loss"_a, "threads"_a);
  m.def("network_scores", scores, "X"_a, "order"_a.noconvert().none(), "shift"_a, "scale"_a, "layers"_a.noconvert(), "out"_a.noconvert(), nb::kw_only(),
        "threads"_a);
}

}  // namespace steepest
