// What is left out in training: the masks of nn/masks.py, same bits.
#pragma once
#include <array>
#include <cmath>

#include "philox.hpp"
#include "simd.hpp"

namespace STEEPEST_ISA {
namespace {

// Draw i of one layer and step, 16 bits of Philox, keeps a number where it is less than 65536 keep.
class Draws {
 public:
  Draws(double keep, uint64_t seed, uint64_t step, uint64_t key) : below_((uint32_t)std::ceil(65536 * keep)), up_((float)(1 / keep)), seed_(seed), step_(step), key_(key) {}

  // 1 / keep or 0. Fastest where i goes up.
  float factor(uint64_t i) {
    if (i / 16 != block_) {
      block_ = i / 16;
      words_ = steepest::philox({block_ + 1, step_, 0, 0}, seed_, key_);
    }
    return ((uint32_t)(words_[i % 16 / 4] >> (i % 4 * 16)) & 0xffff) < below_ ? up_ : 0.0f;
  }

 private:
  const uint32_t below_;
  const float up_;
  const uint64_t seed_, step_, key_;
  uint64_t block_ = ~0ull;
  std::array<uint64_t, 4> words_{};
};

}  // namespace
}  // namespace STEEPEST_ISA
