// Python's door to the search for neighbours.
#include "neighbors.hpp"

#include <algorithm>

#include "arguments.hpp"

using namespace nanobind::literals;

namespace steepest {
namespace {

void neighbors(const Rows& X, const Rows& Z, Out<double, 2> distance, Out<int64_t, 2> index, const std::string& metric, int threads) {
  require(metric == "l1" || metric == "l2", "metric must be l1 or l2");
  Neighbors task{rows(X, std::nullopt), rows(Z, std::nullopt), metric == "l1" ? Metric::l1 : Metric::l2, (int64_t)distance.shape(1), distance.data(), index.data()};
  require(task.Z.type == Type::f64 || (task.Z.type == Type::u8 && task.X.type == Type::u8), "Z must be float64, or uint8 where X is");
  require(task.Z.features == task.X.features, "X and Z must have the same features");
  require(task.X.features < 1 << 24, "there are more than 2^24 features");  // 255 of them each fit in 32 bits
  require(task.k > 0 && task.k <= task.X.count, "there must be from one neighbour to as many as X has rows");
  require((int64_t)distance.shape(0) == task.Z.count && index.shape(0) == distance.shape(0) && index.shape(1) == distance.shape(1),
          "distance and index must be (rows of Z, neighbours)");
  check(threads);
  const Level& level = chosen_level();
  nb::gil_scoped_release free;
  if (task.Z.count > 0) level.neighbors(task, threads);
}

}  // namespace

double neighbors_memory(int64_t features, int64_t k, int threads) {
  const double D = (double)features, queries = std::max(128 * D, std::min(4096 * D, 0x1p22));  // packed: a panel at least
  return threads * (queries + 0x1p19 + 1024.0 * (double)k) + 64 * D;
}

void add_neighbors(nb::module_& m) {
  m.def("neighbors", neighbors, "X"_a, "Z"_a, "distance"_a.noconvert(), "index"_a.noconvert(), nb::kw_only(), "metric"_a, "threads"_a);
  m.def("neighbors_memory", neighbors_memory, "features"_a, "k"_a, nb::kw_only(), "threads"_a);
}

}  // namespace steepest
