// Batch norm, layer norm and fixed scaling of a stage: nn/layers/{batch_norm,layer_norm,standardize}.py, forward and back.
#pragma once
#include <algorithm>
#include <cmath>

#include "network.hpp"
#include "plan.hpp"

namespace STEEPEST_ISA {
namespace {

using namespace steepest;

// A vector of parameters in whole registers: w, the rule's memory m and v, its gradient g.
struct Parameters {
  Vector given;
  int size, padded;
  Aligned<float> w, m, v, g;

  Parameters(const Vector& given, int size, bool training)
      : given(given), size(size), padded(Panels{size}.padded()), w(padded), m(training && given.memory[0] ? padded : 0), v(training && given.memory[1] ? padded : 0), g(padded) {
    if (given.at) std::copy_n(given.at, size, w.get());
  }
  // The rule's memory, between the caller's arrays and these.
  void remember() {
    if (m.get()) std::copy_n(given.memory[0], size, m.get());
    if (v.get()) std::copy_n(given.memory[1], size, v.get());
  }
  void give_back() const {
    if (given.at) std::copy_n(w.get(), size, given.at);
    if (m.get()) std::copy_n(m.get(), size, given.memory[0]);
    if (v.get()) std::copy_n(v.get(), size, given.memory[1]);
  }
};

// The norm of one stage while a block is in flight. In front of it lie sums of `columns` numbers a row, in rows `ld` apart; so lie the slopes.
class Normalizer {
 public:
  Parameters scale, shift;

  Normalizer(const Norm& given, int columns, int rows, size_t ld, bool training)
      : scale(given.scale, columns, training), shift(given.shift, columns, training), given_(given), columns_(columns), padded_(scale.padded), ld_(ld),
        of_batch_(training && given.kind == Norming::batch), mean_(padded_), rest_(padded_), variance_(padded_), inverse_(given.kind == Norming::layer ? rows : padded_),
        hat_(rows * ld), d_(of_batch_ || given.kind == Norming::fixed ? 0 : rows * ld) {
    if (given.kind == Norming::batch) {
      std::copy_n(given.mean, columns, mean_.get());
      std::copy_n(given.variance, columns, variance_.get());
    }
    for (int j = 0; j < columns; ++j) {
      if (given.kind == Norming::batch) inverse_.get()[j] = 1 / std::sqrt(given.variance[j] + given.eps);
      if (given.kind != Norming::fixed) continue;
      mean_.get()[j] = (float)given.center[j];
      rest_.get()[j] = (float)(given.center[j] - (double)mean_.get()[j]);  // the center in two floats, for numbers that are near it
      inverse_.get()[j] = (float)given.factor[j];
      scale.w.get()[j] = 1;
    }
  }

  // Whose numbers go into one of another: rows, columns or none.
  static Owner needs(const Norm& given, bool training) {
    return given.kind == Norming::layer ? Owner::rows : given.kind == Norming::batch && training ? Owner::columns : Owner::anything;
  }

  // a <- (a + b - mean) / sqrt(variance + eps) * scale: the shift is left to the activation. Columns up to `to`, whole registers.
  void forward(const Region& at, int to, float* a, const float* b) {
    if (of_batch_) {
      for (int j = at.from; j < to; j += kLanes) over_column(at.last, j, a + j, load(b + j));
    } else {
      for (int r = at.first; r < at.last; ++r) given_.kind == Norming::layer ? over_row(r, a + r * ld_, b) : as_known(r, at.from, to, a + r * ld_, b);
    }
  }

  // d: from dL/dy to dL/d sums.
  void back(const Region& at, int to, float* d) {
    if (of_batch_) {
      for (int j = at.from; j < to; j += kLanes) column_back(at.last, j, d + j);
    } else {
      for (int r = at.first; r < at.last; ++r) given_.kind == Norming::layer ? row_back(r, d + r * ld_) : known_back(r, at.from, to, d + r * ld_);
    }
  }

  // The gradients of scale and shift over the rows of a block, `add`ed to those of the blocks before.
  void slopes(int rows, bool add) {
    for (int j = 0; d_.get() && j < padded_; j += kLanes) {
      Floats total = add ? load(shift.g.get() + j) : splat(0.0f), product = add ? load(scale.g.get() + j) : splat(0.0f);
      for (int r = 0; r < rows; ++r) {
        const Floats d = load(d_.get() + r * ld_ + j);
        total += d;
        product += d * load(hat_.get() + r * ld_ + j);
      }
      store(shift.g.get() + j, total);
      store(scale.g.get() + j, product);
    }
  }

  // The running statistics, to the caller's arrays.
  void give_back() const {
    if (!of_batch_) return;
    std::copy_n(mean_.get(), columns_, given_.mean);
    std::copy_n(variance_.get(), columns_, given_.variance);
  }

 private:
  // x in the columns that there are, 0 in those that only fill the register.
  Floats inside(Floats x, int j) const {
    Ints lane;
    for (int i = 0; i < kLanes; ++i) lane[i] = i;
    return select(lane < splat(columns_ - j), x, splat(0.0f));
  }

  void over_row(int r, float* a, const float* b) {
    float* hat = hat_.get() + r * ld_;
    Floats total = splat(0.0f), squares = splat(0.0f);
    for (int j = 0; j < padded_; j += kLanes) {
      const Floats x = inside(load(a + j) + load(b + j), j);
      store(hat + j, x);
      total += x;
    }
    const float mean = sum(total) / (float)columns_;
    for (int j = 0; j < padded_; j += kLanes) {
      const Floats centred = inside(load(hat + j) - mean, j);
      store(hat + j, centred);
      squares += centred * centred;
    }
    const float inverse = inverse_.get()[r] = 1 / std::sqrt(sum(squares) / (float)columns_ + given_.eps);
    for (int j = 0; j < padded_; j += kLanes) {
      const Floats y = load(hat + j) * inverse;
      store(hat + j, y);
      store(a + j, y * load(scale.w.get() + j));
    }
  }

  void row_back(int r, float* d) {
    const float *hat = hat_.get() + r * ld_, inverse = inverse_.get()[r];
    Floats total = splat(0.0f), product = splat(0.0f);
    for (int j = 0; j < padded_; j += kLanes) {
      const Floats dy = load(d + j), dhat = dy * load(scale.w.get() + j);  // 0 beyond the columns
      store(d_.get() + r * ld_ + j, dy);
      total += dhat;
      product += dhat * load(hat + j);
    }
    const float mean = sum(total) / (float)columns_, along = sum(product) / (float)columns_;
    for (int j = 0; j < padded_; j += kLanes) store(d + j, inside(inverse * (load(d + j) * load(scale.w.get() + j) - mean - load(hat + j) * along), j));
  }

  // One register of columns, all rows of the batch.
  void over_column(int rows, int j, float* a, Floats b) {
    float* hat = hat_.get() + j;
    Floats total = splat(0.0f), squares = splat(0.0f);
    for (int r = 0; r < rows; ++r) total += load(a + r * ld_) + b;
    const Floats mean = total / (float)rows;
    for (int r = 0; r < rows; ++r) {
      const Floats centred = load(a + r * ld_) + b - mean;
      store(hat + r * ld_, centred);
      squares += centred * centred;
    }
    const Floats variance = squares / (float)rows, inverse = 1.0f / root(variance + given_.eps), up = load(scale.w.get() + j);
    store(inverse_.get() + j, inverse);
    for (int r = 0; r < rows; ++r) {
      const Floats y = load(hat + r * ld_) * inverse;
      store(hat + r * ld_, y);
      store(a + r * ld_, y * up);
    }
    const float unbiased = rows > 1 ? (float)((double)rows / (rows - 1)) : 1.0f;
    const Floats old_mean = load(mean_.get() + j), old_variance = load(variance_.get() + j);
    store(mean_.get() + j, old_mean + given_.momentum * (mean - old_mean));
    store(variance_.get() + j, old_variance + given_.momentum * (variance * unbiased - old_variance));
  }

  void column_back(int rows, int j, float* d) {
    const float* hat = hat_.get() + j;
    Floats total = splat(0.0f), product = splat(0.0f);
    for (int r = 0; r < rows; ++r) {
      total += load(d + r * ld_);
      product += load(d + r * ld_) * load(hat + r * ld_);
    }
    store(shift.g.get() + j, total);
    store(scale.g.get() + j, product);
    const Floats up = load(scale.w.get() + j) * load(inverse_.get() + j), mean = total / (float)rows, along = product / (float)rows;
    for (int r = 0; r < rows; ++r) store(d + r * ld_, up * (load(d + r * ld_) - mean - load(hat + r * ld_) * along));
  }

  // By statistics that are known.
  void as_known(int r, int from, int to, float* a, const float* b) {
    for (int j = from; j < to; j += kLanes) {
      const Floats y = (load(a + j) + load(b + j) - load(mean_.get() + j) - load(rest_.get() + j)) * load(inverse_.get() + j);
      store(hat_.get() + r * ld_ + j, y);
      store(a + j, y * load(scale.w.get() + j));
    }
  }

  void known_back(int r, int from, int to, float* d) {
    for (int j = from; j < to; j += kLanes) {
      if (d_.get()) store(d_.get() + r * ld_ + j, load(d + j));
      store(d + j, load(d + j) * load(scale.w.get() + j) * load(inverse_.get() + j));
    }
  }

  const Norm given_;
  const int columns_, padded_;
  const size_t ld_;
  const bool of_batch_;
  Aligned<float> mean_, rest_, variance_, inverse_;  // of each column; the inverse deviation of layer norm is of each row
  Aligned<float> hat_, d_;  // (x - mean) / deviation; dL/dy, where scale and shift wait for it
};

}  // namespace
}  // namespace STEEPEST_ISA
