// The model while a sweep runs: weights, velocities and gradients chunk by chunk, and the step that moves them.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "chunks.hpp"
#include "digits.hpp"

namespace STEEPEST_ISA {
namespace {

using namespace steepest;

// With Bytes the sums over rows are of x, else of x - shift: then the shift has been taken off already.
template <bool Bytes>
class Weights {
 public:
  Weights(const Data& data, int classes, const std::vector<Chunk>& chunks)
      : features_(data.features), C_(classes), chunks_(chunks), total_(chunks.back().at + (size_t)chunks.back().width * classes), W_(total_),
        G_(total_), E_(total_), V_(total_), shift_(padded()), scale_(padded()), norms_(chunks.size() * classes),
        ld_((size_t)(classes + 15) / 16 * 16), away_(chunks.size() * ld_), largest_(chunks.size() * ld_) {
    for (const Chunk& c : chunks_)
      for (int f = 0; f < c.size; ++f) {
        shifts(c)[f] = (float)data.shift[c.first + f];
        scales(c)[f] = data.type == Type::f64 ? 1.0f : (float)data.scale[c.first + f];
      }
  }

  float* W() { return W_.get(); }
  float* V() { return V_.get(); }
  float* G() { return G_.get(); }  // dL/dW, first as sums over the rows
  float* E() { return E_.get(); }  // W * scale: the weights that meet x - shift

  // Of bytes, which are packed as they are, and by class: what the shift takes from their scores, -sum_f shift_f E_cf; the bits of the
  // largest |E_cf|. Whole vectors may be read.
  const float* away(size_t i) const { return away_.get() + i * ld_; }
  const int32_t* largest(size_t i) const { return largest_.get() + i * ld_; }

  // Between the caller's class-major arrays and the chunk-major ones here.
  void gather(const float* from, float* to) const {
    for (const Chunk& c : chunks_)
      for (int k = 0; k < C_; ++k) std::copy_n(from + (size_t)k * features_ + c.first, c.size, to + c.at + (size_t)k * c.width);
  }
  void scatter(const float* from, float* to) const {
    for (const Chunk& c : chunks_)
      for (int k = 0; k < C_; ++k) std::copy_n(from + c.at + (size_t)k * c.width, c.size, to + (size_t)k * features_ + c.first);
  }

  void effective(size_t i) {
    for (int k = 0; k < C_; ++k) {
      const Slice s = slice(i, k);
      Effect effect;
      for (int f = 0; f < s.width; f += kLanes) effect.set(s, f, load(s.W + f));
      keep(i, k, effect);
    }
  }

  // dL/dW of a chunk: G holds sum_r d_r x_r, and of bytes their shift is still to be taken off.
  void slopes(size_t i, const float* db) {
    for (int k = 0; k < C_; ++k) {
      const Slice s = slice(i, k);
      for (int f = 0; f < s.width; f += kLanes) store(s.G + f, slope(s, f, db[k]));
    }
  }

  void update(size_t i, const Descent& step, float lr, const float* biases) {
    const Descent how = step;  // copies, which the compiler knows that no store here changes
    const float two = 2 * how.l2;
    for (int k = 0; k < C_; ++k) {
      const Slice s = slice(i, k);
      const float db = biases[k];
      Effect effect;
      for (int f = 0; f < s.width; f += kLanes) {
        Floats w = load(s.W + f), v = load(s.V + f), g = slope(s, f, db) + two * w;
        if (how.l1 != 0) g += how.l1 * (select(w > 0.0f, splat(1.0f), splat(0.0f)) - select(w < 0.0f, splat(1.0f), splat(0.0f)));
        v = how.momentum * v + g;
        w -= lr * (how.nesterov ? g + how.momentum * v : v);
        store(s.V + f, v);
        store(s.W + f, w);
        effect.set(s, f, w);
      }
      keep(i, k, effect);
    }
  }

  // |w_c| <= radius in two halves, since a norm is a sum over all chunks.
  void measure(size_t i) {
    for (int k = 0; k < C_; ++k) {
      const Slice s = slice(i, k);
      Floats total = splat(0.0f);
      for (int f = 0; f < s.width; f += kLanes) total += load(s.W + f) * load(s.W + f);
      norms_.get()[i * C_ + k] = sum(total);
    }
  }
  float shrinkage(int k, float radius) const {  // what brings w_k back to the radius; 1 within it
    double square = 0;
    for (size_t i = 0; i < chunks_.size(); ++i) square += norms_.get()[i * C_ + k];
    return square <= (double)radius * radius ? 1.0f : radius / (float)std::sqrt(square);
  }
  void shrink(size_t i, int k, float factor) {
    const Slice s = slice(i, k);
    Effect effect;
    for (int f = 0; f < s.width; f += kLanes) {
      const Floats w = load(s.W + f) * factor;
      store(s.W + f, w);
      effect.set(s, f, w);  // from w, as effective() has it: a run cut here goes on with the same bits
    }
    keep(i, k, effect);
  }

 private:
  size_t padded() const { return (size_t)chunks_.back().first + chunks_.back().width; }
  float* shifts(const Chunk& c) { return shift_.get() + c.first; }
  float* scales(const Chunk& c) { return scale_.get() + c.first; }

  // One class in one chunk.
  struct Slice {
    float *W, *V, *G, *E;
    const float *shift, *scale;
    int width;
  };
  Slice slice(size_t i, int k) {
    const Chunk& c = chunks_[i];
    const size_t at = c.at + (size_t)k * c.width;
    return {W() + at, V() + at, G() + at, E() + at, shifts(c), scales(c), c.width};
  }

  // E, and what is summed up about it while it passes.
  struct Effect {
    Floats shifted = splat(0.0f);
    Ints most = splat(0);
    void set(const Slice& s, int f, Floats w) {
      const Floats e = w * load(s.scale + f);
      store(s.E + f, e);
      if (Bytes) shifted += load(s.shift + f) * e;
      if (Bytes && kMultipliesBytes) most = larger(most, magnitude(e));
    }
  };
  void keep(size_t i, int k, const Effect& effect) {
    away_.get()[i * ld_ + k] = -sum(effect.shifted);
    if (kMultipliesBytes) largest_.get()[i * ld_ + k] = STEEPEST_ISA::largest(effect.most);
  }

  static Floats slope(const Slice& s, int f, float db) {
    Floats g = load(s.G + f);
    if (Bytes) g -= db * load(s.shift + f);
    return g * load(s.scale + f);
  }

  const int64_t features_;
  const int C_;
  const std::vector<Chunk>& chunks_;
  const size_t total_;  // elements of a chunk-major (classes x features) array
  Aligned<float> W_, G_, E_, V_, shift_, scale_, norms_;
  const size_t ld_;  // classes, in whole vectors
  Aligned<float> away_;
  Aligned<int32_t> largest_;
};

}  // namespace
}  // namespace STEEPEST_ISA
