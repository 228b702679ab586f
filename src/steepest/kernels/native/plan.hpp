// In what order a block goes through a network, and which thread does what: by the shapes and the number of threads alone.
//
// Work is done in phases with a barrier between them. In a phase a thread owns either rows of the block, or columns of it, and does for
// them all that needs nothing of the others' part:
//
//   by rows     all of a row: gather and scale, layer after layer forward, loss, layer after layer back
//   by columns  all of a column: batch norm
//   by inputs   of a layer. Forward: this layer's sums over each chunk of its inputs; back: the slopes at those inputs, then dW and the step
//
// Weights that are large beside the batch are owned by inputs: each core keeps its part of them, and only sums and slopes travel.
#pragma once
#include <algorithm>
#include <vector>

#include "panels.hpp"
#include "pool.hpp"

namespace STEEPEST_ISA {
namespace {

constexpr int kGroupRows = 16;  // rows that meet the loss together; a thread owns whole groups
constexpr int kPieceRows = 2 * 14;  // inputs whose dW is made at once, where nothing else says how many: whole tiles

// Where a part of a layer's numbers lies in a block: rows [first, last), columns [from, to).
struct Region {
  int thread, first, last, from, to;
  int chunk;  // of the inputs that the columns are, where they are cut
};

// Inputs [first, last) of a layer's weights, or its vectors (first = -1): what one thread moves at a time.
struct Piece {
  int layer, first, last;
};

enum class Work { gather, copy, multiply, activate, lose, steepen, back, copy_back };
struct Task {
  Work work;
  int layer;
};

// What a thread has in a phase: `sums` are inputs of a layer on the way forward, `inputs` on the way back.
enum class Owner { anything, rows, columns, sums, inputs };
struct Phase {
  Owner owner;
  int layer;  // whose inputs or columns
  std::vector<Task> tasks;
  std::vector<Piece> pieces;  // moved after the tasks, and which thread has which
  std::vector<int> begins;
};

// What the plan knows of a stage.
struct Shape {
  int outputs;
  bool weights, vectors;  // whether it has W; b, scale or shift
  Owner needs;            // what a thread must have to activate it, and on the way back: whole rows, whole columns, or anything
  std::vector<int> cuts;  // where the chunks of inputs begin, and the last ends

  int chunks() const { return (int)cuts.size() - 1; }
  bool split() const { return chunks() > 1; }
};

class Plan {
 public:
  std::vector<Phase> phases;
  Phase rest;   // pieces of the layers that are not cut, and the vectors
  int bottom;   // the first stage with something to train: no slopes go below
  int first;    // the first stage with W
  int scoring;  // tasks of the first phase that make scores, where all of them are by rows
  bool runs_on;

  Plan(std::vector<Shape> shapes, int threads) : rest{}, stages_(std::move(shapes)), threads_(threads) {
    for (bottom = 0; bottom + 1 < count() && !stages_[bottom].weights && !stages_[bottom].vectors;) ++bottom;
    for (first = 0; first + 1 < count() && !stages_[first].weights;) ++first;
    forward();
    back();
    // The next block may begin without waiting where a thread meets only its own inputs before the first barrier.
    runs_on = stages_[0].split() && stages_[0].chunks() % threads == 0;
  }

  template <class F>
  static void each_piece(const Phase& phase, int thread, F run) {
    if (!phase.pieces.empty())
      for (int i = phase.begins[thread]; i < phase.begins[thread + 1]; ++i) run(phase.pieces[i]);
  }

  template <class F>
  void each_region(const Phase& phase, int thread, int rows, F run) const {
    if (phase.tasks.empty()) return;
    const int count = (rows + kGroupRows - 1) / kGroupRows;
    if (phase.owner == Owner::rows) {
      const Share mine(count, thread, threads_);
      if (mine.first < mine.last) run(Region{thread, mine.first * kGroupRows, std::min(rows, mine.last * kGroupRows), 0, 0, 0});
    } else if (phase.owner == Owner::columns) {
      const int columns = stages_[phase.layer].outputs;
      const Share mine((columns + kLanes - 1) / kLanes, thread, threads_);
      if (mine.first < mine.last) run(Region{thread, 0, rows, mine.first * kLanes, std::min(columns, mine.last * kLanes), 0});
    } else if (phase.owner == Owner::sums) {
      const std::vector<int>& cuts = stages_[phase.layer].cuts;
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

 private:
  int count() const { return (int)stages_.size(); }

  // A stage is activated where its numbers are next used, so that they are met once: it waits until a phase opens.
  void forward() {
    std::vector<Task> waiting;
    const auto flush = [&] {
      for (const Task& task : waiting) phases.back().tasks.push_back(task);
      waiting.clear();
    };
    for (int l = 0; l < count(); ++l) {
      const Shape& stage = stages_[l];
      if (stage.weights || l == 0) {
        open(stage.split() ? Owner::sums : Owner::rows, l);
        flush();
      }
      if (l == 0) add(Work::gather, l);
      stage.weights ? add(Work::multiply, l) : waiting.push_back({Work::copy, l});
      waiting.push_back({Work::activate, l});
      if (stage.needs != Owner::anything) {
        open(stage.needs, l);
        flush();
      }
    }
    open(Owner::rows, count());
    flush();
    scoring = (int)phases[0].tasks.size();
    add(Work::lose, count() - 1);
  }

  void back() {
    std::vector<Piece> later;
    for (int l = count() - 1; l >= bottom; --l) {
      const Shape& stage = stages_[l];
      const Owner has = phases.back().owner;
      if (stage.needs == Owner::rows || (stage.needs == Owner::columns && has != Owner::inputs)) open(stage.needs, l);
      add(Work::steepen, l);
      if (stage.weights && (stage.split() || l > bottom)) open(stage.split() ? Owner::inputs : Owner::rows, l);
      if (l > bottom) add(stage.weights ? Work::back : Work::copy_back, l);
      if (!stage.weights) continue;
      cut_pieces(l, stage.split() ? phases.back().pieces : later);
      if (stage.split()) deal(phases.back(), l);
    }
    for (int l = bottom; l < count(); ++l)
      if (stages_[l].vectors) later.push_back({l, -1, -1});
    if (phases.back().owner != Owner::inputs || phases.back().layer != bottom) open(Owner::inputs, -1);
    rest.pieces = later;
    deal(rest, -1);
  }

  void open(Owner owner, int layer) {
    if (phases.empty() || phases.back().owner != owner || (owner != Owner::rows && phases.back().layer != layer)) phases.push_back({owner, layer, {}, {}, {}});
  }
  void add(Work work, int layer) { phases.back().tasks.push_back({work, layer}); }

  void cut_pieces(int l, std::vector<Piece>& pieces) const {
    const std::vector<int>& cuts = stages_[l].cuts;
    const int step = l ? kPanel : std::min(kPieceRows, kPanel);
    for (int c = 0; c < stages_[l].chunks(); ++c)
      for (int first = cuts[c]; first < cuts[c + 1]; first += step) pieces.push_back({l, first, std::min(cuts[c + 1], first + step)});
  }

  // Which thread has which pieces: its own chunks of a layer that is cut, else by their cost. It moves no number.
  void deal(Phase& phase, int l) const {
    const auto cost = [&](const Piece& piece) { return (double)Panels{stages_[piece.layer].outputs}.padded() * (piece.first < 0 ? 1 : piece.last - piece.first); };
    const std::vector<Piece>& pieces = phase.pieces;
    phase.begins.assign(threads_ + 1, (int)pieces.size());
    double total = 0, before = 0;
    for (const Piece& piece : pieces) total += cost(piece);
    int thread = 0;
    for (int i = 0; i < (int)pieces.size(); ++i) {
      const auto starts = [&](int t) {
        if (l >= 0 && stages_[l].chunks() % threads_ == 0) return pieces[i].first >= stages_[l].cuts[stages_[l].chunks() / threads_ * t];
        return before + cost(pieces[i]) / 2 >= total * t / threads_;
      };
      while (thread < threads_ && starts(thread)) phase.begins[thread++] = i;
      before += cost(pieces[i]);
    }
    phase.begins[0] = 0;
  }

  const std::vector<Shape> stages_;
  const int threads_;
};

}  // namespace
}  // namespace STEEPEST_ISA
