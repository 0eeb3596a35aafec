// Alpha spending: levels for tests that are made more than once while the data grow, so that all
// looks together err no more often than one would.
#pragma once

#include <span>

namespace whet::stats {

/// What may have been spent of `alpha` by the time that a share `t` in [0,1] of the data is in:
/// alpha ln(1 + (e - 1) t), the function of Lan and DeMets that is near to Pocock's equal levels.
/// All of it at t = 1. Source: Lan & DeMets, "Discrete sequential boundaries for clinical trials",
/// Biometrika 70 (1983).
double spent_alpha(double alpha, double t);

/// The level of the last of several looks, at the shares `looks` of the data, ascending: what may
/// be spent since the look before it. The sum over looks bounds the chance of any false claim at
/// any of them, whatever ties them together, so this is a little strict.
double level_of_last_look(double alpha, std::span<const double> looks);

}  // namespace whet::stats
