// Linear sweeps: scores, loss, gradient, penalty and update in one program, rows read in place.
//
// Features are cut into chunks, and a thread owns chunks: their weights, velocities and gradients never leave its cache, dW is summed
// over the rows in one fixed order, and the update follows while it is hot. Per block of at most kBlock rows:
//   1. each chunk: pack its slice of the rows (bytes stay bytes, all else becomes float), partial scores        | barrier
//   2. each group of rows: scores = sum of the partial ones in chunk order, loss, dL/dscores                     | barrier
//   3. each chunk: dW from the packed slice; after a batch's last block the step.
// Chunks, blocks and groups depend on the shapes alone, so any number of threads gives the same bits.
#include "sweep.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "chunks.hpp"
#include "loss_rows.hpp"
#include "pool.hpp"
#include "products.hpp"
#include "weights.hpp"

namespace STEEPEST_ISA {
namespace {

using namespace steepest;

constexpr int kGroup = 64;   // rows a thread takes at a time in 2

// The program. Products says what the rows are packed as and how they meet the weights.
template <class Products>
class Sweep {
 public:
  Sweep(const Data& data, const Linear& model, int threads)
      : data_(data), model_(model), C_(model.classes), chunks_(cut(data.features, C_)), threads_(threads), barrier_(threads),
        ld_(padded(std::min<int64_t>(kBlock, std::max<int64_t>(1, data.count)))), weights_(data_, C_, chunks_),
        products_(data_, C_, chunks_, weights_, ld_, threads), d_(C_ * ld_), s_(C_ * ld_), weight_(ld_), y_(ld_), b_(padded(C_)), vb_(C_),
        db_((size_t)threads * C_), tallies_(kBlock / kGroup) {
    weights_.gather(model.W, weights_.W());
    std::copy_n(model.b, C_, b_.get());
  }

  Tally descend(const Descent& how) {
    weights_.gather(how.vW, weights_.V());
    std::copy_n(how.vb, C_, vb_.get());
    run([&](int thread) {
      const int64_t steps = (data_.count + how.batch - 1) / how.batch;
      effective(thread);
      for (int64_t step = 0; step < steps; ++step) {
        const int64_t begin = step * how.batch, end = std::min(data_.count, begin + how.batch);
        each_block(thread, begin, end, 1.0f / (float)(end - begin), how.loss);
        for (int i : mine(thread)) weights_.update(i, how, how.lr[step], biases(thread));
        if (thread == 0) update_bias(how, how.lr[step]);
        if (how.radius > 0) project(thread, how.radius);
      }
    });
    weights_.scatter(weights_.W(), model_.W);
    weights_.scatter(weights_.V(), how.vW);
    std::copy_n(b_.get(), C_, model_.b);
    std::copy_n(vb_.get(), C_, how.vb);
    return tally_;
  }

  Tally gradient(Criterion loss, float* dW, float* db) {
    run([&](int thread) {
      effective(thread);
      each_block(thread, 0, data_.count, 1.0f, loss);
      for (int i : mine(thread)) weights_.slopes(i, biases(thread));
    });
    weights_.scatter(weights_.G(), dW);
    std::copy_n(db_.get(), C_, db);
    return tally_;
  }

  void scores(float* out) {
    run([&](int thread) {
      effective(thread);
      for (int64_t begin = 0; begin < data_.count; begin += kBlock) {
        const int rows = (int)std::min<int64_t>(kBlock, data_.count - begin);
        forward(thread, begin, rows, begin == 0);
        barrier_.wait();
        for (int g : groups(thread, rows)) {
          const int first = g * kGroup, last = std::min(rows, first + kGroup);
          products_.add_partial(b_.get(), first, last, s_.get());
          for (int r = first; r < last; ++r)
            for (int c = 0; c < C_; ++c) out[(begin + r) * C_ + c] = s_.get()[c * ld_ + r];
        }
        barrier_.wait();
      }
    });
  }

 private:
  struct Range {
    int first, last;
    struct It {
      int i;
      int operator*() const { return i; }
      void operator++() { ++i; }
      bool operator!=(It o) const { return i != o.i; }
    };
    It begin() const { return {first}; }
    It end() const { return {last}; }
  };

  static size_t padded(int64_t n) { return (size_t)(n + 15) / 16 * 16; }
  Range mine(int thread) const {
    const Share s((int)chunks_.size(), thread, threads_);
    return {s.first, s.last};
  }
  Range groups(int thread, int rows) const {
    const Share s((rows + kGroup - 1) / kGroup, thread, threads_);
    return {s.first, s.last};
  }
  template <class F>
  void run(F body) {
    parallel(threads_, body);
  }

  void effective(int thread) {
    for (int i : mine(thread)) weights_.effective(i);
  }

  // Partial scores of the rows [begin, begin + rows); `moved`: the weights have, since the last time.
  void forward(int thread, int64_t begin, int rows, bool moved) {
    for (int i : mine(thread)) {
      if (moved) products_.take_weights(i);
      products_.forward(i, begin, rows);
    }
  }

  void loss_group(int g, int64_t begin, int rows, float unit, const LossRows& loss) {
    const int first = g * kGroup, last = std::min(rows, first + kGroup);
    for (int r = first; r < (int)std::min<size_t>(ld_, first + kGroup); ++r) {
      const int64_t at = r < last ? (data_.order ? data_.order[begin + r] : begin + r) : -1;
      y_.get()[r] = at < 0 ? 0 : (int32_t)data_.y[at];
      weight_.get()[r] = at < 0 ? 0 : (data_.weight ? data_.weight[at] : 1.0f) * unit;
    }
    products_.add_partial(b_.get(), first, last, s_.get());
    tallies_[g] = loss(s_.get() + first, d_.get() + first, ld_, C_, y_.get() + first, weight_.get() + first, last - first, nullptr);
  }

  // Phases 1 to 3 for the rows [begin, end): leaves dW of them in G and db in db_, both times `unit`.
  void each_block(int thread, int64_t begin, int64_t end, float unit, Criterion loss) {
    const LossRows of = rows_of(loss);
    for (int64_t at = begin; at < end; at += kBlock) {
      const int rows = (int)std::min<int64_t>(kBlock, end - at);
      forward(thread, at, rows, at == begin);
      barrier_.wait();
      for (int g : groups(thread, rows)) loss_group(g, at, rows, unit, of);
      barrier_.wait();
      sum_biases(biases(thread), rows, at == begin);
      products_.take_slopes(thread, d_.get(), rows);
      for (int i : mine(thread)) products_.backward(i, thread, d_.get(), rows, at > begin);
      if (thread == 0) sum_up(rows, unit);
    }
  }

  float* biases(int thread) { return db_.get() + (size_t)thread * C_; }

  // db, by every thread for itself: the same sum in the same order.
  void sum_biases(float* db, int rows, bool first) const {
    for (int c = 0; c < C_; ++c) {
      Floats total = splat(0.0f);
      for (int r = 0; r < rows; r += kLanes) total += load(d_.get() + c * ld_ + r);
      db[c] = (first ? 0.0f : db[c]) + sum(total);
    }
  }

  void sum_up(int rows, float unit) {
    for (int g = 0; g < (rows + kGroup - 1) / kGroup; ++g) {
      tally_.loss += tallies_[g].loss / unit;
      tally_.correct += tallies_[g].correct;
    }
  }

  void update_bias(const Descent& how, float lr) {
    for (int c = 0; c < C_; ++c) {
      float& v = vb_.get()[c];
      const float g = db_.get()[c];
      v = how.momentum * v + g;
      b_.get()[c] -= lr * (how.nesterov ? g + how.momentum * v : v);
    }
  }

  // |w_c| <= radius: a column's norm is a sum over chunks, so two more barriers.
  void project(int thread, float radius) {
    for (int i : mine(thread)) weights_.measure(i);
    barrier_.wait();
    for (int k = 0; k < C_; ++k) {
      const float factor = weights_.shrinkage(k, radius);
      if (factor == 1.0f) continue;
      for (int i : mine(thread)) weights_.shrink(i, k, factor);
    }
    barrier_.wait();
  }

  const Data data_;
  const Linear model_;
  const int C_;
  const std::vector<Chunk> chunks_;
  const int threads_;
  Barrier barrier_;
  const size_t ld_;     // rows of a block, padded
  Weights<Products::kBytes> weights_;
  Products products_;
  Aligned<float> d_, s_, weight_;
  Aligned<int32_t> y_;
  Aligned<float> b_, vb_, db_;
  std::vector<Tally> tallies_;
  Tally tally_{0, 0};
};

// Threads pay for their barriers only when a block is some microseconds of work; and a thread needs a chunk.
int useful(const Data& data, int classes, int64_t batch, int threads) {
  const int64_t work = std::min<int64_t>(kBlock, std::min(batch, data.count)) * data.features * classes;
  if (work < 100000) return 1;
  return std::clamp(threads, 1, (int)cut(data.features, classes).size());
}

template <class F>
auto with(const Data& data, const Linear& model, int64_t batch, int threads, F run) {
  threads = useful(data, model.classes, batch, threads);
  if (as_digits(data, model.classes, batch)) return run(Sweep<DigitProducts>(data, model, threads));
  if (as_bytes(data, model.classes)) return run(Sweep<TileProducts<uint8_t>>(data, model, threads));
  return run(Sweep<TileProducts<float>>(data, model, threads));
}

Tally descend(const Data& data, const Linear& model, const Descent& how, int threads) {
  return with(data, model, how.batch, threads, [&](auto&& sweep) { return sweep.descend(how); });
}
Tally gradient(const Data& data, const Linear& model, Criterion loss, float* dW, float* db, int threads) {
  return with(data, model, kBlock, threads, [&](auto&& sweep) { return sweep.gradient(loss, dW, db); });
}
void scores(const Data& data, const Linear& model, float* out, int threads) {
  with(data, model, kBlock, threads, [&](auto&& sweep) { sweep.scores(out); });
}

// The losses alone, for the tests that hold them against their twins: scores and dscores (rows, classes), loss (rows).
void losses(Criterion loss, const float* scores, const int64_t* y, int64_t rows, int classes, float* each, float* dscores) {
  const LossRows of = rows_of(loss);
  Aligned<float> s((size_t)classes * kGroup), d((size_t)classes * kGroup), one(kGroup);
  Aligned<int32_t> label(kGroup);
  std::fill_n(one.get(), kGroup, 1.0f);
  for (int64_t at = 0; at < rows; at += kGroup) {
    const int n = (int)std::min<int64_t>(kGroup, rows - at);
    for (int r = 0; r < n; ++r) {
      label.get()[r] = (int32_t)y[at + r];
      for (int c = 0; c < classes; ++c) s.get()[c * kGroup + r] = scores[(at + r) * classes + c];
    }
    of(s.get(), d.get(), kGroup, classes, label.get(), one.get(), n, each + at);
    for (int r = 0; r < n; ++r)
      for (int c = 0; c < classes; ++c) dscores[(at + r) * classes + c] = d.get()[c * kGroup + r];
  }
}

}  // namespace

extern const Sweeps sweeps;
const Sweeps sweeps{descend, gradient, scores, losses};

}  // namespace STEEPEST_ISA
