// Exact nearest neighbours. A block of queries stays packed in panels while the rows of X pass, a group at a time; what a group makes of a
// panel is compared with how far each query's k-th neighbour is so far, so no matrix of distances is ever kept.
//
// Threads take blocks of queries; where these are few, X is cut in parts too, and the parts' neighbours are merged. What is kept is
// ordered by (distance, index), so no cut changes a result.
#include "neighbors.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <type_traits>

#include "neighbor_frame.hpp"
#include "neighbor_list.hpp"
#include "pool.hpp"

namespace STEEPEST_ISA {
namespace {

constexpr int kMostPanels = 32;
constexpr int64_t kPacked = 4 << 20;  // bytes of queries that a thread packs, unless one panel takes more

template <class M>
class Search {
  using Unit = typename M::Unit;
  using Size = std::conditional_t<M::kBytes, uint32_t, double>;
  using Limit = std::conditional_t<M::kBytes, uint32_t, float>;
  static constexpr int kGroup = 56 / M::kRows * M::kRows;  // rows of X taken together: each part of a panel is read once for all

 public:
  // Panels of queries that a block holds.
  static int64_t panels(int64_t features) {
    return std::clamp<int64_t>(kPacked / ((features / M::kFeatures + 1) * kQueries * (int64_t)sizeof(Unit)), 1, kMostPanels);
  }

  Search(const Neighbors& task, const Frame* frame, int64_t queries)
      : task_(task), frame_(frame), D_(task.X.features), units_((D_ + M::kFeatures - 1) / M::kFeatures), slices_((int)((units_ + kDepth - 1) / kDepth)),
        spans_(M::kBytes && task.metric == Metric::l2 ? (int)((D_ + kSpan - 1) / kSpan) : 1), slack_(slack(D_)),
        room_((queries + kQueries - 1) / kQueries * kQueries), z_((size_t)(room_ * units_)), x_((size_t)kGroup * kStride), sums_((size_t)(kGroup * room_)),
        limits_((size_t)room_), sizes_((size_t)(spans_ * room_)), row_sizes_(kGroup), own_(kGroup),
        totals_(spans_ > 1 ? (size_t)(kGroup * room_) : 0) {}

  // The neighbours of queries [first, last) among rows [begin, end) of X, into lists of which `nearest` is that of the first.
  void run(int64_t first, int64_t last, int64_t begin, int64_t end, const Nearest& nearest) {
    first_ = first, count_ = (int)(last - first), nearest_ = nearest;
    for (int q = 0; q < count_; ++q) list(q).clear();
    take_queries();
    for (int q = 0; q < count_; ++q) limits_.get()[q] = limit_of(q);
    for (int64_t i = begin; i < end; i += kGroup) {
      const int rows = (int)std::min<int64_t>(kGroup, end - i);
      for (int s = 0; s < slices_; ++s) {
        take_rows(i, rows, s);
        multiply(rows, s);
        if (spans_ > 1 && ends_span(s)) add_span(rows, span(s));
      }
      spans_ > 1 ? keep_totals(i, rows) : keep(i, rows);
    }
  }

 private:
  // Slices are as even as they go, but one never crosses the end of a span.
  int64_t at(int slice) const { return spans_ > 1 ? std::min<int64_t>(units_, (int64_t)slice * kDepth) : units_ * slice / slices_; }
  int64_t feature(int slice) const { return std::min(D_, at(slice) * M::kFeatures); }
  bool begins_span(int s) const { return s == 0 || (spans_ > 1 && feature(s) % kSpan == 0); }
  bool ends_span(int s) const { return s + 1 == slices_ || feature(s + 1) % kSpan == 0; }
  int span(int s) const { return spans_ > 1 ? (int)(feature(s) / kSpan) : 0; }

  int panel_count() const { return (count_ + kQueries - 1) / kQueries; }
  int vectors(int panel) const { return count_ - panel * kQueries > kLanes ? 2 : 1; }
  Unit* packed(int panel, int64_t unit) const { return z_.get() + panel * kQueries * units_ + unit * vectors(panel) * kLanes; }
  Nearest list(int q) const { return {nearest_.distance + q * nearest_.k, nearest_.index + q * nearest_.k, nearest_.k}; }

  Size pack(const Data& data, int64_t i, int s, bool query, Unit* to) const {
    const int64_t f = feature(s);
    const int n = (int)(feature(s + 1) - f);
    if constexpr (M::kBytes)
      return query ? M::pack_query(row(data, i) + f, n, to) : M::pack(row(data, i) + f, n, to);
    else
      return frame_->template pack<M>(data, i, f, n, to);
  }

  void take_queries() {
    std::fill_n(sizes_.get(), spans_ * room_, Size(0));
    Unit units[kStride];
    for (int q = 0; q < count_; ++q)
      for (int s = 0; s < slices_; ++s) {
        sizes_.get()[span(s) * room_ + q] += pack(task_.Z, first_ + q, s, true, units);
        const int p = q / kQueries, width = vectors(p) * kLanes;
        Unit* to = packed(p, at(s)) + q % kQueries;
        for (int64_t k = 0; k < at(s + 1) - at(s); ++k) to[k * width] = units[k];
      }
  }

  void take_rows(int64_t i, int rows, int s) {
    for (int r = 0; r < rows; ++r) {
      Size& size = row_sizes_[r];
      size = (begins_span(s) ? Size(0) : size) + pack(task_.X, i + r, s, false, x_.get() + r * kStride);
    }
  }

  float* sums(int panel, int r) const { return sums_.get() + (panel * kGroup + r) * kQueries; }

  void multiply(int rows, int s) {
    const int depth = (int)(at(s + 1) - at(s));
    for (int p = 0; p < panel_count(); ++p)
      for (int r = 0; r < rows; r += M::kRows)
        (vectors(p) == 2 ? meet<M, 2> : meet<M, 1>)(x_.get() + r * kStride, packed(p, at(s)), depth, sums(p, r), !begins_span(s));
  }

  // Rows that may be nearer than the farthest kept so far: for bytes their distance says so, for floats it has a slack and is measured.
  void keep(int64_t i, int rows) {
    if constexpr (!M::kBytes)
      for (int r = 0; r < rows; ++r) own_[r] = own<M>(row_sizes_[r], slack_);
    for (int q = 0; q < count_; q += kLanes) {
      const uint32_t live = count_ - q < kLanes ? (1u << (count_ - q)) - 1 : ~0u;
      Floats limit = load((const float*)limits_.get() + q);
      for (int r = 0; r < rows; ++r) {
        if constexpr (M::kBytes) {
          const Words distance = distances(q, r, 0);
          const uint32_t near = bits((Ints)(distance < (Words)limit)) & live;  // at the limit it comes too late
          if (!near) continue;
          each(near, [&](int lane) { take(q + lane, (double)distance[lane], i + r); });
        } else {
          const Floats value = std::is_same_v<M, FloatProducts> ? own_[r] - sum(q, r) : own_[r] + sum(q, r);
          const uint32_t near = bits(~(Ints)(value > limit)) & live;
          if (!near) continue;
          each(near, [&](int lane) { take(q + lane, frame_->apart(i + r, first_ + q + lane), i + r); });
        }
        limit = load((const float*)limits_.get() + q);
      }
    }
  }

  // More features than 32 bits hold: sums over the spans in 64.
  void add_span(int rows, int span) {
    for (int q = 0; q < count_; q += kLanes)
      for (int r = 0; r < rows; ++r) {
        const Words distance = distances(q, r, span);
        for (int lane = 0; lane < kLanes; ++lane) {
          uint64_t& total = totals_.get()[r * room_ + q + lane];
          total = (span == 0 ? 0 : total) + distance[lane];
        }
      }
  }
  void keep_totals(int64_t i, int rows) {
    for (int q = 0; q < count_; ++q)
      for (int r = 0; r < rows; ++r) list(q).take((double)totals_.get()[r * room_ + q], i + r);
  }

  Floats sum(int q, int r) const { return load(sums(q / kQueries, r) + q % kQueries); }
  Words distances(int q, int r, int span) const {
    Words size;
    std::memcpy(&size, sizes_.get() + span * room_ + q, sizeof size);
    if constexpr (M::kBytes)
      return M::distance(sum(q, r), row_sizes_[r], size);
    else
      return size;  // never asked for
  }

  template <class Body>
  static void each(uint32_t set, const Body& body) {
    for (; set; set &= set - 1) body(__builtin_ctz(set));
  }

  void take(int q, double distance, int64_t i) {
    list(q).take(distance, i);
    limits_.get()[q] = limit_of(q);
  }

  Limit limit_of(int q) const {
    const double farthest = list(q).farthest();
    if constexpr (M::kBytes)
      return farthest < 0x1p32 ? (uint32_t)farthest : ~0u;
    else
      return limit<M>(farthest, sizes_.get()[q], slack_);
  }

  const Neighbors& task_;
  const Frame* frame_;
  const int64_t D_, units_;
  const int slices_, spans_;
  const double slack_;
  const int64_t room_;
  Aligned<Unit> z_, x_;
  Aligned<float> sums_;
  Aligned<Limit> limits_;
  Aligned<Size> sizes_;  // of the queries, span by span
  std::vector<Size> row_sizes_;
  std::vector<float> own_;
  Aligned<uint64_t> totals_;
  int64_t first_ = 0;
  int count_ = 0;
  Nearest nearest_{};
};

template <class M>
void search(const Neighbors& task, int threads) {
  const int64_t N = task.Z.count, rows = task.X.count, k = task.k;
  const int64_t panels = (N + kQueries - 1) / kQueries, most = Search<M>::panels(task.X.features);
  threads = (int)std::clamp((double)N * (double)rows * (double)task.X.features / 1e6, 1.0, (double)threads);
  int64_t blocks = (panels + most - 1) / most;
  blocks = std::min(panels, (blocks + threads - 1) / threads * threads);  // as many for each thread
  const int64_t parts = blocks < threads ? std::clamp<int64_t>(rows / 512, 1, (2 * threads + blocks - 1) / blocks) : 1;
  threads = (int)std::min<int64_t>(threads, blocks * parts);

  std::optional<Frame> frame;
  if constexpr (!M::kBytes) frame.emplace(task);
  std::vector<std::unique_ptr<Search<M>>> searches;
  for (int t = 0; t < threads; ++t)
    searches.push_back(std::make_unique<Search<M>>(task, frame ? &*frame : nullptr, std::min(N, (panels + blocks - 1) / blocks * kQueries)));
  std::vector<double> distance((size_t)((parts - 1) * N * k));  // of the parts but the first
  std::vector<int64_t> index(distance.size());
  auto list = [&](int64_t part, int64_t q) {
    if (part == 0) return Nearest{task.distance + q * k, task.index + q * k, k};
    const int64_t at = ((part - 1) * N + q) * k;
    return Nearest{distance.data() + at, index.data() + at, k};
  };

  std::atomic<int64_t> next{0};
  parallel(threads, [&](int thread) {
    for (int64_t item; (item = next.fetch_add(1)) < blocks * parts;) {
      const int64_t block = item / parts, part = item % parts;
      const int64_t first = panels * block / blocks * kQueries, last = std::min(N, panels * (block + 1) / blocks * kQueries);
      searches[(size_t)thread]->run(first, last, rows * part / parts, rows * (part + 1) / parts, list(part, first));
    }
  });
  for (int64_t q = 0; q < N; ++q) {
    Nearest nearest = list(0, q);
    for (int64_t part = 1; part < parts; ++part)
      for (int64_t j = 0; j < k; ++j) nearest.take(list(part, q).distance[j], list(part, q).index[j]);
    nearest.sort();
    for (int64_t j = 0; j < k; ++j) {
      double& d = nearest.distance[j];
      if (task.metric == Metric::l2) d = std::sqrt(d);
      if (frame) d = frame->unscaled(d);
    }
  }
}

}  // namespace

void neighbors(const Neighbors& task, int threads) {
  const bool l2 = task.metric == Metric::l2;
  if (task.Z.type != Type::u8) return l2 ? search<FloatProducts>(task, threads) : search<FloatDifferences>(task, threads);
  if (!l2) return search<ByteDifferences>(task, threads);
  if constexpr (kMultipliesBytes)
    search<ByteProducts>(task, threads);
  else
    search<PairProducts>(task, threads);
}

}  // namespace STEEPEST_ISA
