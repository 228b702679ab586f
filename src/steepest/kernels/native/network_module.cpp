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
using Floats = Out<float, 1>;
using Doubles = In<double, 1>;
// kind; scale, shift, the rule's memory of each; running mean and variance; center and factor; eps, momentum
using DescribedNorm = std::tuple<std::string, std::optional<Floats>, std::optional<Floats>, std::vector<Floats>, std::vector<Floats>, std::optional<Floats>,
                                 std::optional<Floats>, std::optional<Doubles>, std::optional<Doubles>, double, double>;
using DescribedSkip = std::tuple<int, double, uint64_t>;  // the stage, the share of the rows kept, the key of their masks
// W, b, the rule's memory of W and of b, activation, its slope, the share of the numbers kept, the key of the masks, norm, skip
using Described = std::tuple<std::optional<Matrix>, std::optional<Floats>, std::vector<Matrix>, std::vector<Floats>, std::string, double, double, uint64_t,
                             std::optional<DescribedNorm>, std::optional<DescribedSkip>>;

template <class T>
T named(const std::string& name, const std::pair<const char*, T>* begin, const std::pair<const char*, T>* end, const char* what) {
  for (; begin != end; ++begin)
    if (name == begin->first) return begin->second;
  refuse("no native " + std::string(what) + " '" + name + "'");
}

Activation activation_named(const std::string& name) {
  static const std::pair<const char*, Activation> all[] = {
      {"identity", Activation::identity}, {"step", Activation::step}, {"sigmoid", Activation::sigmoid},       {"tanh", Activation::tanh},
      {"relu", Activation::relu},         {"elu", Activation::elu},   {"leaky_relu", Activation::leaky_relu}, {"softplus", Activation::softplus},
      {"gelu", Activation::gelu}};
  return named(name, std::begin(all), std::end(all), "activation");
}

Rule rule_named(const std::string& name) {
  static const std::pair<const char*, Rule> all[] = {{"sgd", Rule::sgd},         {"momentum", Rule::momentum}, {"nesterov", Rule::nesterov},
                                                     {"adagrad", Rule::adagrad}, {"rmsprop", Rule::rmsprop},   {"adam", Rule::adam},
                                                     {"adamw", Rule::adamw}};
  return named(name, std::begin(all), std::end(all), "step rule");
}

int memories(Rule rule) { return rule == Rule::sgd ? 0 : rule == Rule::adam || rule == Rule::adamw ? 2 : 1; }

// A vector of `size` with its memory, shaped as it is; one that is not there has none.
Vector vector(const std::optional<Floats>& given, const std::vector<Floats>& memory, size_t size, size_t remembered, const char* shape) {
  require(!given || given->shape(0) == size, shape);
  require(memory.size() == (given ? remembered : 0), "the memory must be that of the step rule");
  Vector all;
  if (given) all.at = given->data();
  for (size_t k = 0; k < memory.size(); ++k) {
    require(memory[k].shape(0) == size, "memory must be shaped as W and b");
    all.memory[k] = memory[k].data();
  }
  return all;
}

Norm norm_of(const DescribedNorm& described, size_t size, size_t remembered) {
  const auto& [kind, scale, shift, scales, shifts, mean, variance, center, factor, eps, momentum] = described;
  static const std::pair<const char*, Norming> all[] = {{"fixed", Norming::fixed}, {"layer", Norming::layer}, {"batch", Norming::batch}};
  Norm norm;
  norm.kind = named(kind, std::begin(all), std::end(all), "norm");
  const auto fits = [&](const auto& part, bool needed) { return needed ? part && part->shape(0) == size : !part; };
  const bool fixed = norm.kind == Norming::fixed, batch = norm.kind == Norming::batch;
  require(fits(scale, !fixed) && fits(shift, !fixed), "scale and shift must be (outputs), and a fixed norm has none");
  require(fits(mean, batch) && fits(variance, batch), "mean and variance must be (outputs) for batch norm, and no other has them");
  require(fits(center, fixed) && fits(factor, fixed), "center and factor must be (outputs) for a fixed norm, and no other has them");
  require(fixed || eps > 0, "eps must be positive");
  norm.scale = vector(scale, scales, size, remembered, "scale must be (outputs)");
  norm.shift = vector(shift, shifts, size, remembered, "shift must be (outputs)");
  if (batch) norm.mean = mean->data(), norm.variance = variance->data();
  if (fixed) norm.center = center->data(), norm.factor = factor->data();
  norm.eps = (float)eps;
  norm.momentum = (float)momentum;
  return norm;
}

std::vector<Stage> network(const Data& data, const std::vector<Described>& layers, size_t remembered) {
  require(!layers.empty(), "a network needs a layer");
  std::vector<Stage> all;
  size_t inputs = (size_t)data.features;
  for (const auto& [W, b, mW, mb, activation, slope, keep, key, norm, skip] : layers) {
    require(!W || (W->shape(0) == inputs && W->shape(1) > 0), "W of each layer must be (inputs, outputs), as many inputs as the layer before has outputs");
    const size_t outputs = W ? W->shape(1) : inputs;
    require(mW.size() == (W ? remembered : 0), "the memory must be that of the step rule");
    require(keep > 0 && keep <= 1, "keep must be above 0 and at most 1");
    Stage stage{(int)inputs, (int)outputs, W ? W->data() : nullptr, {}, vector(b, mb, outputs, remembered, "b must be (outputs)"), activation_named(activation), (float)slope, keep, key};
    for (size_t k = 0; k < mW.size(); ++k) {
      require(mW[k].shape(0) == inputs && mW[k].shape(1) == outputs, "memory must be shaped as W and b");
      stage.memory_W[k] = mW[k].data();
    }
    if (norm) stage.norm = norm_of(*norm, outputs, remembered);
    if (skip) {
      std::tie(stage.skip, stage.row_keep, stage.row_key) = *skip;
      require(stage.skip >= 0 && stage.skip < (int)all.size() && all[(size_t)stage.skip].outputs == stage.outputs, "skip must name an earlier layer with as many outputs");
      require(stage.activation == Activation::identity, "a layer that adds another's outputs has no activation");
      require(stage.row_keep > 0 && stage.row_keep <= 1, "keep must be above 0 and at most 1");
    }
    all.push_back(stage);
    inputs = outputs;
  }
  require(std::any_of(all.begin(), all.end(), [](const Stage& stage) { return stage.W; }), "a network needs a W");
  return all;
}

std::pair<double, int64_t> descend(const Rows& X, const In<int64_t, 1>& y, const std::optional<In<int64_t, 1>>& order,
                                   const std::optional<In<float, 1>>& weight, const In<double, 1>& shift, const In<double, 1>& scales,
                                   const std::vector<Described>& layers, const In<float, 1>& lr, const std::string& loss, float smoothing, int64_t batch_size,
                                   const std::string& rule, const std::array<float, 4>& constants, float l2, float l1, uint64_t seed,
                                   int64_t first_step, const std::string& precision, double most, int threads) {
  Data data = rows(X, order);
  scale(data, shift, scales);
  require(precision == "float32" || precision == "bf16", "precision must be float32 or bf16");
  Training how{criterion(loss, smoothing), l2, l1, rule_named(rule), {}, 0, lr.data(), seed, first_step, precision == "bf16", most};
  const std::vector<Stage> model = network(data, layers, (size_t)memories(how.rule));
  label(data, X, y, weight, model.back().outputs);
  std::copy(constants.begin(), constants.end(), how.constants);
  check(threads);
  require(batch_size > 0, "batch_size must be positive");
  how.batch = std::min(batch_size, std::max<int64_t>(data.count, 256));
  require((int64_t)lr.shape(0) == (data.count + how.batch - 1) / how.batch, "lr needs one number a step");
  if (std::any_of(model.begin(), model.end(), [](const Stage& stage) { return stage.norm.kind == Norming::batch; })) {
    require(how.batch > 1 && data.count % how.batch != 1, "a batch of one row has no variance");
    require(how.batch <= 1 << 24, "a batch with batch norm has at most 2^24 rows");
  }
  const Networks& networks = *chosen_level().networks;
  nb::gil_scoped_release free;
  const Tally tally = networks.descend(data, model, how, threads);
  return {tally.loss, tally.correct};
}

std::pair<double, int64_t> gradient(const Rows& X, const In<int64_t, 1>& y, const std::optional<In<int64_t, 1>>& order,
                                    const std::optional<In<float, 1>>& weight, const In<double, 1>& shift, const In<double, 1>& scales,
                                    const std::vector<Described>& layers, const std::string& loss, float smoothing, int threads) {
  Data data = rows(X, order);
  scale(data, shift, scales);
  const std::vector<Stage> model = network(data, layers, 1);
  label(data, X, y, weight, model.back().outputs);
  check(threads);
  require(data.count > 0, "there must be a row");
  const Criterion which = criterion(loss, smoothing);
  const Networks& networks = *chosen_level().networks;
  nb::gil_scoped_release free;
  const Tally tally = networks.gradient(data, model, which, threads);
  return {tally.loss, tally.correct};
}

void scores(const Rows& X, const std::optional<In<int64_t, 1>>& order, const In<double, 1>& shift, const In<double, 1>& scales,
            const std::vector<Described>& layers, Out<float, 2> out, int threads) {
  Data data = rows(X, order);
  scale(data, shift, scales);
  const std::vector<Stage> model = network(data, layers, 0);
  require((int64_t)out.shape(0) == data.count && (int)out.shape(1) == model.back().outputs, "out must be (rows, classes)");
  check(threads);
  const Networks& networks = *chosen_level().networks;
  nb::gil_scoped_release free;
  networks.scores(data, model, out.data(), threads);
}

}  // namespace

void add_networks(nb::module_& m) {
  m.def("network_descend", descend, "X"_a, "y"_a.noconvert(), "order"_a.noconvert().none(), "weight"_a.none(), "shift"_a, "scale"_a, "layers"_a.noconvert(),
        "lr"_a, nb::kw_only(), "loss"_a, "smoothing"_a = 0.0f, "batch_size"_a, "rule"_a, "constants"_a, "l2"_a, "l1"_a, "seed"_a, "first_step"_a, "precision"_a = "float32",
        "most"_a = INFINITY, "threads"_a);
  m.def("network_gradient", gradient, "X"_a, "y"_a.noconvert(), "order"_a.noconvert().none(), "weight"_a.none(), "shift"_a, "scale"_a,
        "layers"_a.noconvert(), nb::kw_only(), "loss"_a, "smoothing"_a = 0.0f, "threads"_a);
  m.def("network_scores", scores, "X"_a, "order"_a.noconvert().none(), "shift"_a, "scale"_a, "layers"_a.noconvert(), "out"_a.noconvert(), nb::kw_only(),
        "threads"_a);
}

}  // namespace steepest
