#include "order.hpp"

#include <array>
#include <cstddef>
#include <vector>

#include "philox.hpp"

namespace steepest {

void shuffled(uint64_t seed, uint64_t purpose, uint64_t epoch, int64_t n, int64_t* order) {
  std::vector<uint32_t> key((std::size_t)n), key2((std::size_t)n);
  std::vector<int64_t> order2((std::size_t)n);
  for (int64_t i = 0; i < n; i += 4) {
    const Four word = philox({(uint64_t)i / 4 + 1, 0, 0, 0}, seed, purpose << 32 | epoch);
    for (int64_t j = i; j < n && j < i + 4; ++j) {
      key[j] = (uint32_t)(word[j - i] >> 32);
      order[j] = j;
    }
  }
  // Least significant digit first, 11 bits a pass: stable, so equal keys keep the order of their rows. Three passes end in order2.
  int64_t *from = order, *to = order2.data();
  for (int shift : {0, 11, 22}) {
    std::array<int64_t, 2049> start{};
    for (int64_t i = 0; i < n; ++i) ++start[((key[i] >> shift) & 2047) + 1];
    for (int d = 0; d < 2048; ++d) start[d + 1] += start[d];
    for (int64_t i = 0; i < n; ++i) {
      const int64_t at = start[(key[i] >> shift) & 2047]++;
      key2[at] = key[i];
      to[at] = from[i];
    }
    key.swap(key2);
    std::swap(from, to);
  }
  for (int64_t i = 0; i < n; ++i) order[i] = order2[i];
}

}  // namespace steepest
