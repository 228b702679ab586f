// The thread pool: one parallel region a call, spin-then-sleep barriers inside it.
//
// Work is cut by the caller into pieces whose borders depend on the problem's shape alone; the pool only says which thread does which
// piece, so the number of threads never changes a result.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>

namespace steepest {

// A barrier for a fixed number of threads. Waiting threads spin for a while (a phase is some microseconds long), then sleep.
class Barrier {
 public:
  explicit Barrier(int count) : count_(count) {}
  void wait();

 private:
  const int count_;
  std::atomic<int> arrived_{0};
  std::atomic<uint32_t> phase_{0};
};

// Runs body(thread) for thread = 0 .. threads - 1, thread 0 being the caller, and returns when all have. Callers take turns. The body
// must not throw. Safe after fork(): the child starts with a fresh pool.
void parallel(int threads, const std::function<void(int)>& body);

// The part [first, last) of `total` pieces that `thread` of `threads` owns.
struct Share {
  int first, last;
  Share(int total, int thread, int threads)
      : first((int)((int64_t)total * thread / threads)), last((int)((int64_t)total * (thread + 1) / threads)) {}
};

}  // namespace steepest
