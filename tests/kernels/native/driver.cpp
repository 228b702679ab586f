// The pool and the kernels without Python, for sanitizers: every entry point with several threads, from several callers at once, after
// fork(); results compared bit by bit with those of one thread.
//
// With an argument it makes one mistake instead, which its sanitizer must catch: race, barrier, overflow, undefined.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "../../../src/steepest/kernels/native/ascent.hpp"
#include "../../../src/steepest/kernels/native/coordinate.hpp"
#include "../../../src/steepest/kernels/native/gram.hpp"
#include "../../../src/steepest/kernels/native/neighbors.hpp"
#include "../../../src/steepest/kernels/native/network.hpp"
#include "../../../src/steepest/kernels/native/order.hpp"
#include "../../../src/steepest/kernels/native/pool.hpp"
#include "../../../src/steepest/kernels/native/sparse.hpp"
#include "../../../src/steepest/kernels/native/sweep.hpp"

namespace STEEPEST_ISA {
extern const steepest::Sweeps sweeps;
extern const steepest::Networks networks;
void moments(const steepest::Data& data, double* mean, double* variance, int threads);
void neighbors(const steepest::Neighbors& search, int threads);
steepest::Settled coordinate(const steepest::Quadratic& model, int threads);
}  // namespace STEEPEST_ISA

namespace {

using namespace steepest;

void expect(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "driver: %s\n", what);
  std::abort();
}

struct Problem {
  int64_t rows, features;
  int classes;
  Type type;
  std::vector<unsigned char> X;
  std::vector<int64_t> y, order;
  std::vector<double> shift, scale;
  std::vector<float> weight, W, b;

  Problem(uint32_t seed, Type type, int64_t rows, int64_t features, int classes)
      : rows(rows), features(features), classes(classes), type(type), state(seed * 2654435761u + 1) {
    const size_t size = type == Type::u8 ? 1 : type == Type::f16 ? 2 : type == Type::f32 ? 4 : 8;
    X.resize((size_t)(rows * features) * size);
    for (int64_t i = 0; i < rows * features; ++i) {
      const double v = draw();
      const float f = (float)v;
      const uint16_t half = (uint16_t)(0x3800 + (int)(v * 1000) % 1024);  // between 1/2 and 1
      if (type == Type::u8) X[(size_t)i] = (unsigned char)(v * 255);
      if (type == Type::f16) std::memcpy(&X[(size_t)i * 2], &half, 2);
      if (type == Type::f32) std::memcpy(&X[(size_t)i * 4], &f, 4);
      if (type == Type::f64) std::memcpy(&X[(size_t)i * 8], &v, 8);
    }
    for (int64_t i = 0; i < rows; ++i) y.push_back((int64_t)(draw() * classes)), weight.push_back((float)draw());
    order.resize((size_t)rows);
    shuffled(seed, 0, 0, rows, order.data());
    for (int64_t f = 0; f < features; ++f) shift.push_back(draw()), scale.push_back(0.1 + draw());
    for (int64_t i = 0; i < features * classes; ++i) W.push_back((float)(draw() - 0.5) / 30);
    for (int c = 0; c < classes; ++c) b.push_back((float)draw());
  }

  // Everything that the kernels say about it, as bits.
  std::string run(int threads, Loss loss) const {
    const size_t element = type == Type::u8 ? 1 : type == Type::f16 ? 2 : type == Type::f32 ? 4 : 8;
    const Data data{X.data(), type, features * (int64_t)element, features, y.data(), weight.data(), order.data(), rows, shift.data(), scale.data()};
    std::vector<float> w = W, bias = b, dW(W.size()), db(b.size()), vW(W.size()), vb(b.size()), out((size_t)(rows * classes));
    std::vector<double> mean((size_t)features), variance((size_t)features);
    const int64_t batch = 100, steps = (rows + batch - 1) / batch;
    const std::vector<float> lr((size_t)steps, 0.01f);
    const Linear model{classes, w.data(), bias.data()};
    const Tally g = STEEPEST_ISA::sweeps.gradient(data, model, loss, dW.data(), db.data(), threads);
    STEEPEST_ISA::sweeps.scores(data, model, out.data(), threads);
    const Descent how{loss, 1e-3f, 1e-3f, 0.5f, 0.9f, true, batch, lr.data(), vW.data(), vb.data()};
    const Tally d = STEEPEST_ISA::sweeps.descend(data, model, how, threads);
    STEEPEST_ISA::moments(data, mean.data(), variance.data(), threads);
    std::string bits;
    auto add = [&](const auto& v) { bits.append(reinterpret_cast<const char*>(v.data()), v.size() * sizeof v[0]); };
    if (loss == Loss::softmax) {  // the losses are those of the sweep
      products(data, threads, add);
      if (type == Type::u8) sparse<int32_t>(threads, add), sparse<int64_t>(threads, add);  // they read no X
      network(data, loss, threads, 21, 100, false, add);
      if (rows >= 130) normed(data, {loss, 0.1f}, threads, 37, 100, false, add);
      if (rows == 40) network(data, loss, threads, 520, 20, true, add), normed(data, loss, threads, 520, 20, true, add);  // threads own inputs
    }
    if (loss != Loss::softmax) ascent(data, loss == Loss::squared_hinge ? Loss::hinge : loss, threads, add);
    add(dW), add(db), add(out), add(w), add(bias), add(vW), add(vb), add(mean), add(variance);
    add(std::vector<double>{g.loss, (double)g.correct, d.loss, (double)d.correct});
    return bits;
  }

 private:
  // Gram matrices, sums by class, and the nearest rows of the first few: with weights and without, by both metrics.
  template <class Add>
  void products(const Data& data, int threads, Add add) const {
    std::vector<double> square((size_t)(features < 600 ? features * features : 0)), sums((size_t)(features * classes));
    Data plain = data;
    plain.weight = nullptr;
    STEEPEST_ISA::cross(data, classes, sums.data(), threads), add(sums);
    if (features < 600) {  // large enough for several threads
      for (const Data* of : {&data, (const Data*)&plain}) STEEPEST_ISA::gram(*of, of == &plain, square.data(), threads), add(square);
      if (type == Type::u8) coordinates(square, threads, add);
    }
    const int64_t k = std::min<int64_t>(3, rows), queries = std::min<int64_t>(rows, 40);
    std::vector<double> some((size_t)(queries * features), 0.5), distance((size_t)(queries * k));
    for (size_t i = 0; i < some.size(); ++i) some[i] += (double)(i % 11) / 20;
    std::vector<int64_t> index(distance.size());
    Data all{data.X, type, data.row_bytes, features, nullptr, nullptr, nullptr, rows, shift.data(), scale.data()};
    Data few{some.data(), Type::f64, features * 8, features, nullptr, nullptr, nullptr, queries, shift.data(), scale.data()};
    if (type == Type::u8) few = all, few.count = queries;
    for (Metric metric : {Metric::l1, Metric::l2}) {
      STEEPEST_ISA::neighbors({all, few, metric, k, distance.data(), index.data()}, threads);
      add(distance), add(index);
    }
  }

  // Products of sparse rows, every third of which is empty, in each type of values.
  template <class I, class Add>
  void sparse(int threads, Add add) const {
    std::vector<I> columns;
    std::vector<int64_t> starts{0};
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t f = i % 7; i % 3 && f < features; f += 1 + (i + f) % 5) columns.push_back((I)f);
      starts.push_back((int64_t)columns.size());
    }
    const std::vector<uint8_t> bytes(columns.size(), 7);
    const std::vector<float> singles(columns.size(), 0.3f);
    const std::vector<double> doubles(columns.size(), -0.7);
    const int64_t width = 40;
    std::vector<double> W((size_t)(features * width)), P((size_t)(rows * width)), out(P.size());
    for (size_t i = 0; i < W.size(); ++i) W[i] = (double)(i % 13) / 7;
    for (size_t i = 0; i < P.size(); ++i) P[i] = (double)(i % 11) / 9 - 0.4;
    const std::pair<const void*, Values> all[] = {{bytes.data(), Values::u8}, {singles.data(), Values::f32}, {doubles.data(), Values::f64}};
    for (const auto& [values, of] : all) {
      const Sparse some{values, of, columns.data(), sizeof(I) == 8, starts.data(), rows, features};
      STEEPEST_ISA::sparse_times(some, W.data(), width, out.data(), threads);
      STEEPEST_ISA::sparse_transposed_times(some, P.data(), width, W.data(), threads);
      add(out), add(W);
    }
  }

  // Some sweeps of coordinate descent: classes apart, which threads share; and coupled by directions and by a pair, where one thread does all.
  template <class Add>
  void coordinates(const std::vector<double>& square, int threads, Add add) const {
    for (int kind = 0; kind < 3; ++kind) {
      const size_t D = (size_t)features, A = std::min<size_t>(D, kind == 0 ? 260 : 70), C = (size_t)classes;
      const std::vector<double> some(A, 0.1), gradient(C * A, -1.5), U(C, 1 / std::sqrt((double)C)), pair(C * A, 0.2), sign{1.0};
      std::vector<double> G;
      for (size_t f = 0; f < A; ++f) G.insert(G.end(), square.begin() + (long)(f * D), square.begin() + (long)(f * D + A));
      std::vector<double> V(C * A), Q((kind == 1 ? 1 : C) * A);
      const Quadratic model{(int64_t)A, classes, kind == 1 ? 1 : classes, 1, kind == 2, G.data(), kind == 1 ? U.data() : nullptr, pair.data(), sign.data(),
                            some.data(), gradient.data(), some.data(), some.data(), kind == 2, 1e-6, 15, V.data(), Q.data()};
      const Settled found = STEEPEST_ISA::coordinate(model, threads);
      add(V), add(Q), add(std::vector<double>{(double)found.epochs, found.change});
    }
  }

  // Two passes of dual ascent, and what each of its slopes is to the weights.
  template <class Add>
  void ascent(const Data& data, Loss loss, int threads, Add add) const {
    if (classes < 2) return;
    const int block = (int)std::min<int64_t>(64, rows);
    std::vector<float> grams((size_t)(rows * block)), p((size_t)(rows * classes)), w(W.size()), bias(b.size()), best(p.size());
    std::vector<int64_t> turn;
    for (int64_t k = (rows + block - 1) / block; k-- > 0;) turn.push_back(k);
    std::vector<double> pulled((size_t)(features * classes));
    STEEPEST_ISA::block_grams(data, block, grams.data(), threads);
    const Ascent how{loss, 0.5f * (float)rows, 1, block, grams.data(), turn.data(), (int64_t)turn.size(), p.data()};
    for (int pass = 0; pass < 2; ++pass) STEEPEST_ISA::ascend(data, {classes, w.data(), bias.data()}, how, threads);
    STEEPEST_ISA::pull(data, p.data(), classes, pulled.data(), threads);
    STEEPEST_ISA::best_slopes(loss, p.data(), y.data(), rows, classes, 0.5f, best.data(), threads);
    add(grams), add(p), add(w), add(bias), add(pulled), add(best);
  }

  // Two layers and Adam, with dropout between them: gradient, scores and a few steps.
  template <class Add>
  void network(const Data& data, Loss loss, int threads, int hidden, int64_t batch, bool brain, Add add) const {
    std::vector<float> first((size_t)(features * hidden), 0.01f), second((size_t)(hidden * classes), -0.02f), bias((size_t)hidden, 0.1f);
    for (size_t i = 0; i < first.size(); ++i) first[i] *= (float)(i % 7) - 3;
    for (size_t i = 0; i < second.size(); ++i) second[i] *= (float)(i % 5) - 2;
    std::vector<float> top = b, m1(first.size()), v1(first.size()), m2(second.size()), v2(second.size()), mb1(bias.size()), vb1(bias.size()),
                       mb2(top.size()), vb2(top.size()), out((size_t)(rows * classes));
    const std::vector<Stage> layers{
        {(int)features, hidden, first.data(), {m1.data(), v1.data()}, {bias.data(), {mb1.data(), vb1.data()}}, Activation::tanh, 0, 0.7, 0},
        {hidden, classes, second.data(), {m2.data(), v2.data()}, {top.data(), {mb2.data(), vb2.data()}}, Activation::identity, 0, 1, 1}};
    const Tally g = STEEPEST_ISA::networks.gradient(data, layers, loss, threads);
    add(m1), add(m2), add(mb1), add(mb2);
    STEEPEST_ISA::networks.scores(data, layers, out.data(), threads);
    for (auto* memory : {&m1, &m2, &mb1, &mb2}) std::fill(memory->begin(), memory->end(), 0.0f);
    const int64_t steps = (rows + batch - 1) / batch;
    const std::vector<float> lr((size_t)steps, 0.01f);
    const Training how{loss, 1e-3f, 1e-3f, Rule::adam, {0.9f, 0.999f, 1e-8f, 0}, batch, lr.data(), 5, 0, brain, 1e30};
    const Tally d = STEEPEST_ISA::networks.descend(data, layers, how, threads);
    add(out), add(first), add(second), add(bias), add(top), add(m1), add(v1), add(m2), add(v2), add(mb1), add(vb2);
    add(std::vector<double>{g.loss, (double)g.correct, d.loss, (double)d.correct});
  }

  // Every other stage: fixed scaling and dropout alone, layer norm, batch norm, a residual block, gelu.
  template <class Add>
  void normed(const Data& data, Criterion loss, int threads, int hidden, int64_t batch, bool brain, Add add) const {
    std::vector<std::vector<float>> all;  // weights, and the memory behind each
    all.reserve(60);
    const auto vector = [&](int n, float value) {
      const size_t first = all.size();
      for (float number : {value, 0.0f, 0.0f}) all.emplace_back((size_t)n, number);
      return Vector{all[first].data(), {all[first + 1].data(), all[first + 2].data()}};
    };
    const auto matrix = [&](int inputs, int outputs) {
      const Vector made = vector(inputs * outputs, 0.02f);
      for (int i = 0; i < inputs * outputs; ++i) made.at[i] *= (float)(i % 7) - 3;
      return made;
    };
    const auto linear = [&](int inputs, int outputs, Activation activation) {
      const Vector W = matrix(inputs, outputs);
      return Stage{inputs, outputs, W.at, {W.memory[0], W.memory[1]}, vector(outputs, 0.1f), activation, 0, 1, 0};
    };
    const auto norm = [&](Norming kind) {
      Norm made{kind, vector(hidden, 1.1f), vector(hidden, 0.2f)};
      made.eps = 1e-3f, made.momentum = 0.1f;
      if (kind == Norming::batch) made.mean = vector(hidden, 0.1f).at, made.variance = vector(hidden, 0.9f).at;
      return made;
    };
    const int D = (int)features;
    std::vector<Stage> stages{{D, D, nullptr, {}, {}, Activation::identity, 0, 0.9, 0}, linear(D, hidden, Activation::gelu), linear(hidden, hidden, Activation::elu),
                              linear(hidden, hidden, Activation::identity), {hidden, hidden, nullptr, {}, {}, Activation::relu, 0, 0.8, 5}, linear(hidden, classes, Activation::identity)};
    stages[0].norm.kind = Norming::fixed, stages[0].norm.center = shift.data(), stages[0].norm.factor = scale.data();
    stages[1].norm = norm(Norming::layer);
    stages[2].norm = norm(Norming::batch);
    stages[3].norm = norm(Norming::layer);
    stages[3].skip = 1, stages[3].row_keep = 0.6, stages[3].row_key = 3;
    stages[4].norm = norm(Norming::batch);
    std::vector<float> out((size_t)(rows * classes));
    const Tally g = STEEPEST_ISA::networks.gradient(data, stages, loss, threads);
    STEEPEST_ISA::networks.scores(data, stages, out.data(), threads);
    for (const auto& part : all) add(part);
    for (size_t i = 0; i < all.size(); ++i)
      if (i % 3) std::fill(all[i].begin(), all[i].end(), 0.0f);
    const std::vector<float> lr((size_t)((rows + batch - 1) / batch), 0.01f);
    const Training how{loss, 1e-3f, 1e-3f, Rule::adam, {0.9f, 0.999f, 1e-8f, 0}, batch, lr.data(), 5, 0, brain, 1e30};
    const Tally d = STEEPEST_ISA::networks.descend(data, stages, how, threads);
    for (const auto& part : all) add(part);
    add(out), add(std::vector<double>{g.loss, (double)g.correct, d.loss, (double)d.correct});
  }

  uint32_t state;
  double draw() { return (double)((state = state * 1664525u + 1013904223u) >> 8) / 16777216.0; }
};

void threads_agree() {
  const struct {
    int64_t rows, features;
    int classes;
  } shapes[] = {{1, 1, 1}, {3, 7, 2}, {300, 784, 10}, {257, 513, 33}, {130, 3072, 3}, {600, 70, 5}, {40, 24, 2}};
  for (const auto& s : shapes)
    for (Type type : {Type::u8, Type::f16, Type::f32, Type::f64}) {
      const Problem p(7, type, s.rows, s.features, s.classes);
      for (Loss loss : {Loss::softmax, Loss::squared_hinge, Loss::hinge_max, Loss::ova_hinge}) {
        const std::string one = p.run(1, loss);
        for (int threads : {2, 3, 4}) expect(p.run(threads, loss) == one, "the number of threads changed a result");
      }
    }
}

void callers_take_turns() {
  const Problem a(1, Type::u8, 300, 520, 10), b(2, Type::f32, 260, 1000, 7);
  const std::string of_a = a.run(1, Loss::softmax), of_b = b.run(1, Loss::hinge);
  auto call = [](const Problem& p, Loss loss, const std::string& expected) {
    for (int i = 0; i < 8; ++i) expect(p.run(1 + i % 4, loss) == expected, "a caller got another's result");
  };
  std::thread first([&] { call(a, Loss::softmax, of_a); }), second([&] { call(b, Loss::hinge, of_b); });
  first.join();
  second.join();
}

// Plain numbers behind the barrier: what one phase writes the next one reads, from another thread. Idle threads sleep in between.
void barriers_order_memory() {
  for (int threads : {2, 3, 4}) {
    std::vector<int> cell((size_t)threads);
    Barrier barrier(threads);
    parallel(threads, [&](int t) {
      for (int phase = 1; phase <= 200; ++phase) {
        if (t == phase % threads && phase % 50 == 0) usleep(2000);  // long enough for the others to fall asleep
        cell[(size_t)t] = phase;
        barrier.wait();
        for (int c : cell) expect(c == phase, "a thread left the barrier early");
        barrier.wait();
      }
    });
  }
  for (int i = 0; i < 300; ++i) {
    int seen[4] = {0, 0, 0, 0};
    const int threads = 1 + i % 4;
    if (i % 100 == 0) usleep(2000);
    parallel(threads, [&](int t) { seen[t] = 1; });
    for (int t = 0; t < 4; ++t) expect(seen[t] == (t < threads), "a thread did not run once");
  }
}

#if !defined(__SANITIZE_THREAD__)  // ThreadSanitizer does not follow threads that a child of fork() starts
void children_have_their_own_pool() {
  const Problem p(3, Type::u8, 300, 784, 10);
  const std::string expected = p.run(2, Loss::softmax);
#if defined(__SANITIZE_ADDRESS__)  // the locks of its allocator do not survive a fork() amid an allocation of another thread
  std::thread amid([] {});
#else
  std::thread amid([&] {
    for (int i = 0; i < 8; ++i) expect(p.run(3, Loss::softmax) == expected, "fork() disturbed the parent");
  });
#endif
  for (int i = 0; i < 4; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(60);
      _exit(p.run(2, Loss::softmax) == expected && p.run(4, Loss::softmax) == expected ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a child could not call");
  }
  amid.join();
}
#endif

void mistake(const std::string& which) {
  if (which == "race") {
    int shared = 0;
    parallel(2, [&](int t) {
      for (int i = 0; i < 1000; ++i) shared += t;
    });
    std::printf("%d\n", shared);
  } else if (which == "barrier") {  // reads what another thread writes in the same phase
    std::vector<int> cell(2);
    Barrier barrier(2);
    parallel(2, [&](int t) {
      for (int phase = 0; phase < 100; ++phase) {
        cell[(size_t)t] = cell[(size_t)(1 - t)] + 1;
        barrier.wait();
      }
    });
    std::printf("%d\n", cell[0]);
  } else if (which == "overflow") {  // a model without room for its last class
    Problem p(4, Type::f32, 20, 33, 3);
    p.W.resize(p.W.size() - 33);
    p.W.shrink_to_fit();
    p.run(1, Loss::softmax);
  } else if (which == "undefined") {
    volatile int largest = INT_MAX;
    std::printf("%d\n", largest + 1);
  } else {
    std::fprintf(stderr, "driver: no mistake '%s'\n", which.c_str());
    std::exit(2);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) return mistake(argv[1]), 0;
  threads_agree();
  callers_take_turns();
  barriers_order_memory();
#if !defined(__SANITIZE_THREAD__)
  children_have_their_own_pool();
#endif
  std::puts("pool and kernels: well");
}
