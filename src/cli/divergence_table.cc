#include "cli/divergence_table.h"

#include <fmt/format.h>

#include <cmath>
#include <string>

namespace whet {
namespace {

using stats::MeanWithError;

std::string with_error(const MeanWithError& mean, double unit = 1) {
  if (!mean.error) return fmt::format("{:.6f}", mean.value * unit);
  return fmt::format("{:.6f} ± {:.6f}", mean.value * unit, *mean.error * unit);
}

/// exp of a mean; its error by the slope there.
MeanWithError exponential(const MeanWithError& mean) {
  MeanWithError result{std::exp(mean.value), std::nullopt};
  if (mean.error) result.error = result.value * *mean.error;
  return result;
}

void add(nlohmann::ordered_json& json, const std::string& name, const MeanWithError& mean) {
  json[name] = mean.value;
  if (mean.error) json[name + "_stderr"] = *mean.error;
}

}  // namespace

void print_divergence(const stats::DivergenceSummary& s) {
  fmt::print(
      "perplexity            {}\n"
      "perplexity of base    {}\n"
      "ratio                 {}\n"
      "KL divergence, mean   {} nats/token\n"
      "  median {:.6f}   99 % {:.6f}   99.9 % {:.6f}   largest {:.6f}\n"
      "same likeliest token  {} %\n"
      "probability of the token that came: mean change {} %, root mean square {:.4f} %\n"
      "over {} tokens\n",
      with_error(exponential(s.nats)), with_error(exponential(s.base_nats)),
      with_error(exponential(s.log_ratio)), with_error(s.kl), s.kl_median, s.kl_99, s.kl_999,
      s.kl_max, with_error(s.same_top, 100), with_error(s.probability_gain, 100),
      100 * s.probability_change, s.n);
}

nlohmann::ordered_json divergence_json(const stats::DivergenceSummary& s) {
  nlohmann::ordered_json json{{"n_scored", s.n}};
  add(json, "perplexity", exponential(s.nats));
  add(json, "base_perplexity", exponential(s.base_nats));
  add(json, "perplexity_ratio", exponential(s.log_ratio));
  add(json, "kl_mean", s.kl);
  json["kl_median"] = s.kl_median;
  json["kl_99"] = s.kl_99;
  json["kl_99_9"] = s.kl_999;
  json["kl_max"] = s.kl_max;
  add(json, "same_top", s.same_top);
  add(json, "probability_change_mean", s.probability_gain);
  json["probability_change_rms"] = s.probability_change;
  return json;
}

}  // namespace whet
