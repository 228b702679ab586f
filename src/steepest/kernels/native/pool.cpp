#include "pool.hpp"

#include <pthread.h>

#include <mutex>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace steepest {
namespace {

inline void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Spins while `word` is still `old`, then sleeps until it changes.
void wait_while(std::atomic<uint32_t>& word, uint32_t old) {
  for (int i = 0; i < 4000; ++i) {
    if (word.load(std::memory_order_acquire) != old) return;
    pause();
  }
  word.wait(old, std::memory_order_acquire);
}

class Pool {
 public:
  void run(int threads, const std::function<void(int)>& body) {
    std::lock_guard<std::mutex> turn(turn_);
    while ((int)workers_.size() < threads - 1) {
      const int index = (int)workers_.size() + 1;
      workers_.emplace_back([this, index, seen = generation_.load()] { work(index, seen); });
      workers_.back().detach();  // they sleep until the process ends; nothing of theirs needs closing
    }
    body_ = &body;
    active_ = threads;
    pending_.store((uint32_t)workers_.size(), std::memory_order_release);
    generation_.fetch_add(1, std::memory_order_acq_rel);
    generation_.notify_all();
    body(0);
    for (uint32_t left; (left = pending_.load(std::memory_order_acquire)) != 0;) wait_while(pending_, left);
  }

 private:
  void work(int index, uint32_t seen) {
    for (;;) {
      wait_while(generation_, seen);
      ++seen;  // no generation can be missed: run() returns only when every worker has answered
      if (index < active_) (*body_)(index);
      if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) pending_.notify_all();
    }
  }

  std::mutex turn_;
  std::vector<std::thread> workers_;
  std::atomic<uint32_t> generation_{0}, pending_{0};
  const std::function<void(int)>* body_ = nullptr;
  int active_ = 0;
};

Pool* pool = nullptr;
std::once_flag once;

}  // namespace

void Barrier::wait() {
  const uint32_t phase = phase_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == count_) {
    arrived_.store(0, std::memory_order_relaxed);
    phase_.fetch_add(1, std::memory_order_acq_rel);
    phase_.notify_all();
  } else {
    wait_while(phase_, phase);
  }
}

void parallel(int threads, const std::function<void(int)>& body) {
  if (threads <= 1) return body(0);
  std::call_once(once, [] {
    pool = new Pool;  // never freed: workers may outlive static destructors
    pthread_atfork(nullptr, nullptr, [] { pool = new Pool; });  // the child has none of the parent's threads
  });
  pool->run(threads, body);
}

}  // namespace steepest
