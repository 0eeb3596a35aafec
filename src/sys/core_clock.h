// How fast a core is at this moment. For telling a measurement at full clock from one under a lower
// one: a hot machine, a saving governor, a neighbour on the same core.
#pragma once

namespace whet {

/// Multiplications that depend on each other, per second: the core's clock over a few cycles. The
/// best of several tries, 0.5 ms in all; only to be compared with itself.
double dependent_multiplications_per_s();

}  // namespace whet
