// The few distribution functions that intervals and tests need.
#pragma once

#include <cstdint>

namespace whet::stats {

double normal_cdf(double x);

/// Inverse of normal_cdf for p in (0,1); relative error below 1e-12.
/// Source: P. J. Acklam's rational approximation (2003) with one Halley step.
double normal_quantile(double p);

/// P(T <= t) for Student's t with `degrees` > 0 degrees of freedom, by the regularised incomplete
/// beta function. Source: Abramowitz & Stegun 26.7.1; continued fraction after Lentz.
double student_t_cdf(double t, double degrees);

/// Inverse of student_t_cdf for p in (0,1), by bisection to full double precision.
double student_t_quantile(double p, double degrees);

/// P(X <= k) for X binomial(n, 1/2), summed exactly enough in log space.
double binomial_half_cdf(int64_t k, int64_t n);

}  // namespace whet::stats
