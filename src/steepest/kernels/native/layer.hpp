// One layer while the program of a network runs.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "activations.hpp"
#include "panels.hpp"
#include "philox.hpp"

namespace STEEPEST_ISA {
namespace {

// Where a part of a layer's numbers lies in a block: rows [first, last), columns [from, to).
struct Region {
  int thread, first, last, from, to;
  int chunk;  // of the inputs that the columns are, where they are cut
};

// Weights in panels, what a block makes of them, and what flows back.
template <class N>
class Layer {
 public:
  Dense given;
  Panels out;             // columns of W
  std::vector<int> cuts;  // where the chunks of inputs begin, and the last ends
  size_t size;            // numbers in the panels
  Aligned<float> W, b, m, v, bm, bv, G, db;
  Values<N> a, d;                             // activations; dL/d sums
  std::vector<Aligned<float>> parts;          // sums over each chunk of inputs, where there are several
  Aligned<float> kept;                        // masks

  Layer(const Dense& given, int rows, bool first, bool training, bool gathers, std::vector<int> cuts)
      : given(given), out{given.outputs, true}, cuts(std::move(cuts)), size((size_t)out.padded() * given.inputs), W(size), b(padded()),
        m(training && given.memory_W[0] ? size : 0), v(training && given.memory_W[1] ? size : 0), bm(m.get() ? padded() : 0), bv(v.get() ? padded() : 0), G(gathers ? size : 0),
        db(padded()), a(rows, given.outputs, true, true), d(rows, given.outputs, !first, true), kept(given.keep < 1 && training ? rows * a.ld : 0),
        right_(N::kPack > 1 ? (size_t)out.padded() * height() : 0), turned_(first ? 0 : (size_t)inputs().padded() * units<N>(given.outputs)),
        activate_(chosen_for<Forward>(given.activation)), steepen_(chosen_for<Backward>(given.activation)) {
    for (int c = 0; split() && c < chunks(); ++c) parts.emplace_back(rows * a.ld);
    pack(given.W, W.get());
    if (given.b) std::copy_n(given.b, given.outputs, b.get());
  }

  int chunks() const { return (int)cuts.size() - 1; }
  bool split() const { return chunks() > 1; }
  size_t padded() const { return (size_t)out.padded(); }
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

  // a <- dropout(activation(sums + b)); step < 0: nothing is dropped. `offset`: the block's first row within its batch.
  void activate(const Region& at, int64_t offset, uint64_t seed, int64_t step) {
    const int to = at.to == given.outputs ? out.padded() : at.to;
    for (int r = at.first; r < at.last && split(); ++r)
      for (int j = at.from; j < to; j += kLanes) {
        Floats sum = load(parts[0].get() + r * a.ld + j);
        for (int c = 1; c < chunks(); ++c) sum += load(parts[c].get() + r * a.ld + j);
        store(a.at(r, j), sum);
      }
    activate_(a.at(at.first, at.from), a.ld, at.last - at.first, to - at.from, b.get() + at.from, given.slope);
    if (kept.get() && step >= 0) drop(at, offset, seed, (uint64_t)step);
    a.form(at.first, at.last, at.from, at.to);
  }

  // d: dL/d sums, from dL/d of what the layer gave.
  void steepen(const Region& at) {
    const int to = at.to == given.outputs ? out.padded() : at.to;
    for (int r = at.first; r < at.last && kept.get(); ++r)
      for (int j = at.from; j < to; ++j) *d.at(r, j) *= kept.get()[r * a.ld + j];
    steepen_(d.at(at.first, at.from), a.at(at.first, at.from), d.ld, at.last - at.first, to - at.from, given.slope, kept.get() ? (float)given.keep : 1.0f);
    d.form(at.first, at.last, at.from, at.to);
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

  // Dropout, row r of the block being row `offset` + r of its batch: nn/masks.py, same bits. Number j of row r is kept where draw
  // r * outputs + j, 16 bits of Philox, is less than 65536 keep.
  void drop(const Region& at, int64_t offset, uint64_t seed, uint64_t step) {
    const uint32_t below = (uint32_t)std::ceil(65536 * given.keep);
    const float up = (float)(1 / given.keep);
    for (int r = at.first; r < at.last; ++r) {
      float *row = a.at(r, 0), *mask = kept.get() + r * a.ld;
      uint64_t draw = (uint64_t)(offset + r) * given.outputs + at.from;
      std::array<uint64_t, 4> words{};
      for (int j = at.from; j < at.to; ++j, ++draw) {
        if (j == at.from || draw % 16 == 0) words = philox({draw / 16 + 1, step, 0, 0}, seed, given.key);
        const uint32_t number = (uint32_t)(words[draw % 16 / 4] >> (draw % 4 * 16)) & 0xffff;
        mask[j] = number < below ? up : 0.0f;
        row[j] *= mask[j];
      }
    }
  }

  template <class F>
  void each_run(F run) const {
    for (int p = 0; p < out.count(); ++p)
      for (int i = 0; i < given.inputs; ++i)
        run((size_t)i * given.outputs + p * kPanel, out.at(p, given.inputs) + (size_t)i * width(p), std::min(width(p), given.outputs - p * kPanel));
  }

  Aligned<float> right_;   // W in pairs along the inputs, where products want it so
  Aligned<float> turned_;  // W transposed, in panels of inputs, in units along the outputs: what the slopes come back through
  Activate activate_;
  Steepen steepen_;
};

}  // namespace
}  // namespace STEEPEST_ISA
