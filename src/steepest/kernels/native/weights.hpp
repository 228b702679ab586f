// The model while a sweep runs: weights, velocities and gradients chunk by chunk, and the step that moves them.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "chunks.hpp"

namespace STEEPEST_ISA {
namespace {

using namespace steepest;

// With Bytes the sums over rows are of x, else of x - shift: then the shift has been taken off already.
template <bool Bytes>
class Weights {
 public:
  Weights(const Data& data, int classes, const std::vector<Chunk>& chunks)
      : features_(data.features), C_(classes), chunks_(chunks), total_(chunks.back().at + (size_t)chunks.back().width * classes), W_(total_),
        G_(total_), E_(total_), V_(total_), shift_(padded()), scale_(padded()), norms_(chunks.size() * classes) {
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

  // Between the caller's class-major arrays and the chunk-major ones here.
  void gather(const float* from, float* to) const {
    for (const Chunk& c : chunks_)
      for (int k = 0; k < C_; ++k) std::copy_n(from + (size_t)k * features_ + c.first, c.size, to + c.at + (size_t)k * c.width);
  }
  void scatter(const float* from, float* to) const {
    for (const Chunk& c : chunks_)
      for (int k = 0; k < C_; ++k) std::copy_n(from + c.at + (size_t)k * c.width, c.size, to + (size_t)k * features_ + c.first);
  }

  void effective(const Chunk& c) {
    for (int k = 0; k < C_; ++k)
      for (int f = 0; f < c.width; f += kLanes) {
        const size_t at = c.at + (size_t)k * c.width + f;
        store(E() + at, load(W() + at) * load(scales(c) + f));
      }
  }

  // away_c = -sum_f shift_f E_cf: what the shift takes from the scores of bytes, which are packed as they are.
  void shift_scores(const Chunk& c, float* away) {
    for (int k = 0; k < C_; ++k) {
      Floats total = splat(0.0f);
      for (int f = 0; f < c.width; f += kLanes) total += load(shifts(c) + f) * load(E() + c.at + (size_t)k * c.width + f);
      away[k] = -sum(total);
    }
  }

  // dL/dW of a chunk: G holds sum_r d_r x_r, and of bytes their shift is still to be taken off.
  void slopes(const Chunk& c, const float* db) {
    for (int k = 0; k < C_; ++k)
      for (int f = 0; f < c.width; f += kLanes) store(G() + c.at + (size_t)k * c.width + f, slope(c, k, f, db[k]));
  }

  void update(const Chunk& c, const Descent& how, float lr, const float* db) {
    const float two = 2 * how.l2;
    for (int k = 0; k < C_; ++k)
      for (int f = 0; f < c.width; f += kLanes) {
        const size_t at = c.at + (size_t)k * c.width + f;
        Floats w = load(W() + at), v = load(V() + at), g = slope(c, k, f, db[k]) + two * w;
        if (how.l1 != 0) g += how.l1 * (select(w > 0.0f, splat(1.0f), splat(0.0f)) - select(w < 0.0f, splat(1.0f), splat(0.0f)));
        v = how.momentum * v + g;
        w -= lr * (how.nesterov ? g + how.momentum * v : v);
        store(V() + at, v);
        store(W() + at, w);
        store(E() + at, w * load(scales(c) + f));
      }
  }

  // |w_c| <= radius in two halves, since a norm is a sum over all chunks.
  void measure(size_t i) {
    const Chunk& c = chunks_[i];
    for (int k = 0; k < C_; ++k) {
      Floats total = splat(0.0f);
      for (int f = 0; f < c.width; f += kLanes) {
        const Floats w = load(W() + c.at + (size_t)k * c.width + f);
        total += w * w;
      }
      norms_.get()[i * C_ + k] = sum(total);
    }
  }
  float shrinkage(int k, float radius) const {  // what brings w_k back to the radius; 1 within it
    double square = 0;
    for (size_t i = 0; i < chunks_.size(); ++i) square += norms_.get()[i * C_ + k];
    return square <= (double)radius * radius ? 1.0f : radius / (float)std::sqrt(square);
  }
  void shrink(const Chunk& c, int k, float factor) {
    for (int f = 0; f < c.width; f += kLanes) {
      const size_t at = c.at + (size_t)k * c.width + f;
      const Floats w = load(W() + at) * factor;
      store(W() + at, w);
      store(E() + at, w * load(scales(c) + f));  // from w, as effective() has it: a run cut here goes on with the same bits
    }
  }

 private:
  size_t padded() const { return (size_t)chunks_.back().first + chunks_.back().width; }
  float* shifts(const Chunk& c) { return shift_.get() + c.first; }
  float* scales(const Chunk& c) { return scale_.get() + c.first; }

  Floats slope(const Chunk& c, int k, int f, float db) {
    Floats g = load(G() + c.at + (size_t)k * c.width + f);
    if (Bytes) g -= db * load(shifts(c) + f);
    return g * load(scales(c) + f);
  }

  const int64_t features_;
  const int C_;
  const std::vector<Chunk>& chunks_;
  const size_t total_;  // elements of a chunk-major (classes x features) array
  Aligned<float> W_, G_, E_, V_, shift_, scale_, norms_;
};

}  // namespace
}  // namespace STEEPEST_ISA
