// The program of a network: layers, loss, backpropagation and step in one region over many batches, in buffers planned once.
//
// A batch goes through in blocks of at most kBlock rows (with batch norm, whole), each in the phases of plan.hpp. Every number is one sum
// in one order, whichever thread adds it up, so any number of threads gives the same bits.
#include "network.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "features.hpp"
#include "layer.hpp"
#include "loss_rows.hpp"
#include "plan.hpp"
#include "pool.hpp"
#include "rules.hpp"

namespace STEEPEST_ISA {
namespace {

constexpr int kLocal = kPanel * 3 * kLanes;  // numbers of dW in a piece, at most

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
  Program(const Data& data, const std::vector<Stage>& stages, int64_t batch, const Training* how, int threads)
      : data_(data), how_(how), block_(rows_at_once(stages, batch, how)), C_(stages.back().outputs), features_(data), threads_(threads), barrier_(threads),
        plan_(shapes(stages, block_, how), threads), tallies_(block_ / kGroupRows + 1), scratch_((size_t)threads * 2 * kGroupRows * C_),
        local_((size_t)threads * kLocal) {
    const std::vector<Shape> known = shapes(stages, block_, how);
    layers_.reserve(stages.size());
    for (int l = 0; l < (int)stages.size(); ++l) {
      layers_.emplace_back(stages[l], block_, l <= plan_.bottom, how != nullptr, !how || batch > block_, known[l].cuts);
      if (stages[l].skip >= 0) skips_.emplace_back(l, stages[l].skip);
    }
    const std::vector<int>& cuts = layers_[0].cuts;
    for (size_t c = 0; c + 1 < cuts.size(); ++c) x_.emplace_back(block_, cuts[c + 1] - cuts[c], true, true);
  }

  Tally descend() {
    for (Layer<N>& l : layers_) {
      for (auto [given, here] : {std::pair(l.given.memory_W[0], l.m.get()), std::pair(l.given.memory_W[1], l.v.get())})
        if (here) l.pack(given, here);
      l.each_vector([](Parameters& vector) { vector.remember(); });
    }
    const Move move = move_of(how_->rule);
    parallel(threads_, [&](int thread) {
      const FlushedToZero flushed;
      refresh(thread);
      const int64_t steps = (data_.count + how_->batch - 1) / how_->batch;
      for (int64_t step = 0; step < steps; ++step) {
        const int64_t begin = step * how_->batch, end = std::min(data_.count, begin + how_->batch), count = how_->first_step + step;
        const Step now(*how_, count, how_->lr[step]);
        pass(thread, begin, end, 1.0f / (float)(end - begin), how_->loss, count,
             [&](float* w, float* m, float* v, const float* g, size_t n, bool penalized) { move(w, m, v, g, n, now, penalized); });
      }
    });
    if (std::isfinite(how_->most) && !(tally_.loss <= how_->most && finite())) return {INFINITY, tally_.correct};
    for (Layer<N>& l : layers_) {
      if (l.given.W) l.unpack(l.W.get(), l.given.W);
      for (auto [given, here] : {std::pair(l.given.memory_W[0], l.m.get()), std::pair(l.given.memory_W[1], l.v.get())})
        if (here) l.unpack(here, given);
      l.each_vector([](Parameters& vector) { vector.give_back(); });
      if (l.norm) l.norm->give_back();
    }
    return tally_;
  }

  Tally gradient(Criterion loss) {
    parallel(threads_, [&](int thread) {
      refresh(thread);
      pass(thread, 0, data_.count, 1.0f, loss, -1, [](float*, float*, float*, const float*, size_t, bool) {});
    });
    for (Layer<N>& l : layers_) {
      if (l.given.W) l.unpack(l.G.get(), l.given.memory_W[0]);
      l.each_vector([](Parameters& vector) { std::copy_n(vector.g.get(), vector.size, vector.given.memory[0]); });
    }
    return tally_;
  }

  void scores(float* out) {
    parallel(threads_, [&](int thread) {
      refresh(thread);
      Now now{};
      now.step = -1;
      const int groups = (block_ + kGroupRows - 1) / kGroupRows;
      for (now.at = 0; now.at < data_.count; now.at += block_) {
        now.rows = (int)std::min<int64_t>(block_, data_.count - now.at);
        const Share mine(groups, thread, threads_);  // of whole blocks, the last one too: nobody touches another's rows, and nobody waits
        const int first = std::min(now.rows, mine.first * kGroupRows), last = std::min(now.rows, mine.last * kGroupRows);
        if (first == last) continue;
        for (int i = 0; i < plan_.scoring; ++i) run(plan_.phases[0].tasks[i], now, {thread, first, last, 0, 0, 0});
        Layer<N>& top = layers_.back();
        for (int r = first; r < last; ++r) std::copy_n(top.a.at(r, 0), C_, out + (now.at + r) * C_);
      }
    });
  }

 private:
  static constexpr int kBlock = 256;

  static int rows_at_once(const std::vector<Stage>& stages, int64_t batch, const Training* how) {
    const bool whole = how && std::any_of(stages.begin(), stages.end(), [](const Stage& stage) { return stage.norm.kind == Norming::batch; });
    return (int)std::max<int64_t>(1, whole ? batch : std::min<int64_t>(kBlock, batch));
  }

  // Inputs are cut into chunks, so that threads own them, by the shapes alone; only where weights are moved.
  static std::vector<Shape> shapes(const std::vector<Stage>& stages, int block, const Training* how) {
    std::vector<Shape> all;
    for (const Stage& stage : stages) {
      const bool first = all.empty();
      int count = 1;
      if (how && stage.W && stage.inputs >= 512 && block <= (first ? 128 : 32)) {
        count = 2;
        while (count < 16 && stage.inputs / (2 * count) >= 256) count *= 2;
      }
      const int multiple = first ? 4 : kPanel;
      std::vector<int> cuts;
      for (int c = 0; c < count; ++c) cuts.push_back((int)((int64_t)stage.inputs * c / count) / multiple * multiple);
      cuts.push_back(stage.inputs);
      all.push_back({stage.outputs, stage.W != nullptr, stage.b.at || stage.norm.scale.at, Normalizer::needs(stage.norm, how != nullptr), cuts});
    }
    return all;
  }

  bool finite() {
    const auto all = [](const float* x, size_t n) { return std::all_of(x, x + n, [](float number) { return std::isfinite(number); }); };
    bool sound = true;
    for (Layer<N>& l : layers_) {
      sound = sound && all(l.W.get(), l.W.get() ? l.size : 0);
      l.each_vector([&](const Parameters& vector) { sound = sound && all(vector.w.get(), vector.padded); });
    }
    return sound;
  }

  void refresh(int thread) {
    const auto one = [&](const Piece& piece) { if (piece.first >= 0) layers_[piece.layer].refresh(piece.first, piece.last); };
    for (const Phase& phase : plan_.phases) Plan::each_piece(phase, thread, one);
    Plan::each_piece(plan_.rest, thread, one);
    barrier_.wait();
  }

  // Rows [begin, end): leaves their dL/dW, times `unit`, in G, or hands each piece of it to `last` when it is whole.
  template <class Last>
  void pass(int thread, int64_t begin, int64_t end, float unit, const Criterion& loss, int64_t step, Last last) {
    for (int64_t at = begin; at < end; at += block_) {
      const int rows = (int)std::min<int64_t>(block_, end - at);
      const Now now{at, at - begin, step, rows, at > begin, at + rows == end, unit, rows_of(loss)};
      const auto finish = [&](const Phase& phase) {
        Plan::each_piece(phase, thread, [&](const Piece& piece) {
          slopes(now, thread, piece, last);
          if (piece.layer == plan_.first && piece.first >= 0) ask(now, thread, phase, piece);
        });
      };
      for (size_t p = 0; p < plan_.phases.size(); ++p) {
        if (p) barrier_.wait();
        const Phase& phase = plan_.phases[p];
        plan_.each_region(phase, thread, rows, [&](const Region& mine) {
          for (const Task& task : phase.tasks) run(task, now, mine);
        });
        finish(phase);
      }
      finish(plan_.rest);
      if (thread == 0)
        for (int g = 0; g < (rows + kGroupRows - 1) / kGroupRows; ++g) {
          tally_.loss += tallies_[g].loss / unit;
          tally_.correct += tallies_[g].correct;
        }
      if (!plan_.runs_on) barrier_.wait();
    }
  }

  // While dW of the first layer is made, piece by piece, asks for the rows that this thread gathers next: shuffled rows come from memory.
  void ask(const Now& now, int thread, const Phase& phase, const Piece& piece) const {
    const int begin = phase.begins[thread], count = phase.begins[thread + 1] - begin, i = (int)(&piece - &phase.pieces[begin]);
    plan_.each_region(plan_.phases[0], thread, block_, [&](const Region& next) {
      const Share some(next.last - next.first, i, count);
      for (int r = some.first; r < some.last; ++r)
        features_.ask(now.at + now.rows + next.first + r, layers_[0].cuts[next.chunk], layers_[0].cuts[next.chunk + 1]);
    });
  }

  // Inlined, and what it calls not: so the tasks of tiny networks, shorter than a microsecond, take least.
  __attribute__((always_inline)) void run(const Task& task, const Now& now, const Region& mine) {
    const int l = task.layer;
    switch (task.work) {
      case Work::gather: return gather(now, mine);
      case Work::copy: return copy(l ? layers_[l - 1].a : x_[0], layers_[l].a, columns(mine, l));
      case Work::multiply: return multiply(l, mine);
      case Work::activate: return activate(now, l, mine);
      case Work::lose: return lose(now, mine);
      case Work::steepen: return steepen(now, l, mine);
      case Work::back: return layers_[l].multiply_back(columns(mine, l - 1), layers_[l - 1].d.at(mine.first, mine.from), layers_[l - 1].d.ld);
      case Work::copy_back: return copy(layers_[l].d, layers_[l - 1].d, columns(mine, l));
    }
  }

  // A region's columns among the outputs of layer l: all of them where it has rows.
  Region columns(const Region& mine, int l) const {
    Region all = mine;
    if (mine.to == 0) all.to = layers_[l].given.outputs;
    return all;
  }

  static void copy(Values<N>& from, Values<N>& to, const Region& at) {
    for (int r = at.first; r < at.last; ++r) std::copy_n(from.at(r, at.from), at.to - at.from, to.at(r, at.from));
  }

  __attribute__((noinline)) void gather(const Now& now, const Region& mine) {
    Values<N>& x = x_[mine.chunk];
    const int from = layers_[0].cuts[mine.chunk], to = layers_[0].cuts[mine.chunk + 1];
    for (int r = mine.first; r < mine.last; r += 2) {
      const int past = std::min(mine.last, r + 2);
      for (int i = r; i < past; ++i) features_.take(now.at + i, from, to, x.at(i, 0));
      x.form(r, past, 0, to - from);
    }
  }

  __attribute__((noinline)) void multiply(int l, const Region& mine) {
    Layer<N>& layer = layers_[l];
    const int from = layer.cuts[mine.chunk], to = layer.cuts[mine.chunk + 1];
    const Values<N>& in = l ? layers_[l - 1].a : x_[mine.chunk];
    layer.multiply(in.along(mine.first, l ? from : 0), in.along_ld(), from, to, mine.last - mine.first,
                   layer.split() ? layer.parts[mine.chunk].get() + mine.first * layer.a.ld : layer.a.at(mine.first, 0));
  }

  __attribute__((noinline)) void activate(const Now& now, int l, const Region& mine) {
    const int skip = layers_[l].given.skip;
    layers_[l].activate(columns(mine, l), now.offset, how_ ? how_->seed : 0, now.step, skip >= 0 ? layers_[skip].a.at(0, 0) : nullptr);
  }

  __attribute__((noinline)) void steepen(const Now& now, int l, const Region& mine) {
    for (const auto& [stage, earlier] : skips_)
      if (earlier == l) layers_[l].collect(columns(mine, l), layers_[stage]);
    layers_[l].steepen(columns(mine, l), now.offset, how_ ? how_->seed : 0, now.step);
  }

  // The loss wants an example in each lane: scores are turned on the way in, slopes on the way out.
  __attribute__((noinline)) void lose(const Now& now, const Region& mine) {
    Layer<N>& top = layers_.back();
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

  // dL/dW of a piece over the block's rows: kept in G until the batch is through, then handed on.
  template <class Last>
  void slopes(const Now& now, int thread, const Piece& piece, Last last) {
    Layer<N>& l = layers_[piece.layer];
    if (piece.first < 0) {
      l.vector_slopes(now.rows, now.add);
      if (now.whole) l.each_vector([&](Parameters& of) { last(of.w.get(), of.m.get(), of.v.get(), of.g.get(), of.padded, false); });
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
      if (now.whole) last(l.at(l.W, p, piece.first), l.at(l.m, p, piece.first), l.at(l.v, p, piece.first), g, (size_t)(piece.last - piece.first) * width, true);
    }
    if (now.whole) l.refresh(piece.first, piece.last);
  }

  const Data data_;
  const Training* how_;
  const int block_, C_;
  const Features features_;
  const int threads_;
  Barrier barrier_;
  const Plan plan_;
  std::vector<Values<N>> x_;  // of each chunk of the features
  std::vector<Layer<N>> layers_;
  std::vector<std::pair<int, int>> skips_;  // stages, and the earlier ones that they add
  std::vector<Tally> tallies_;
  Aligned<float> scratch_, local_;
  Tally tally_{0, 0};
};

// Threads that are worth their barriers.
int worth(const std::vector<Stage>& stages, int64_t rows, int threads) {
  double work = 0;
  for (const Stage& stage : stages) work += 6.0 * rows * stage.outputs * (stage.W ? stage.inputs : 4);
  return work < 1e6 ? 1 : threads;
}

Tally descend(const Data& data, const std::vector<Stage>& stages, const Training& how, int threads) {
  threads = worth(stages, how.batch, threads);
  return how.brain ? Program<Brain>(data, stages, how.batch, &how, threads).descend() : Program<Single>(data, stages, how.batch, &how, threads).descend();
}
Tally gradient(const Data& data, const std::vector<Stage>& stages, Criterion loss, int threads) {
  return Program<Single>(data, stages, data.count, nullptr, worth(stages, data.count, threads)).gradient(loss);
}
void scores(const Data& data, const std::vector<Stage>& stages, float* out, int threads) {
  Program<Single>(data, stages, data.count, nullptr, worth(stages, data.count, threads)).scores(out);
}

}  // namespace

extern const Networks networks;
const Networks networks{descend, gradient, scores};

}  // namespace STEEPEST_ISA
