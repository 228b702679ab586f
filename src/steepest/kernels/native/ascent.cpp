// Dual block coordinate ascent: the p_i of a block of rows move one after another, exactly, through the Gram matrix of these rows; then W
// takes what they moved in one product.
//
// As in the sweep, features are cut into chunks, and a thread owns chunks of W. Per block:
//   1. each chunk: pack its slice of the rows, partial scores                                                    | barrier
//   2. one thread: scores = sum of the partial ones in chunk order, then row after row its best p_i                | barrier
//   3. each chunk: W -= 1/strength sum_i w_i x'_i dp_i' from the packed slice
// Chunks and blocks depend on the shapes alone, so any number of threads gives the same bits.
#include "ascent.hpp"

#include <algorithm>
#include <vector>

#include "features.hpp"
#include "hinge_steps.hpp"
#include "pool.hpp"
#include "products.hpp"
#include "weights.hpp"

namespace STEEPEST_ISA {
namespace {

using namespace steepest;

template <class Products>
class Ascending {
 public:
  Ascending(const Data& data, const Linear& model, const Ascent& how, int threads)
      : data_(data), model_(model), how_(how), C_(model.classes), padded_((C_ + kLanes - 1) / kLanes * kLanes), chunks_(cut(data.features, C_)),
        threads_(std::clamp(threads, 1, (int)chunks_.size())), barrier_(threads_), ld_((size_t)(how.block + 15) / 16 * 16), weights_(data_, C_, chunks_),
        products_(data_, C_, chunks_, weights_, ld_, threads_), d_(C_ * ld_), s_(C_ * ld_), S_(padded_ * ld_), P_(padded_ * ld_), best_(padded_),
        moved_(ld_), b_((size_t)(C_ + 15) / 16 * 16), db_((size_t)threads_ * C_) {
    weights_.gather(model.W, weights_.W());
    std::copy_n(model.b, C_, b_.get());
  }

  template <class Step>
  Tally run() {
    parallel(threads_, [&](int thread) {
      const Share own((int)chunks_.size(), thread, threads_);
      for (int i = own.first; i < own.last; ++i) weights_.effective(i);
      bool moved = true;
      for (int64_t turn = 0; turn < how_.turns; ++turn) {
        const int64_t begin = how_.turn[turn] * how_.block;
        const int rows = (int)std::min<int64_t>(how_.block, data_.count - begin);
        for (int i = own.first; i < own.last; ++i) {
          if (moved) products_.take_weights(i);
          products_.forward(i, begin, rows);
        }
        barrier_.wait();
        if (thread == 0) step<Step>(begin, rows);
        barrier_.wait();
        moved = any_;
        if (!moved) continue;
        float* db = db_.get() + (size_t)thread * C_;
        sum_biases(db, rows);
        products_.take_slopes(thread, d_.get(), rows);
        for (int i = own.first; i < own.last; ++i) {
          products_.backward(i, thread, d_.get(), rows, false);
          weights_.slopes(i, db);
          const Chunk& c = chunks_[(size_t)i];
          float *W = weights_.W() + c.at, *G = weights_.G() + c.at;
          for (size_t f = 0; f < (size_t)c.width * C_; f += kLanes) store(W + f, load(W + f) + load(G + f));
          weights_.effective(i);
        }
      }
    });
    weights_.scatter(weights_.W(), model_.W);
    std::copy_n(b_.get(), C_, model_.b);
    return tally_;
  }

 private:
  int64_t place(int64_t i) const { return data_.order ? data_.order[i] : i; }
  float weight(int64_t at) const { return data_.weight ? data_.weight[at] : 1.0f; }

  // The rows [begin, begin + rows): their p move, and d = -w_i (p'_i - p_i) / strength is what W is to take of them.
  template <class Step>
  void step(int64_t begin, int rows) {
    products_.add_partial(b_.get(), 0, rows, s_.get());
    for (int r = 0; r < rows; ++r) {
      const float* p = how_.p + place(begin + r) * C_;
      for (int c = 0; c < C_; ++c) {
        S_.get()[r * padded_ + c] = s_.get()[c * ld_ + r];
        P_.get()[r * padded_ + c] = p[c];
      }
      moved_[r] = false;
    }
    any_ = false;
    for (int r = 0; r < rows; ++r) any_ |= move<Step>(begin, rows, r);
    if (!any_) return;
    for (int r = 0; r < rows; ++r) {
      const int64_t at = place(begin + r);
      const float unit = -weight(at) / how_.strength, *P = P_.get() + (size_t)r * padded_;
      float* p = how_.p + at * C_;
      for (int c = 0; c < C_; ++c) {
        d_.get()[c * ld_ + r] = moved_[r] ? unit * (P[c] - p[c]) : 0.0f;
        p[c] = P[c];
      }
      tally_.correct += moved_[r];
    }
    for (int c = 0; c < C_; ++c) {
      for (size_t r = rows; r < ld_; ++r) d_.get()[c * ld_ + r] = 0;
      for (int r = 0; r < rows; ++r) b_.get()[c] += how_.bias * d_.get()[c * ld_ + r];
    }
  }

  // One row's best p_i, and what that does to the scores of those that are yet to come.
  template <class Step>
  bool move(int64_t begin, int rows, int r) {
    const int64_t at = place(begin + r);
    const float w = weight(at), *G = how_.gram + (begin + r) * how_.block, unit = w / how_.strength;
    float *P = P_.get() + (size_t)r * padded_, *S = S_.get() + (size_t)r * padded_;
    const Example e{S, P, C_, padded_, (int)data_.y[at], unit * (G[r] + how_.bias)};
    tally_.loss += (double)w * Step::gap(e);
    if (!(e.q > 0)) return false;
    Step::best(e, best_.get());
    Ints any = splat(0);
    for (int c = 0; c < padded_; c += kLanes) {
      const Floats p = load(best_.get() + c), before = load(P + c);
      any |= p != before;
      store(best_.get() + c, p - before);
      store(P + c, p);
    }
    bool moves = false;
    for (int i = 0; i < kLanes; ++i) moves |= any[i] != 0;
    if (!moves) return false;
    moved_[r] = true;
    for (int k = r + 1; k < rows; ++k) {
      const float share = unit * (G[k] + how_.bias);
      float* to = S_.get() + (size_t)k * padded_;
      for (int c = 0; c < padded_; c += kLanes) store(to + c, load(to + c) - share * load(best_.get() + c));
    }
    return true;
  }

  // sum_r d_r, by every thread for itself: the same sum in the same order.
  void sum_biases(float* db, int rows) const {
    for (int c = 0; c < C_; ++c) {
      Floats total = splat(0.0f);
      for (int r = 0; r < rows; r += kLanes) total += load(d_.get() + c * ld_ + r);
      db[c] = sum(total);
    }
  }

  const Data data_;
  const Linear model_;
  const Ascent how_;
  const int C_, padded_;
  const std::vector<Chunk> chunks_;
  const int threads_;
  Barrier barrier_;
  const size_t ld_;
  Weights<Products::kBytes> weights_;
  Products products_;
  Aligned<float> d_, s_, S_, P_, best_;
  std::vector<char> moved_;
  Aligned<float> b_, db_;
  bool any_ = false;
  Tally tally_{0, 0};
};

template <class Step>
void best_rows(const float* s, const int64_t* y, int64_t first, int64_t last, int classes, float strength, float* p) {
  const int padded = (classes + kLanes - 1) / kLanes * kLanes;
  Aligned<float> scores(padded), none(padded), best(padded);
  for (int64_t i = first; i < last; ++i) {
    std::copy_n(s + i * classes, classes, scores.get());
    const Example e{scores.get(), none.get(), classes, padded, (int)y[i], 1 / strength};
    Step::best(e, best.get());
    std::copy_n(best.get(), classes, p + i * classes);
  }
}

// sum_i w_i x'_i p_i' for the features of a chunk: blocks in float32, added up in float64.
void pull_chunk(const Data& data, const float* p, int classes, const Chunk& c, double* out) {
  const size_t ld = (size_t)c.width + 16;
  const Tiles tiles(classes);
  Aligned<float> x(kBlock * ld), d((size_t)classes * kBlock), sums((size_t)classes * c.width);
  for (int64_t begin = 0; begin < data.count; begin += kBlock) {
    const int rows = (int)std::min<int64_t>(kBlock, data.count - begin);
    for (int r = 0; r < rows; ++r) {
      const int64_t at = data.order ? data.order[begin + r] : begin + r;
      const float w = data.weight ? data.weight[at] : 1.0f;
      pack(data, row(data, begin + r), c, x.get() + r * ld);
      for (int k = 0; k < classes; ++k) d.get()[(size_t)k * kBlock + r] = w * p[at * classes + k];
    }
    for (int f = 0; f < c.width;) {
      const bool two = f + 2 * kLanes <= c.width;
      for (int i = 0; i < tiles.tiles; ++i) {
        const int first = tiles.first(i), count = tiles.first(i + 1) - first;
        const float *from = x.get() + f, *by = d.get() + (size_t)first * kBlock;
        float* to = sums.get() + (size_t)first * c.width + f;
        if (two)
          for_classes<Outer<float, 2>::Of>(count, from, ld, by, (size_t)kBlock, rows, to, (size_t)c.width, false);
        else
          for_classes<Outer<float, 1>::Of>(count, from, ld, by, (size_t)kBlock, rows, to, (size_t)c.width, false);
      }
      f += two ? 2 * kLanes : kLanes;
    }
    for (int k = 0; k < classes; ++k)
      for (int f = 0; f < c.size; ++f) {
        const double scale = data.type == Type::f64 ? 1.0 : data.scale[c.first + f];  // float64 was scaled on its way into float32
        out[(size_t)k * (size_t)data.features + (size_t)(c.first + f)] += (double)sums.get()[(size_t)k * c.width + f] * scale;
      }
  }
}

// Rows of a block against one another, in tiles: two down, some across, features in the lanes.
template <int K>
struct Across {
  static void run(const float* const* x, const float* w, size_t ld, int n, float* to, int block, int first, int second) {
    const float zero[K] = {};
    float sums[K * 2];
    dot<float, 2, K, false>(x, w, ld, n, zero, sums, 2, nullptr, 0, nullptr);
    for (int k = 0; k < K; ++k) {
      to[(size_t)first * block + k] += sums[k * 2];
      if (second > first) to[(size_t)second * block + k] += sums[k * 2 + 1];
    }
  }
};

}  // namespace

Tally ascend(const Data& data, const Linear& model, const Ascent& how, int threads) {
  const auto of = [&](auto&& ascending) {
    switch (how.loss) {
      case Loss::hinge_max: return ascending.template run<hinge_max_step>();
      case Loss::ova_hinge: return ascending.template run<ova_hinge_step>();
      default: return ascending.template run<hinge_step>();
    }
  };
  if (std::min<int64_t>(how.block, data.count) * data.features * model.classes < 100000) threads = 1;  // or they would wait for one another
  if (as_digits(data, model.classes, how.block)) return of(Ascending<DigitProducts>(data, model, how, threads));
  if (as_bytes(data, model.classes)) return of(Ascending<TileProducts<uint8_t>>(data, model, how, threads));
  return of(Ascending<TileProducts<float>>(data, model, how, threads));
}

void best_slopes(Loss loss, const float* s, const int64_t* y, int64_t rows, int classes, float strength, float* p, int threads) {
  threads = (int)std::clamp<int64_t>(rows * classes / 20000, 1, threads);
  const auto best = loss == Loss::hinge_max ? best_rows<hinge_max_step> : loss == Loss::ova_hinge ? best_rows<ova_hinge_step> : best_rows<hinge_step>;
  parallel(threads, [&](int thread) {
    best(s, y, rows * thread / threads, rows * (thread + 1) / threads, classes, strength, p);
  });
}

void pull(const Data& data, const float* p, int classes, double* out, int threads) {
  const std::vector<Chunk> chunks = cut(data.features, classes);
  std::fill_n(out, (size_t)classes * (size_t)data.features, 0.0);
  threads = (int)std::clamp<int64_t>(data.count * data.features * classes / 1000000, 1, std::min<int64_t>(threads, (int64_t)chunks.size()));
  parallel(threads, [&](int thread) {
    const Share own((int)chunks.size(), thread, threads);
    for (int i = own.first; i < own.last; ++i) pull_chunk(data, p, classes, chunks[(size_t)i], out);
  });
}

void block_grams(const Data& data, int block, float* out, int threads) {
  const int64_t blocks = (data.count + block - 1) / block;
  const int strip = (int)std::min<int64_t>(kWidth, (data.features + kLanes - 1) / kLanes * kLanes);
  const Features features(data);
  threads = (int)std::clamp<int64_t>(data.count * data.features * block / 1000000, 1, std::min<int64_t>(threads, blocks));
  std::fill_n(out, (size_t)data.count * block, 0.0f);
  std::vector<Aligned<float>> packed;
  for (int t = 0; t < threads; ++t) packed.emplace_back((size_t)block * strip);
  parallel(threads, [&](int thread) {
    const Share own((int)blocks, thread, threads);
    float* Z = packed[(size_t)thread].get();
    for (int64_t k = own.first; k < own.last; ++k) {
      const int rows = (int)std::min<int64_t>(block, data.count - k * block);
      float* to = out + k * block * block;
      for (int64_t f = 0; f < data.features; f += strip) {
        const int size = (int)std::min<int64_t>(strip, data.features - f);
        for (int r = 0; r < rows; ++r) {
          features.take(k * block + r, (int)f, (int)f + size, Z + (size_t)r * strip);
          std::fill_n(Z + (size_t)r * strip + size, strip - size, 0.0f);
        }
        for (int j = 0; j < rows; j += kTile)
          for (int r = j; r < rows; r += 2) {
            const int second = std::min(r + 1, rows - 1);
            const float* x[2] = {Z + (size_t)r * strip, Z + (size_t)second * strip};
            for_classes<Across>(std::min(kTile, rows - j), x, (const float*)(Z + (size_t)j * strip), (size_t)strip, strip, to + j, block, r, second);
          }
      }
      for (int r = 0; r < rows; ++r)
        for (int j = r + 1; j < rows; ++j) to[(size_t)r * block + j] = to[(size_t)j * block + r];
    }
  });
}

}  // namespace STEEPEST_ISA
