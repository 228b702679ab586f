// The program of a network: layers, loss, backpropagation and step in one region over many batches, in buffers planned once.
//
// A batch goes through in blocks of at most kBlock rows, each in phases with a barrier between them. In a phase a thread owns either rows
// of the block, or inputs of one layer, and does for them all that needs nothing of the others' part:
//
//   by rows     gather and scale, layer after layer forward, loss, layer after layer back
//   by inputs   forward: this layer's sums over each chunk of its inputs; back: the slopes at those inputs, and then dW and the step
//
// Weights that are large beside the batch are owned by inputs: each core keeps its part of them, and only sums and slopes travel.
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
constexpr int kLocal = kPanel * 3 * kLanes;  // numbers of dW in a piece, at most
constexpr int kPieceRows = 2 * 14;  // inputs whose dW is made at once, where nothing else says how many: whole tiles

// Inputs [first, last) of a layer's weights, or its biases (first = -1): what one thread moves at a time.
struct Piece {
  int layer, first, last;
};

// What a pass over a block is told.
struct Now {
  int64_t at;      // the block's first row
  int64_t offset;  // of that row within its batch
  int64_t step;    // of the masks; -1: nothing is dropped
  int rows;
  bool add, whole;  // there were blocks of this batch before; this is its last
  float unit;       // what each row's loss counts
  LossRows loss;
};

std::vector<int> cut(int inputs, int chunks, int multiple) {
  std::vector<int> cuts;
  for (int c = 0; c < chunks; ++c) cuts.push_back((int)((int64_t)inputs * c / chunks) / multiple * multiple);
  cuts.push_back(inputs);
  return cuts;
}

template <class N>
class Program {
 public:
  Program(const Data& data, const std::vector<Dense>& layers, int64_t batch, const Training* how, int threads)
      : data_(data), how_(how), block_((int)std::min<int64_t>(kBlock, std::max<int64_t>(1, batch))), C_(layers.back().outputs), features_(data), threads_(threads),
        barrier_(threads), tallies_(block_ / kGroupRows + 1), scratch_((size_t)threads * 2 * kGroupRows * C_), local_((size_t)threads * kLocal) {
    layers_.reserve(layers.size());
    for (size_t l = 0; l < layers.size(); ++l)
      layers_.emplace_back(layers[l], block_, l == 0, how != nullptr, !how || batch > block_, cut(layers[l].inputs, how ? chunks(layers[l], l == 0) : 1, l ? kPanel : 4));
    const std::vector<int>& cuts = layers_[0].cuts;
    for (size_t c = 0; c + 1 < cuts.size(); ++c) x_.emplace_back(block_, cuts[c + 1] - cuts[c], true, true);
    plan();
  }

  Tally descend() {
    exchange(true);
    const Move move = move_of(how_->rule);
    parallel(threads_, [&](int thread) {
      refresh(thread);
      const int64_t steps = (data_.count + how_->batch - 1) / how_->batch;
      for (int64_t step = 0; step < steps; ++step) {
        const int64_t begin = step * how_->batch, end = std::min(data_.count, begin + how_->batch), count = how_->first_step + step;
        const Step now(*how_, count, how_->lr[step]);
        pass(thread, begin, end, 1.0f / (float)(end - begin), how_->loss, count, [&](Layer<N>& l, int p, int first, int last, const float* g) {
          if (p < 0) {
            if (l.given.b) move(l.b.get(), l.bm.get(), l.bv.get(), g, l.padded(), now, false);
          } else {
            move(l.at(l.W, p, first), l.at(l.m, p, first), l.at(l.v, p, first), g, (size_t)(last - first) * l.width(p), now, true);
          }
        });
      }
    });
    for (Layer<N>& l : layers_) {
      l.unpack(l.W.get(), l.given.W);
      if (l.given.b) std::copy_n(l.b.get(), l.given.outputs, l.given.b);
    }
    exchange(false);
    return tally_;
  }

  Tally gradient(Loss loss) {
    parallel(threads_, [&](int thread) {
      refresh(thread);
      pass(thread, 0, data_.count, 1.0f, loss, -1, [](Layer<N>&, int, int, int, const float*) {});
    });
    for (Layer<N>& l : layers_) {
      l.unpack(l.G.get(), l.given.memory_W[0]);
      if (l.given.memory_b[0]) std::copy_n(l.db.get(), l.given.outputs, l.given.memory_b[0]);
    }
    return tally_;
  }

  void scores(float* out) {
    parallel(threads_, [&](int thread) {
      refresh(thread);
      Now now{};
      now.step = -1;
      for (now.at = 0; now.at < data_.count; now.at += block_) {
        now.rows = (int)std::min<int64_t>(block_, data_.count - now.at);
        const Share mine = groups(block_, thread);  // of whole blocks, the last one too: nobody touches another's rows, and nobody waits
        const int first = std::min(now.rows, mine.first * kGroupRows), last = std::min(now.rows, mine.last * kGroupRows);
        if (first == last) continue;
        for (const Task& task : phases_[0].tasks)
          if (task.work != &Program::lose && task.work != &Program::back && task.work != &Program::steepen) (this->*task.work)(now, task.layer, {thread, first, last, 0, 0, 0});
        Layer<N>& top = layers_.back();
        for (int r = first; r < last; ++r) std::copy_n(top.a.at(r, 0), C_, out + (now.at + r) * C_);
      }
    });
  }

 private:
  static constexpr int kBlock = 256;

  using Work = void (Program::*)(const Now&, int layer, const Region&);
  struct Task {
    Work work;
    int layer;
  };
  enum class Owner { rows, sums, inputs };  // rows of the block; inputs of a layer, on the way forward; on the way back
  struct Phase {
    Owner owner;
    int layer;  // whose inputs
    std::vector<Task> tasks;
    std::vector<Piece> pieces;  // moved after the tasks, and which thread has which
    std::vector<int> begins;
  };

  // How many chunks the inputs of a layer are cut into, so that threads own them: by the shapes alone.
  int chunks(const Dense& l, bool first) const {
    if (l.inputs < 512 || block_ > (first ? 128 : 32)) return 1;
    int count = 2;
    while (count < 16 && l.inputs / (2 * count) >= 256) count *= 2;
    return count;
  }

  Share groups(int rows, int thread) const { return Share((rows + kGroupRows - 1) / kGroupRows, thread, threads_); }

  void plan() {
    const int n = (int)layers_.size();
    for (int l = 0; l < n; ++l) {
      join(layers_[l].split() ? Owner::sums : Owner::rows, l);
      l ? task(&Program::activate, l - 1) : task(&Program::gather, 0);
      task(&Program::multiply, l);
    }
    join(Owner::rows, n);
    task(&Program::activate, n - 1);
    task(&Program::lose, n - 1);
    task(&Program::steepen, n - 1);
    std::vector<Piece> rest;
    for (int l = n - 1; l >= 0; --l) {
      if (l) {
        join(layers_[l].split() ? Owner::inputs : Owner::rows, l);
        task(&Program::back, l);
        task(&Program::steepen, l - 1);
      }
      if (layers_[l].split()) {
        join(Owner::inputs, l);
        cut_pieces(l, phases_.back().pieces);
        deal(phases_.back(), l);
      } else {
        cut_pieces(l, rest);
      }
    }
    for (int l = 0; l < n; ++l) rest.push_back({l, -1, -1});
    if (phases_.back().owner == Owner::rows || !layers_[0].split()) join(Owner::inputs, -1);
    rest_.pieces = rest;
    deal(rest_, -1);
    // The next block may begin without waiting where a thread meets only its own inputs before the first barrier.
    runs_on_ = layers_[0].split() && layers_[0].chunks() % threads_ == 0;
  }

  void join(Owner owner, int layer) {
    if (phases_.empty() || phases_.back().owner != owner || (owner != Owner::rows && phases_.back().layer != layer)) phases_.push_back({owner, layer, {}, {}, {}});
  }
  void task(Work work, int layer) { phases_.back().tasks.push_back({work, layer}); }

  void cut_pieces(int l, std::vector<Piece>& pieces) const {
    const Layer<N>& layer = layers_[l];
    for (int c = 0; c < layer.chunks(); ++c) {
      const int step = l ? kPanel : std::min(kPieceRows, kPanel);
      for (int first = layer.cuts[c]; first < layer.cuts[c + 1]; first += step) pieces.push_back({l, first, std::min(layer.cuts[c + 1], first + step)});
    }
  }

  // Which thread has which pieces: its own chunks of a layer that is cut, else by their cost. It moves no number.
  void deal(Phase& phase, int l) const {
    const auto cost = [&](const Piece& piece) { return (double)layers_[piece.layer].out.padded() * (piece.first < 0 ? 1 : piece.last - piece.first); };
    const std::vector<Piece>& pieces = phase.pieces;
    phase.begins.assign(threads_ + 1, (int)pieces.size());
    double total = 0, before = 0;
    for (const Piece& piece : pieces) total += cost(piece);
    int thread = 0;
    for (int i = 0; i < (int)pieces.size(); ++i) {
      const auto starts = [&](int t) {
        if (l >= 0 && layers_[l].chunks() % threads_ == 0) return pieces[i].first >= layers_[l].cuts[layers_[l].chunks() / threads_ * t];
        return before + cost(pieces[i]) / 2 >= total * t / threads_;
      };
      while (thread < threads_ && starts(thread)) phase.begins[thread++] = i;
      before += cost(pieces[i]);
    }
    phase.begins[0] = 0;
  }

  // The rule's memory, between the caller's arrays and the panels.
  void exchange(bool in) {
    const auto move = [&](float* given, float* here, int n) { in ? std::copy_n(given, n, here) : std::copy_n(here, n, given); };
    for (Layer<N>& l : layers_) {
      float* const W[2] = {l.m.get(), l.v.get()};
      float* const b[2] = {l.bm.get(), l.bv.get()};
      for (int k = 0; k < 2; ++k) {
        if (l.given.memory_W[k]) in ? l.pack(l.given.memory_W[k], W[k]) : l.unpack(W[k], l.given.memory_W[k]);
        if (l.given.memory_b[k]) move(l.given.memory_b[k], b[k], l.given.outputs);
      }
    }
  }

  void refresh(int thread) {
    for (const Phase& phase : phases_) each_piece(phase, thread, [&](const Piece& piece) { layers_[piece.layer].refresh(piece.first, piece.last); });
    each_piece(rest_, thread, [&](const Piece& piece) { if (piece.first >= 0) layers_[piece.layer].refresh(piece.first, piece.last); });
    barrier_.wait();
  }

  template <class F>
  static void each_piece(const Phase& phase, int thread, F run) {
    if (!phase.pieces.empty())
      for (int i = phase.begins[thread]; i < phase.begins[thread + 1]; ++i) run(phase.pieces[i]);
  }

  // Rows [begin, end): leaves their dL/dW, times `unit`, in G, or hands each piece of it to `last` when it is whole.
  template <class Last>
  void pass(int thread, int64_t begin, int64_t end, float unit, Loss loss, int64_t step, Last last) {
    for (int64_t at = begin; at < end; at += block_) {
      const int rows = (int)std::min<int64_t>(block_, end - at);
      const Now now{at, at - begin, step, rows, at > begin, at + rows == end, unit, rows_of(loss)};
      for (size_t p = 0; p < phases_.size(); ++p) {
        if (p) barrier_.wait();
        const Phase& phase = phases_[p];
        each_region(phase, thread, rows, [&](const Region& mine) {
          for (const Task& task : phase.tasks) (this->*task.work)(now, task.layer, mine);
        });
        each_piece(phase, thread, [&](const Piece& piece) {
          slopes(now, thread, piece, last);
          if (piece.layer == 0) ask(now, thread, phase, piece);
        });
      }
      each_piece(rest_, thread, [&](const Piece& piece) {
        slopes(now, thread, piece, last);
        if (piece.layer == 0) ask(now, thread, rest_, piece);
      });
      if (thread == 0)
        for (int g = 0; g < (rows + kGroupRows - 1) / kGroupRows; ++g) {
          tally_.loss += tallies_[g].loss / unit;
          tally_.correct += tallies_[g].correct;
        }
      if (!runs_on_) barrier_.wait();
    }
  }

  // While dW of the first layer is made, piece by piece, asks for the rows that this thread gathers next: shuffled rows come from memory.
  void ask(const Now& now, int thread, const Phase& phase, const Piece& piece) const {
    const int begin = phase.begins[thread], count = phase.begins[thread + 1] - begin, i = (int)(&piece - &phase.pieces[begin]);
    each_region(phases_[0], thread, block_, [&](const Region& next) {
      const Share some(next.last - next.first, i, count);
      for (int r = some.first; r < some.last; ++r)
        features_.ask(now.at + now.rows + next.first + r, layers_[0].cuts[next.chunk], layers_[0].cuts[next.chunk + 1]);
    });
  }

  template <class F>
  void each_region(const Phase& phase, int thread, int rows, F run) const {
    if (phase.tasks.empty()) return;
    const int count = (rows + kGroupRows - 1) / kGroupRows;
    if (phase.owner == Owner::rows) {
      const Share mine = groups(rows, thread);
      if (mine.first < mine.last) run(Region{thread, mine.first * kGroupRows, std::min(rows, mine.last * kGroupRows), 0, 0, 0});
    } else if (phase.owner == Owner::sums) {
      const std::vector<int>& cuts = layers_[phase.layer].cuts;
      const Share mine(((int)cuts.size() - 1) * count, thread, threads_);
      for (int i = mine.first, next; i < mine.last; i = next) {
        const int c = i / count;
        next = std::min(mine.last, (c + 1) * count);
        run(Region{thread, (i - c * count) * kGroupRows, std::min(rows, (next - c * count) * kGroupRows), cuts[c], cuts[c + 1], c});
      }
    } else if (phase.begins[thread] < phase.begins[thread + 1]) {
      run(Region{thread, 0, rows, phase.pieces[phase.begins[thread]].first, phase.pieces[phase.begins[thread + 1] - 1].last, 0});
    }
  }

  // A region's columns among the outputs of layer l: all of them where it has rows.
  Region outputs(const Region& mine, int l) const {
    Region all = mine;
    if (mine.to == 0) all.to = layers_[l].given.outputs;
    return all;
  }

  void gather(const Now& now, int, const Region& mine) {
    Values<N>& x = x_[mine.chunk];
    const int from = layers_[0].cuts[mine.chunk], to = layers_[0].cuts[mine.chunk + 1];
    for (int r = mine.first; r < mine.last; r += 2) {
      const int past = std::min(mine.last, r + 2);
      for (int i = r; i < past; ++i) features_.take(now.at + i, from, to, x.at(i, 0));
      x.form(r, past, 0, to - from);
    }
  }

  void multiply(const Now&, int l, const Region& mine) {
    Layer<N>& layer = layers_[l];
    const int from = layer.cuts[mine.chunk], to = layer.cuts[mine.chunk + 1];
    const Values<N>& in = l ? layers_[l - 1].a : x_[mine.chunk];
    layer.multiply(in.along(mine.first, l ? from : 0), in.along_ld(), from, to, mine.last - mine.first,
                   layer.split() ? layer.parts[mine.chunk].get() + mine.first * layer.a.ld : layer.a.at(mine.first, 0));
  }

  void activate(const Now& now, int l, const Region& mine) { layers_[l].activate(outputs(mine, l), now.offset, how_ ? how_->seed : 0, now.step); }

  // The loss wants an example in each lane: scores are turned on the way in, slopes on the way out.
  void lose(const Now& now, int l, const Region& mine) {
    Layer<N>& top = layers_[l];
    float *s = scratch_.get() + (size_t)mine.thread * 2 * kGroupRows * C_, *d = s + (size_t)kGroupRows * C_;
    for (int first = mine.first; first < mine.last; first += kGroupRows) {
      const int live = std::min(mine.last - first, kGroupRows);
      int32_t y[kGroupRows] = {};
      float weight[kGroupRows] = {};
      for (int r = 0; r < live; ++r) {
        const int64_t i = data_.order ? data_.order[now.at + first + r] : now.at + first + r;
        y[r] = (int32_t)data_.y[i];
        weight[r] = (data_.weight ? data_.weight[i] : 1.0f) * now.unit;
        const float* from = top.a.at(first + r, 0);
        for (int c = 0; c < C_; ++c) s[(size_t)c * kGroupRows + r] = from[c];
      }
      tallies_[first / kGroupRows] = now.loss(s, d, kGroupRows, C_, y, weight, live, nullptr);
      for (int r = 0; r < live; ++r) {
        float* to = top.d.at(first + r, 0);
        for (int c = 0; c < C_; ++c) to[c] = d[(size_t)c * kGroupRows + r];
      }
    }
  }

  void steepen(const Now&, int l, const Region& mine) { layers_[l].steepen(outputs(mine, l)); }

  void back(const Now&, int l, const Region& mine) {
    Layer<N>& here = layers_[l - 1];
    layers_[l].multiply_back(outputs(mine, l - 1), here.d.at(mine.first, mine.from), here.d.ld);
  }

  // dL/dW of a piece over the block's rows: kept in G until the batch is through, then handed on.
  template <class Last>
  void slopes(const Now& now, int thread, const Piece& piece, Last last) {
    Layer<N>& l = layers_[piece.layer];
    if (piece.first < 0) {
      for (int j = 0; j < l.out.padded(); j += kLanes) {
        Floats total = now.add ? load(l.db.get() + j) : splat(0.0f);
        for (int r = 0; r < now.rows; ++r) total += load(l.d.at(r, j));
        store(l.db.get() + j, total);
      }
      if (now.whole) last(l, -1, 0, 0, l.db.get());
      return;
    }
    int chunk = 0;
    while (!piece.layer && piece.first >= l.cuts[chunk + 1]) ++chunk;
    const Values<N>& in = piece.layer ? layers_[piece.layer - 1].a : x_[chunk];
    const float* left = in.across(0, piece.layer ? piece.first : piece.first - l.cuts[chunk]);
    const bool keep = now.add || !now.whole || !how_;
    for (int p = 0; p < l.out.count(); ++p) {
      const int width = l.width(p);
      const RowTiles tiles(piece.last - piece.first, l.out.vectors(p));
      float* g = keep ? l.at(l.G, p, piece.first) : local_.get() + (size_t)thread * kLocal;
      for (int i = 0; i < tiles.tiles; ++i) {
        const int r = tiles.first(i);
        tile_of<N>(tiles.size(i), l.out.vectors(p), l.out.half(p))(left + r, 1, in.ld, l.d.across(0, p * kPanel), l.d.ld, units<N>(now.rows), g + r * width, width, now.add);
      }
      if (now.whole) last(l, p, piece.first, piece.last, g);
    }
    if (now.whole) l.refresh(piece.first, piece.last);
  }

  const Data data_;
  const Training* how_;
  const int block_, C_;
  const Features features_;
  const int threads_;
  Barrier barrier_;
  std::vector<Values<N>> x_;  // of each chunk of the features
  std::vector<Layer<N>> layers_;
  std::vector<Phase> phases_;
  Phase rest_;  // pieces of the layers that are not cut, and the biases
  bool runs_on_;
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
  threads = worth(layers, how.batch, threads);
  return how.brain ? Program<Brain>(data, layers, how.batch, &how, threads).descend() : Program<Single>(data, layers, how.batch, &how, threads).descend();
}
Tally gradient(const Data& data, const std::vector<Dense>& layers, Loss loss, int threads) {
  return Program<Single>(data, layers, data.count, nullptr, worth(layers, data.count, threads)).gradient(loss);
}
void scores(const Data& data, const std::vector<Dense>& layers, float* out, int threads) {
  Program<Single>(data, layers, data.count, nullptr, worth(layers, data.count, threads)).scores(out);
}

}  // namespace

extern const Networks networks;
const Networks networks{descend, gradient, scores};

}  // namespace STEEPEST_ISA
