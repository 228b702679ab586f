// One layer while the program of a network runs.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>

#include "activations.hpp"
#include "chunks.hpp"
#include "panels.hpp"
#include "philox.hpp"

namespace STEEPEST_ISA {
namespace {

// One layer while the program runs: weights in panels, what a block makes of them, and what flows back.
struct Layer {
  Dense given;
  Panels out;          // columns of W
  size_t size, ld;     // numbers in the panels; from one row of a block to the next
  Aligned<float> W, b, m, v, bm, bv, G, db;
  Aligned<float> turned;         // W transposed, in panels of inputs: what the slopes come back through
  Aligned<float> a, d, kept;     // rows x ld: activations, dL/d sums, masks
  Activate activate;
  Steepen steepen;

  Layer(const Dense& given, int rows, bool first, bool training)
      : given(given), out{given.outputs}, size((size_t)out.padded() * given.inputs), ld((size_t)(given.outputs + 15) / 16 * 16 + 16), W(size),
        b(padded()), m(training && given.memory_W[0] ? size : 0), v(training && given.memory_W[1] ? size : 0), bm(m.get() ? padded() : 0), bv(v.get() ? padded() : 0),
        G(size), db(padded()), turned(first ? 0 : (size_t)Panels{given.inputs}.padded() * given.outputs), a(rows * ld), d(rows * ld),
        kept(given.keep < 1 && training ? rows * ld : 0), activate(chosen_for<Forward>(given.activation)), steepen(chosen_for<Backward>(given.activation)) {
    pack(given.W, W.get());
    copy(given.b, b.get());
  }

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
  void copy(const float* from, float* to) const {
    if (from) std::copy_n(from, given.outputs, to);
  }

  // Dropout of the rows [first, last) of a block, row r being row `offset` + r of its batch: nn/masks.py, same bits. Number j of row r
  // is kept where draw r * outputs + j, 16 bits of Philox, is less than 65536 keep.
  void drop(int64_t offset, int first, int last, uint64_t seed, uint64_t step) {
    const uint32_t below = (uint32_t)std::ceil(65536 * given.keep);
    const float up = (float)(1 / given.keep);
    for (int r = first; r < last; ++r) {
      float *at = a.get() + r * ld, *mask = kept.get() + r * ld;
      uint64_t draw = (uint64_t)(offset + r) * given.outputs;
      std::array<uint64_t, 4> words{};
      for (int j = 0; j < given.outputs; ++j, ++draw) {
        if (j == 0 || draw % 16 == 0) words = philox({draw / 16 + 1, step, 0, 0}, seed, given.key);
        const uint32_t number = (uint32_t)(words[draw % 16 / 4] >> (draw % 4 * 16)) & 0xffff;
        mask[j] = number < below ? up : 0.0f;
        at[j] *= mask[j];
      }
    }
  }

  // dL/d sums of the rows [first, last), from dL/d what the layer gave.
  void descend(int first, int last) {
    for (int r = first; r < last && kept.get(); ++r)
      for (int j = 0; j < out.padded(); ++j) d.get()[r * ld + j] *= kept.get()[r * ld + j];
    steepen(d.get() + first * ld, a.get() + first * ld, ld, last - first, out.padded(), given.slope, kept.get() ? (float)given.keep : 1.0f);
  }

  // The inputs [first, last), whole panels of the transpose, as they are now.
  void turn(int first, int last) {
    if (!turned.get()) return;
    const Panels inputs{given.inputs};
    const int q = first / kPanel, wide = inputs.vectors(q) * kLanes;
    float* to = turned.get() + inputs.at(q, given.outputs);
    for (int p = 0; p < out.count(); ++p) {
      const int n = std::min(width(p), given.outputs - p * kPanel);
      for (int i = first; i < last; ++i) {
        const float* from = at(W, p, i);
        for (int j = 0; j < n; ++j) to[(size_t)(p * kPanel + j) * wide + (i - first)] = from[j];
      }
    }
  }

 private:
  template <class F>
  void each_run(F run) const {
    for (int p = 0; p < out.count(); ++p)
      for (int i = 0; i < given.inputs; ++i)
        run((size_t)i * given.outputs + p * kPanel, out.at(p, given.inputs) + (size_t)i * width(p), std::min(width(p), given.outputs - p * kPanel));
  }
};

}  // namespace
}  // namespace STEEPEST_ISA
