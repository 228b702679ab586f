// Which products suit the rows: bytes as they are, bytes in integers, or floats.
#pragma once
#include <algorithm>
#include <cmath>

#include "digit_products.hpp"
#include "tile_products.hpp"

namespace STEEPEST_ISA {
namespace {

// Bytes are read as they are when that pays (a few tiles widen them, each for itself) and costs no digits: their shift is taken off
// afterwards, so a feature that hardly varies around a large mean would cancel. Else they become floats like everything else.
inline bool as_bytes(const Data& data, int classes) {
  if (data.type != Type::u8 || classes > 2 * kTile) return false;
  for (int64_t f = 0; f < data.features; ++f)
    if (std::abs(data.shift[f] * data.scale[f]) > 64) return false;
  return true;
}

// And where the processor multiplies bytes, integers do: when the weights are used often enough to be worth their digits, and no feature
// is scaled so much more than another that its weights would take the digits from the other's.
inline bool as_digits(const Data& data, int classes, int64_t batch) {
  if (!kMultipliesBytes || data.features < kStrip || classes < 3 || classes > kMostClasses || batch < 32) return false;
  const auto [least, most] = std::minmax_element(data.scale, data.scale + data.features);
  return *most <= 64 * *least && as_bytes(data, classes);
}

}  // namespace
}  // namespace STEEPEST_ISA
