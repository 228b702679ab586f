// Philox 4x64-10: random numbers as a pure function of (key, counter), so that any of them can be had alone and in any order.
// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. numpy.random.Philox gives the same words.
#pragma once
#include <array>
#include <cstdint>

namespace steepest {

using Four = std::array<uint64_t, 4>;

inline Four philox(Four counter, uint64_t k0, uint64_t k1) {
  for (int round = 0; round < 10; ++round) {
    const auto a = (unsigned __int128)0xD2E7470EE14C6C93ull * counter[0], b = (unsigned __int128)0xCA5A826395121157ull * counter[2];
    counter = {(uint64_t)(b >> 64) ^ counter[1] ^ k0, (uint64_t)b, (uint64_t)(a >> 64) ^ counter[3] ^ k1, (uint64_t)a};
    k0 += 0x9E3779B97F4A7C15ull;
    k1 += 0xBB67AE8584CAA73Bull;
  }
  return counter;
}

}  // namespace steepest
