// The program of a network: layers, loss, backpropagation and step in one region over many batches, in buffers planned once.
//
// A batch goes through in blocks of at most kBlock rows, each in two phases:
//   1. each thread its rows: gather and scale, all layers forward, loss, all layers back          | barrier
//   2. each thread its weights: dW and db over the block's rows; after the last block the step     | barrier
// Every number is one sum in one order, whichever thread adds it up, so any number of threads gives the same bits.
#include "network.hpp"

#include <algorithm>
#include <vector>

#include "features.hpp"
#include "layer.hpp"
#include "loss_rows.hpp"
#include "pool.hpp"
#include "rules.hpp"

namespace STEEPEST_ISA {
namespace {

constexpr int kGroupRows = 16;  // rows that meet the loss together; a thread owns whole groups

// Inputs [first, last) of a layer's weights, or its biases (first = -1): what one thread moves in phase 2.
struct Piece {
  int layer, first, last;
  double cost;
};

class Program {
 public:
  Program(const Data& data, const std::vector<Dense>& layers, int64_t batch, const Training* how, int threads)
      : data_(data), how_(how), block_((int)std::min<int64_t>(kBlock, std::max<int64_t>(1, batch))), C_(layers.back().outputs),
        ldx_((size_t)(data.features + 15) / 16 * 16 + 16), x_(block_ * ldx_), features_(data), threads_(threads), barrier_(threads),
        tallies_(block_ / kGroupRows + 1), scratch_((size_t)threads * 2 * kGroupRows * C_), local_((size_t)threads * kPanel * kPanel) {
    layers_.reserve(layers.size());
    for (size_t l = 0; l < layers.size(); ++l) layers_.emplace_back(layers[l], block_, l == 0, how != nullptr);
    plan();
  }

  Tally descend() {
    exchange(&Layer::pack, &Layer::copy);
    const Move move = move_of(how_->rule);
    parallel(threads_, [&](int thread) {
      turn_all(thread);
      const int64_t steps = (data_.count + how_->batch - 1) / how_->batch;
      for (int64_t step = 0; step < steps; ++step) {
        const int64_t begin = step * how_->batch, end = std::min(data_.count, begin + how_->batch);
        const Step now(*how_, how_->first_step + step, how_->lr[step]);
        pass(thread, begin, end, 1.0f / (float)(end - begin), how_->loss, how_->first_step + step, [&](Layer& l, const Piece& piece, const float* g) {
          update(l, piece, g, now, move);
        });
      }
    });
    for (Layer& l : layers_) {
      l.unpack(l.W.get(), l.given.W);
      if (l.given.b) std::copy_n(l.b.get(), l.given.outputs, l.given.b);
    }
    exchange(&Layer::unpack, nullptr);
    return tally_;
  }

  Tally gradient(Loss loss) {
    parallel(threads_, [&](int thread) {
      turn_all(thread);
      pass(thread, 0, data_.count, 1.0f, loss, -1, [](Layer&, const Piece&, const float*) {});
    });
    for (Layer& l : layers_) {
      l.unpack(l.G.get(), l.given.memory_W[0]);
      if (l.given.memory_b[0]) std::copy_n(l.db.get(), l.given.outputs, l.given.memory_b[0]);
    }
    return tally_;
  }

  void scores(float* out) {
    parallel(threads_, [&](int thread) {
      for (int64_t at = 0; at < data_.count; at += block_) {
        const int rows = (int)std::min<int64_t>(block_, data_.count - at);
        const Share mine = groups(block_, thread);  // of whole blocks, the last one too: nobody touches another's rows, and nobody waits
        const int first = std::min(rows, mine.first * kGroupRows), last = std::min(rows, mine.last * kGroupRows);
        if (first < last) forward(at, first, last, 0, -1);
        for (int r = first; r < last; ++r) std::copy_n(layers_.back().a.get() + r * layers_.back().ld, C_, out + (at + r) * C_);
      }
    });
  }

 private:
  static constexpr int kBlock = 256;

  Share groups(int rows, int thread) const { return Share((rows + kGroupRows - 1) / kGroupRows, thread, threads_); }

  // Phase 2 in pieces, and which thread has which: by their cost, which moves no number.
  void plan() {
    double total = 0;
    for (int l = 0; l < (int)layers_.size(); ++l) {
      const Layer& layer = layers_[l];
      for (int first = 0; first < layer.given.inputs; first += kPanel) {
        const int last = std::min(layer.given.inputs, first + kPanel);
        pieces_.push_back({l, first, last, (double)(last - first) * layer.out.padded()});
      }
      pieces_.push_back({l, -1, -1, (double)layer.out.padded()});
    }
    for (const Piece& piece : pieces_) total += piece.cost;
    begins_.assign(threads_ + 1, (int)pieces_.size());
    double before = 0;
    int thread = 0;
    for (int i = 0; i < (int)pieces_.size(); ++i) {
      while (thread < threads_ && before + pieces_[i].cost / 2 >= total * thread / threads_) begins_[thread++] = i;
      before += pieces_[i].cost;
    }
    begins_[0] = 0;
  }

  // The rule's memory, between the caller's arrays and the panels.
  void exchange(void (Layer::*weights)(const float*, float*) const, void (Layer::*biases)(const float*, float*) const) {
    const bool in = biases != nullptr;
    for (Layer& l : layers_) {
      float* const W[2] = {l.m.get(), l.v.get()};
      float* const b[2] = {l.bm.get(), l.bv.get()};
      for (int k = 0; k < 2; ++k) {
        if (l.given.memory_W[k]) in ? (l.*weights)(l.given.memory_W[k], W[k]) : (l.*weights)(W[k], l.given.memory_W[k]);
        if (l.given.memory_b[k]) in ? (void)std::copy_n(l.given.memory_b[k], l.given.outputs, b[k]) : (void)std::copy_n(b[k], l.given.outputs, l.given.memory_b[k]);
      }
    }
  }

  void turn_all(int thread) {
    for (int i = begins_[thread]; i < begins_[thread + 1]; ++i)
      if (pieces_[i].first >= 0) layers_[pieces_[i].layer].turn(pieces_[i].first, pieces_[i].last);
    barrier_.wait();
  }

  // Rows [begin, end): leaves their dL/dW, times `unit`, in G, or hands each piece of it to `last` when it is whole.
  template <class Last>
  void pass(int thread, int64_t begin, int64_t end, float unit, Loss loss, int64_t step, Last last) {
    const LossRows of = rows_of(loss);
    for (int64_t at = begin; at < end; at += block_) {
      const int rows = (int)std::min<int64_t>(block_, end - at);
      const Share mine = groups(rows, thread);
      const int first = mine.first * kGroupRows, past = std::min(rows, mine.last * kGroupRows);
      if (first < past) {
        forward(at, first, past, at - begin, step);
        for (int g = mine.first; g < mine.last; ++g) tallies_[g] = loss_group(thread, at, g, rows, unit, of);
        backward(first, past);
      }
      barrier_.wait();
      for (int i = begins_[thread]; i < begins_[thread + 1]; ++i) slopes(thread, pieces_[i], rows, at > begin, at + rows == end, last);
      if (thread == 0)
        for (int g = 0; g < (rows + kGroupRows - 1) / kGroupRows; ++g) {
          tally_.loss += tallies_[g].loss / unit;
          tally_.correct += tallies_[g].correct;
        }
      barrier_.wait();
    }
  }

  // Rows [first, last) of the block that starts at `at`, `offset` rows into its batch; step < 0: nothing is dropped.
  void forward(int64_t at, int first, int last, int64_t offset, int64_t step) {
    for (int r = first; r < last; ++r) features_.take(at + r, block_, x_.get() + r * ldx_);
    const float* in = x_.get() + first * ldx_;
    size_t ld = ldx_;
    for (Layer& l : layers_) {
      float* a = l.a.get() + first * l.ld;
      product(in, ld, l.W.get(), l.out, last - first, l.given.inputs, a, l.ld);
      l.activate(a, l.ld, last - first, l.out.padded(), l.b.get(), l.given.slope);
      if (l.kept.get() && step >= 0) l.drop(offset, first, last, how_->seed, (uint64_t)step);
      in = a;
      ld = l.ld;
    }
  }

  // The loss wants an example in each lane: scores are turned on the way in, slopes on the way out.
  Tally loss_group(int thread, int64_t at, int g, int rows, float unit, LossRows of) {
    Layer& top = layers_.back();
    const int first = g * kGroupRows, live = std::min(rows, first + kGroupRows) - first;
    float *s = scratch_.get() + (size_t)thread * 2 * kGroupRows * C_, *d = s + (size_t)kGroupRows * C_;
    int32_t y[kGroupRows] = {};
    float weight[kGroupRows] = {};
    for (int r = 0; r < live; ++r) {
      const int64_t i = data_.order ? data_.order[at + first + r] : at + first + r;
      y[r] = (int32_t)data_.y[i];
      weight[r] = (data_.weight ? data_.weight[i] : 1.0f) * unit;
      const float* from = top.a.get() + (first + r) * top.ld;
      for (int c = 0; c < C_; ++c) s[(size_t)c * kGroupRows + r] = from[c];
    }
    const Tally tally = of(s, d, kGroupRows, C_, y, weight, live, nullptr);
    for (int r = 0; r < live; ++r) {
      float* to = top.d.get() + (first + r) * top.ld;
      for (int c = 0; c < C_; ++c) to[c] = d[(size_t)c * kGroupRows + r];
    }
    top.descend(first, first + live);
    return tally;
  }

  void backward(int first, int last) {
    for (size_t l = layers_.size() - 1; l > 0; --l) {
      Layer &above = layers_[l], &here = layers_[l - 1];
      float* d = here.d.get() + first * here.ld;
      product(above.d.get() + first * above.ld, above.ld, above.turned.get(), Panels{above.given.inputs}, last - first, above.given.outputs, d, here.ld);
      here.descend(first, last);
    }
  }

  // dL/dW of a piece over the block's rows: kept in G until the batch is through, then handed on.
  template <class Last>
  void slopes(int thread, const Piece& piece, int rows, bool add, bool whole, Last last) {
    Layer& l = layers_[piece.layer];
    if (piece.first < 0) {
      for (int j = 0; j < l.out.padded(); j += kLanes) {
        Floats total = add ? load(l.db.get() + j) : splat(0.0f);
        for (int r = 0; r < rows; ++r) total += load(l.d.get() + r * l.ld + j);
        store(l.db.get() + j, total);
      }
      if (whole) last(l, piece, l.db.get());
      return;
    }
    const float* in = piece.layer ? layers_[piece.layer - 1].a.get() : x_.get();
    const size_t ld = piece.layer ? layers_[piece.layer - 1].ld : ldx_;
    const RowTiles tiles(piece.last - piece.first);
    const bool keep = add || !whole || !how_;
    for (int p = 0; p < l.out.count(); ++p) {
      const int width = l.width(p);
      float* g = keep ? l.at(l.G, p, piece.first) : local_.get() + (size_t)thread * kPanel * kPanel;
      for (int i = 0; i < tiles.tiles; ++i) {
        const int r = tiles.first(i);
        tile_of(tiles.size(i), l.out.vectors(p))(in + piece.first + r, 1, ld, l.d.get() + p * kPanel, l.ld, rows, g + r * width, width, add);
      }
      if (whole) last(l, Piece{p, piece.first, piece.last, 0}, g);
    }
    if (whole) l.turn(piece.first, piece.last);
  }

  void update(Layer& l, const Piece& piece, const float* g, const Step& now, Move move) {
    if (piece.first < 0) {
      if (l.given.b) move(l.b.get(), l.bm.get(), l.bv.get(), g, l.padded(), now, false);
      return;
    }
    const int p = piece.layer;
    move(l.at(l.W, p, piece.first), l.at(l.m, p, piece.first), l.at(l.v, p, piece.first), g, (size_t)(piece.last - piece.first) * l.width(p), now, true);
  }

  const Data data_;
  const Training* how_;
  const int block_, C_;
  const size_t ldx_;
  Aligned<float> x_;
  const Features features_;
  const int threads_;
  Barrier barrier_;
  std::vector<Layer> layers_;
  std::vector<Piece> pieces_;
  std::vector<int> begins_;
  std::vector<Tally> tallies_;
  Aligned<float> scratch_, local_;
  Tally tally_{0, 0};
};

// Threads that are worth their barriers.
int worth(const std::vector<Dense>& layers, int64_t rows, int threads) {
  double work = 0;
  for (const Dense& l : layers) work += 6.0 * rows * l.inputs * l.outputs;
  return work < 1e6 ? 1 : threads;
}

Tally descend(const Data& data, const std::vector<Dense>& layers, const Training& how, int threads) {
  return Program(data, layers, how.batch, &how, worth(layers, how.batch, threads)).descend();
}
Tally gradient(const Data& data, const std::vector<Dense>& layers, Loss loss, int threads) {
  return Program(data, layers, data.count, nullptr, worth(layers, data.count, threads)).gradient(loss);
}
void scores(const Data& data, const std::vector<Dense>& layers, float* out, int threads) {
  Program(data, layers, data.count, nullptr, worth(layers, data.count, threads)).scores(out);
}

}  // namespace

extern const Networks networks;
const Networks networks{descend, gradient, scores};

}  // namespace STEEPEST_ISA
