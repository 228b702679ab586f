// The activations of steepest.ops, twins name by name, on whole vectors: the value from the sum, and the slope from the value.
#pragma once
#include "network.hpp"
#include "simd.hpp"

namespace STEEPEST_ISA {
namespace {

using steepest::Activation;

inline Floats positive_part(Floats z) { return select(z > 0.0f, z, select(z == z, splat(0.0f), z)); }

template <Activation A>
inline Floats activated(Floats z, float slope) {
  const Floats one = splat(1.0f);
  switch (A) {
    case Activation::identity: return z;
    case Activation::step: return select(z >= 0.0f, one, splat(0.0f));
    case Activation::sigmoid: {
      const Floats e = exp(min(z, -z));  // e^-|z|
      return select(z >= 0.0f, one, e) / (one + e);
    }
    case Activation::tanh: {
      const Floats e = exp(-2.0f * max(z, -z)), t = (one - e) / (one + e);
      const Floats z2 = z * z;  // near 0 the quotient loses digits: z - z^3/3 + 2z^5/15 - 17z^7/315
      const Floats small = z * (one + z2 * (-1.0f / 3 + z2 * (2.0f / 15 + z2 * (-17.0f / 315))));
      return select(z2 < 0.04f, small, select(z >= 0.0f, t, select(z == z, -t, z)));
    }
    case Activation::relu: return positive_part(z);
    case Activation::leaky_relu: return select(z > 0.0f, z, slope * z);
    case Activation::elu: return select(z > 0.0f, z, slope * (exp(min(z, splat(0.0f))) - one));
    case Activation::softplus: return positive_part(z) + log(one + exp(min(z, -z)));
  }
}

// da/dz, from a = activation(z).
template <Activation A>
inline Floats slope_at(Floats a, float slope) {
  const Floats one = splat(1.0f), zero = splat(0.0f);
  switch (A) {
    case Activation::identity: return one;
    case Activation::step: return zero;
    case Activation::sigmoid: return a * (one - a);
    case Activation::tanh: return one - a * a;
    case Activation::relu: return select(a > 0.0f, one, zero);
    case Activation::leaky_relu: return select(a > 0.0f, one, splat(slope));
    case Activation::elu: return select(a > 0.0f, one, a + slope);
    case Activation::softplus: return one - exp(-a);
  }
}

// a <- activation(a + b), over the rows of a block.
template <Activation A>
void activate(float* a, size_t lda, int rows, int width, const float* b, float slope) {
  for (int r = 0; r < rows; ++r, a += lda)
    for (int j = 0; j < width; j += kLanes) store(a + j, activated<A>(load(a + j) + load(b + j), slope));
}

// d <- d * da/dz, where `factor` turns what is stored back into a
template <Activation A>
void steepen(float* d, const float* a, size_t ld, int rows, int width, float slope, float factor) {
  if (A == Activation::identity) return;
  for (int r = 0; r < rows; ++r, a += ld, d += ld)
    for (int j = 0; j < width; j += kLanes) store(d + j, load(d + j) * slope_at<A>(load(a + j) * factor, slope));
}

using Activate = void (*)(float*, size_t, int, int, const float*, float);
using Steepen = void (*)(float*, const float*, size_t, int, int, float, float);

template <template <Activation> class F>
auto chosen_for(Activation a) {
  switch (a) {
    case Activation::identity: return F<Activation::identity>::of;
    case Activation::step: return F<Activation::step>::of;
    case Activation::sigmoid: return F<Activation::sigmoid>::of;
    case Activation::tanh: return F<Activation::tanh>::of;
    case Activation::relu: return F<Activation::relu>::of;
    case Activation::leaky_relu: return F<Activation::leaky_relu>::of;
    case Activation::elu: return F<Activation::elu>::of;
    case Activation::softplus: return F<Activation::softplus>::of;
  }
  return F<Activation::identity>::of;
}
template <Activation A>
struct Forward {
  static constexpr Activate of = activate<A>;
};
template <Activation A>
struct Backward {
  static constexpr Steepen of = steepen<A>;
};

}  // namespace
}  // namespace STEEPEST_ISA
