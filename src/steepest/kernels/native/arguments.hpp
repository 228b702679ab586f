// What the doors to the native kernels share: the types of their arguments, and the checks of what comes in.
#pragma once
#include <cmath>
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "levels.hpp"

namespace steepest {

namespace nb = nanobind;

constexpr int kMostThreads = 1024;

using Rows = nb::ndarray<nb::ro, nb::ndim<2>, nb::device::cpu>;
template <class T, int N>
using In = nb::ndarray<const T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;
template <class T, int N>
using Out = nb::ndarray<T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;

[[noreturn]] inline void refuse(const std::string& what) { throw std::invalid_argument(what); }
inline void require(bool good, const char* what) {
  if (!good) refuse(what);
}

inline void check(int threads) { require(threads > 0 && threads <= kMostThreads, "threads must be from 1 to 1024"); }

inline Type type_of(const Rows& X) {
  if (X.dtype() == nb::dtype<uint8_t>()) return Type::u8;
  if (X.dtype() == nb::dtype<float>()) return Type::f32;
  if (X.dtype() == nb::dtype<double>()) return Type::f64;
  require(X.dtype().code == (uint8_t)nb::dlpack::dtype_code::Float && X.dtype().bits == 16 && X.dtype().lanes == 1,
          "X must be uint8, float16, float32 or float64");
  return Type::f16;
}

using Order = std::optional<In<int64_t, 1>>;

inline Data rows(const Rows& X, const Order& order) {
  Data data{};
  data.X = X.data();
  data.type = type_of(X);
  data.row_bytes = X.stride(0) * (int64_t)X.dtype().bits / 8;
  data.features = (int64_t)X.shape(1);
  data.order = order ? order->data() : nullptr;
  data.count = order ? (int64_t)order->shape(0) : (int64_t)X.shape(0);
  require(data.features > 0, "X has no features");
  require(X.shape(0) == 0 || X.shape(1) == 1 || X.stride(1) == 1, "the features of a row must be contiguous");
  require(reinterpret_cast<uintptr_t>(data.X) % (X.dtype().bits / 8) == 0, "X must be aligned to its type: np.require(X, requirements=\"A\") copies it so");
  if (order)
    for (int64_t i = 0; i < data.count; ++i)
      require(data.order[i] >= 0 && data.order[i] < (int64_t)X.shape(0), "order names a row that X does not have");
  return data;
}

inline void scale(Data& data, const In<double, 1>& shift, const In<double, 1>& scale) {
  require((int64_t)shift.shape(0) == data.features && (int64_t)scale.shape(0) == data.features, "shift and scale need one number a feature");
  data.shift = shift.data();
  data.scale = scale.data();
}

inline void label(Data& data, const Rows& X, const In<int64_t, 1>& y, const std::optional<In<float, 1>>& weight, int classes) {
  require(y.shape(0) == X.shape(0) && (!weight || weight->shape(0) == X.shape(0)), "y and weight need one entry a row");
  for (size_t i = 0; i < y.shape(0); ++i) require(y.data()[i] >= 0 && y.data()[i] < classes, "y holds a class that W does not have");
  data.y = y.data();
  data.weight = weight ? weight->data() : nullptr;
}

inline Loss loss_named(const std::string& name) {
  static const std::pair<const char*, Loss> all[] = {
      {"softmax", Loss::softmax},     {"hinge", Loss::hinge},
      {"squared_hinge", Loss::squared_hinge}, {"hinge_max", Loss::hinge_max},
      {"ova_hinge", Loss::ova_hinge}, {"ova_squared_hinge", Loss::ova_squared_hinge},
      {"logistic", Loss::logistic},   {"squared", Loss::squared},
      {"perceptron", Loss::perceptron}};
  for (const auto& [known, loss] : all)
    if (name == known) return loss;
  refuse("no native loss '" + name + "'");
}

inline Criterion criterion(const std::string& loss, float smoothing) {
  const Loss named = loss_named(loss);
  const bool widens = named == Loss::hinge || named == Loss::ova_hinge;
  require(smoothing >= 0 && smoothing < (widens ? INFINITY : 1) && (smoothing == 0 || widens || named == Loss::softmax),
          "smoothing is of softmax, at least 0 and below 1, or the width of hinge and ova_hinge");
  return {named, smoothing};
}

const Level& chosen_level();  // read it while the interpreter is held: no other thread can change it then

void add_neighbors(nb::module_& m);
void add_networks(nb::module_& m);
void add_gram(nb::module_& m);
void add_coordinate(nb::module_& m);
void add_sparse(nb::module_& m);
void add_ascent(nb::module_& m);

}  // namespace steepest
