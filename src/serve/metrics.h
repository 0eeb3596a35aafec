// Metrics: what /metrics counts, in Prometheus' text format.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace whet::serve {

/// Seconds, in buckets that grow by about 2.5.
class Histogram {
 public:
  static constexpr std::array<double, 12> kBounds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                     0.5,   1,    2.5,   5,    10,  30};
  void add(double seconds);
  void write(std::string_view name, std::string_view help, std::string& out) const;

 private:
  mutable std::mutex mutex_;
  std::array<uint64_t, kBounds.size() + 1> counts_{};
  double sum_ = 0;
};

struct Metrics {
  std::atomic<int64_t> requests{0}, failed{0}, cancelled{0};
  std::atomic<int64_t> prompt_tokens{0}, cached_tokens{0}, completion_tokens{0};
  std::atomic<int64_t> drafted_tokens{0}, accepted_tokens{0};
  Histogram time_to_first_token, time_per_token, request_duration;
};

}  // namespace whet::serve
