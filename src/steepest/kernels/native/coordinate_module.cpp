// Python's door to coordinate descent.
#include "coordinate.hpp"

#include <algorithm>

#include "arguments.hpp"

using namespace nanobind::literals;

namespace steepest {
namespace {

std::pair<int, double> coordinate(const In<double, 3>& G, const std::optional<In<double, 2>>& U, const In<double, 3>& P, const In<double, 1>& signs,
                                  const In<double, 1>& damping, const In<double, 2>& gradient, const In<double, 1>& l1, const In<double, 1>& l2,
                                  Out<double, 2> V, Out<double, 2> Q, bool centred, double tol, int epochs, int threads) {
  const size_t C = V.shape(0), A = V.shape(1), K = Q.shape(0);
  require(C > 0 && A > 0 && C < 1 << 24 && K < 1 << 24, "V must be (classes, features)");
  require(G.shape(1) == A && G.shape(2) == A && (G.shape(0) == 1 || G.shape(0) == K), "G must be (1 or directions, features, features)");
  require(U ? U->shape(0) == C && U->shape(1) == K : K == C, "U must be (classes, directions)");
  require(Q.shape(1) == A, "Q must be (directions, features)");
  require(P.shape(0) == C && P.shape(1) == A && P.shape(2) == signs.shape(0), "P must be (classes, features, pairs), and signs (pairs)");
  require(gradient.shape(0) == C && gradient.shape(1) == A, "gradient must be shaped as V");
  require(damping.shape(0) == A && l1.shape(0) == A && l2.shape(0) == A, "damping, l1 and l2 need one number a feature");
  require(!(centred && U), "centred is for classes that are the directions themselves");
  require(epochs > 0, "epochs must be positive");
  check(threads);
  const Quadratic model{(int64_t)A, (int)C, (int)K, (int)G.shape(0), (int)signs.shape(0), G.data(), U ? U->data() : nullptr, P.data(), signs.data(),
                        damping.data(), gradient.data(), l1.data(), l2.data(), centred, tol, epochs, V.data(), Q.data()};
  const Level& level = chosen_level();
  nb::gil_scoped_release free;
  std::fill_n(Q.data(), K * A, 0.0);
  const Settled found = level.coordinate(model, threads);
  return {found.epochs, found.change};
}

}  // namespace

void add_coordinate(nb::module_& m) {
  m.def("coordinate", coordinate, "G"_a.noconvert(), "U"_a.noconvert().none(), "P"_a.noconvert(), "signs"_a, "damping"_a, "gradient"_a, "l1"_a, "l2"_a,
        "V"_a.noconvert(), "Q"_a.noconvert(), nb::kw_only(), "centred"_a = false, "tol"_a, "epochs"_a, "threads"_a);
}

}  // namespace steepest
