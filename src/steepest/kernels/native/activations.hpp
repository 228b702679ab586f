// The activations of steepest.ops, twins name by name, on whole vectors: the value from the sum, and the slope from the value. That of
// gelu does not follow from its value: it is kept on the way forward.
#pragma once
#include "network.hpp"
#include "simd.hpp"

namespace STEEPEST_ISA {
namespace {

using steepest::Activation;

inline Floats positive_part(Floats z) { return select(z > 0.0f, z, select(z == z, splat(0.0f), z)); }

// The normal distribution P(Z <= z) and its density. Below -|z| it is the density times a smooth function of |z|, here a polynomial in
// c / (c + |z|), to 1.4e-8 of its value: so it keeps its digits far below 0.
struct Normal {
  Floats share, density;
  explicit Normal(Floats z) {
    const Floats t = max(z, -z), e = exp(-0.5f * t * t), w = 4.75f / (4.75f + t), u = 2.0f * w - 1.0f;
    Floats p = splat(-2.74570557e-4f);
    for (const float c : {-4.85495996e-5f, 2.43040564e-3f, 1.06590216e-2f, 2.90749998e-2f, 5.98281377e-2f, 9.93819971e-2f, 0.137597759f, 0.161350796f}) p = p * u + c;
    const Floats beyond = e * w * p;
    share = select(z > 0.0f, 1.0f - beyond, beyond);
    density = 0.398942280f * e;
  }
};

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
    case Activation::gelu: return z * Normal(z).share;
    case Activation::softplus: return positive_part(z) + log1p(exp(min(z, -z)));
  }
}

// da/dz, from a = activation(z); of gelu, from what was kept.
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
    case Activation::gelu: return a;
    case Activation::softplus: return one - exp(-a);
  }
}

// a <- activation(a + b), over the rows of a block; gelu leaves its slopes in `kept`.
template <Activation A>
void activate(float* a, size_t lda, int rows, int width, const float* b, float slope, float* kept) {
  for (int r = 0; r < rows; ++r, a += lda)
    for (int j = 0; j < width; j += kLanes) {
      const Floats z = load(a + j) + load(b + j);
      if constexpr (A == Activation::gelu) {
        const Normal normal(z);
        store(a + j, z * normal.share);
        store(kept + r * lda + j, normal.share + z * normal.density);
      } else {
        store(a + j, activated<A>(z, slope));
      }
    }
}

// d <- d * da/dz, where `factor` turns what is stored back into a
template <Activation A>
void steepen(float* d, const float* a, size_t ld, int rows, int width, float slope, float factor) {
  if (A == Activation::identity) return;
  for (int r = 0; r < rows; ++r, a += ld, d += ld)
    for (int j = 0; j < width; j += kLanes) store(d + j, load(d + j) * slope_at<A>(load(a + j) * factor, slope));
}

using Activate = void (*)(float*, size_t, int, int, const float*, float, float*);
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
    case Activation::gelu: return F<Activation::gelu>::of;
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
