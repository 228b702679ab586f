// The order in which an epoch visits the rows.
#pragma once
#include <cstdint>

namespace steepest {

// order[i]: 0 .. n - 1 sorted by the upper 32 bits of Philox keyed by (seed, purpose and epoch), equal ones by row. It needs no state: any
// epoch's order can be had again after a resume.
void shuffled(uint64_t seed, uint64_t purpose, uint64_t epoch, int64_t n, int64_t* order);

}  // namespace steepest
