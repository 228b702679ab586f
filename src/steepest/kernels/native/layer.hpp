// One stage while the program of a network runs.
#pragma once
#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "activations.hpp"
#include "masks.hpp"
#include "norms.hpp"

namespace STEEPEST_ISA {
namespace {

// Weights in panels, what a block makes of them, and what flows back.
template <class N>
class Layer {
 public:
  Stage given;
  Panels out;             // columns of W
  std::vector<int> cuts;  // where the chunks of inputs begin, and the last ends
  size_t size;            // numbers in the panels
  Aligned<float> W, m, v, G;
  Parameters b;
  Values<N> a, d;                     // what the stage gives; dL/d sums
  std::vector<Aligned<float>> parts;  // sums over each chunk of inputs, where there are several
  std::optional<Normalizer> norm;

  // `lowest`: no slopes go below it. `gathers`: dW is kept from block to block.
  Layer(const Stage& given, int rows, bool lowest, bool training, bool gathers, std::vector<int> cuts)
      : given(given), out{given.outputs, true}, cuts(std::move(cuts)), size(given.W ? (size_t)out.padded() * given.inputs : 0), W(size), m(training && given.memory_W[0] ? size : 0),
        v(training && given.memory_W[1] ? size : 0), G(gathers ? size : 0), b(given.b, given.outputs, training), a(rows, given.outputs, true, true),
        d(rows, given.outputs, given.W && !lowest, true), mask_(given.keep < 1 && training ? rows * a.ld : 0), bend_(given.activation == Activation::gelu ? rows * a.ld : 0),
        passed_(given.skip >= 0 ? rows * a.ld : 0), right_(N::kPack > 1 && given.W ? (size_t)out.padded() * height() : 0),
        turned_(given.W && !lowest ? (size_t)inputs().padded() * units<N>(given.outputs) : 0), activate_(chosen_for<Forward>(given.activation)),
        steepen_(chosen_for<Backward>(given.activation)) {
    for (int c = 0; split() && c < chunks(); ++c) parts.emplace_back(rows * a.ld);
    if (given.W) pack(given.W, W.get());
    if (given.norm.kind != Norming::none) norm.emplace(given.norm, given.outputs, rows, a.ld, training);
    plain_ = !split() && !norm && !mask_.get() && !bend_.get() && !passed_.get();
  }

  int chunks() const { return (int)cuts.size() - 1; }
  bool split() const { return chunks() > 1; }
  int width(int p) const { return out.vectors(p) * kLanes; }
  float* at(const Aligned<float>& of, int p, int input) const {
    return of.get() ? of.get() + out.at(p, given.inputs) + (size_t)input * width(p) : nullptr;
  }

  // Between the caller's rows and the panels here.
  void pack(const float* from, float* to) const {
    each_run([&](size_t row, size_t panel, int n) { std::copy_n(from + row, n, to + panel); });
  }
  void unpack(const float* from, float* to) const {
    each_run([&](size_t row, size_t panel, int n) { std::copy_n(from + panel, n, to + row); });
  }

  // c = the rows' inputs [from, to) times W. `in` is where their form along the rows begins.
  void multiply(const float* in, size_t ld, int from, int to, int rows, float* c) const {
    product<N>(in, ld, N::kPack == 1 ? W.get() : right_.get(), out, height(), from / N::kPack, units<N>(to - from), rows, c, a.ld);
  }
  // dL/d of the inputs [from, to): whole panels of them.
  void multiply_back(const Region& at, float* c, size_t ldc) const {
    const Panels part{at.to - at.from};
    product<N>(d.along(at.first, 0), d.along_ld(), turned_.get() + inputs().at(at.from / kPanel, units<N>(given.outputs)), part, units<N>(given.outputs), 0,
               units<N>(given.outputs), at.last - at.first, c, ldc);
  }

  template <class F>
  void each_vector(F run) {
    if (given.b.at) run(b);
    if (norm && norm->scale.given.at) run(norm->scale), run(norm->shift);
  }

  // a: from sums to what the stage gives, with `skipped`, what an earlier one gave, or null. step < 0: nothing is left out. `offset`: the
  // block's first row within its batch.
  void activate(const Region& at, int64_t offset, uint64_t seed, int64_t step, const float* skipped) {
    const int to = whole(at.to);
    if (plain_) {
      activate_(a.at(at.first, at.from), a.ld, at.last - at.first, to - at.from, b.w.get() + at.from, given.slope, nullptr);
      return a.form(at.first, at.last, at.from, at.to);
    }
    for (int r = at.first; r < at.last && split(); ++r)
      for (int j = at.from; j < to; j += kLanes) {
        Floats sum = load(parts[0].get() + r * a.ld + j);
        for (int c = 1; c < chunks(); ++c) sum += load(parts[c].get() + r * a.ld + j);
        store(a.at(r, j), sum);
      }
    if (norm) norm->forward(at, to, a.at(0, 0), b.w.get());
    const float* add = (norm ? norm->shift.w : b.w).get() + at.from;
    activate_(a.at(at.first, at.from), a.ld, at.last - at.first, to - at.from, add, given.slope, bend_.get() ? bend_.get() + at.first * a.ld + at.from : nullptr);
    if (mask_.get() && step >= 0) drop(at, offset, seed, (uint64_t)step);
    if (skipped) {
      Draws rows(given.row_keep, seed, (uint64_t)step, given.row_key);
      for (int r = at.first; r < at.last; ++r) {
        const float factor = row_factor(rows, offset + r, step);
        for (int j = at.from; j < to; j += kLanes) store(a.at(r, j), factor * load(a.at(r, j)) + load(skipped + r * a.ld + j));
      }
    }
    a.form(at.first, at.last, at.from, at.to);
  }

  // d: from dL/d of what the stage gave, which the stages that skip to it add to first, to dL/d sums.
  void steepen(const Region& at, int64_t offset, uint64_t seed, int64_t step) {
    const int to = whole(at.to);
    if (plain_) {
      steepen_(d.at(at.first, at.from), a.at(at.first, at.from), d.ld, at.last - at.first, to - at.from, given.slope, 1.0f);
      return d.form(at.first, at.last, at.from, at.to);
    }
    if (passed_.get()) {
      Draws rows(given.row_keep, seed, (uint64_t)step, given.row_key);
      for (int r = at.first; r < at.last; ++r) {
        const float factor = row_factor(rows, offset + r, step);
        for (int j = at.from; j < to; j += kLanes) {
          const Floats all = load(d.at(r, j));
          store(passed_.get() + r * d.ld + j, all);
          store(d.at(r, j), factor * all);
        }
      }
    }
    for (int r = at.first; r < at.last && mask_.get(); ++r)
      for (int j = at.from; j < to; ++j) *d.at(r, j) *= mask_.get()[r * a.ld + j];
    const float* known = bend_.get() ? bend_.get() + at.first * a.ld + at.from : a.at(at.first, at.from);
    steepen_(d.at(at.first, at.from), known, d.ld, at.last - at.first, to - at.from, given.slope, mask_.get() && !bend_.get() ? (float)given.keep : 1.0f);
    if (norm) norm->back(at, to, d.at(0, 0));
    d.form(at.first, at.last, at.from, at.to);
  }
  // What `later`, which skips to this stage, passes on.
  void collect(const Region& at, const Layer& later) {
    for (int r = at.first; r < at.last; ++r)
      for (int j = at.from; j < whole(at.to); j += kLanes) store(d.at(r, j), load(d.at(r, j)) + load(later.passed_.get() + r * d.ld + j));
  }

  // The gradients of b, scale and shift over the rows of a block, `add`ed to those of the blocks before.
  void vector_slopes(int rows, bool add) {
    for (int j = 0; given.b.at && j < b.padded; j += kLanes) {
      Floats total = add ? load(b.g.get() + j) : splat(0.0f);
      for (int r = 0; r < rows; ++r) total += load(d.at(r, j));
      store(b.g.get() + j, total);
    }
    if (norm) norm->slopes(rows, add);
  }

  // Brings what products read of W up to date for the inputs [first, last): whole panels of the transpose.
  void refresh(int first, int last) {
    for (int p = 0; p < out.count(); ++p) {
      if (N::kPack > 1)
        for (int i = first; i < last; i += 2)
          for (int j = 0; j < width(p); j += kLanes)
            store(right_.get() + out.at(p, height()) + (size_t)(i / 2) * width(p) + j, paired(load(at(W, p, i) + j), i + 1 < last ? load(at(W, p, i + 1) + j) : splat(0.0f)));
      if (turned_.get())
        for (int i = first; i < last; i += kLanes) turn_square(p, i, std::min(kLanes, last - i));
    }
  }

 private:
  int height() const { return units<N>(given.inputs); }
  Panels inputs() const { return {given.inputs}; }

  // Inputs [i, i + n), at most one vector of them, by all the outputs of a panel.
  void turn_square(int p, int i, int n) {
    const Panels to = inputs();
    const int q = i / kPanel, wide = to.vectors(q) * kLanes, rows = units<N>(given.outputs);
    for (int j = 0; j < width(p); j += N::kPack * kLanes) {
      Floats square[kLanes];
      for (int k = 0; k < kLanes; ++k) {
        const float* from = at(W, p, i + std::min(k, n - 1)) + j;
        square[k] = k < n ? N::kPack == 1 ? load(from) : neighbours(from, j + kLanes < width(p)) : splat(0.0f);
      }
      turn(square);
      const int unit = (p * kPanel + j) / N::kPack;
      for (int k = 0; k < std::min(kLanes, rows - unit); ++k) store(turned_.get() + to.at(q, rows) + (size_t)(unit + k) * wide + i % kPanel, square[k]);
    }
  }
  // Two vectors of floats as one of pairs; the second may lie beyond the panel.
  static Floats neighbours(const float* from, bool both) {
    uint16_t halves[2 * kLanes] = {};
    store_rounded(halves, load(from));
    if (both) store_rounded(halves + kLanes, load(from + kLanes));
    Floats pairs;
    std::memcpy(&pairs, halves, sizeof pairs);
    return pairs;
  }

  // The end of columns that go up to `to`, in whole registers.
  int whole(int to) const { return to == given.outputs ? out.padded() : to; }

  // Dropout, row r of the block being row `offset` + r of its batch: number j of row r is kept by draw r * outputs + j.
  void drop(const Region& at, int64_t offset, uint64_t seed, uint64_t step) {
    Draws draws(given.keep, seed, step, given.key);
    for (int r = at.first; r < at.last; ++r) {
      float *row = a.at(r, 0), *mask = mask_.get() + r * a.ld;
      const uint64_t first = (uint64_t)(offset + r) * given.outputs;
      for (int j = at.from; j < at.to; ++j) row[j] *= mask[j] = draws.factor(first + j);
    }
  }
  // Stochastic depth: dropout with a width of one number.
  float row_factor(Draws& rows, int64_t row, int64_t step) const { return given.row_keep < 1 && step >= 0 ? rows.factor((uint64_t)row) : 1.0f; }

  template <class F>
  void each_run(F run) const {
    for (int p = 0; p < out.count(); ++p)
      for (int i = 0; i < given.inputs; ++i)
        run((size_t)i * given.outputs + p * kPanel, out.at(p, given.inputs) + (size_t)i * width(p), std::min(width(p), given.outputs - p * kPanel));
  }

  Aligned<float> mask_;    // of dropout
  Aligned<float> bend_;    // slopes of an activation that its value does not tell
  Aligned<float> passed_;  // dL/d of what the stage gave, for the stage that it skips to
  Aligned<float> right_;   // W in pairs along the inputs, where products want it so
  Aligned<float> turned_;  // W transposed, in panels of inputs, in units along the outputs: what the slopes come back through
  bool plain_;  // nothing but W, b and an activation, in one sum
  Activate activate_;
  Steepen steepen_;
};

}  // namespace
}  // namespace STEEPEST_ISA
