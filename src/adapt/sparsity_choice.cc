#include "adapt/sparsity_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <memory>
#include <utility>

#include "adapt/column_norms.h"
#include "adapt/magnitudes.h"
#include "adapt/sparsity_budget.h"
#include "formats/untrusted_text.h"

namespace whet::adapt {
namespace {

/// Thresholds from the quantiles in the file.
Result<SparsityPlan> threshold_plan(const SparsityChoice& choice, const LoadedModel& model) {
  const ModelConfig& config = model.model.config;
  const bool by_gate = choice.method == "cats";
  WHET_TRY(SparsityPlan plan,
           by_gate ? down_budget(config, choice.share) : uniform_budget(config, choice.share));
  if (by_gate && !std::ranges::all_of(config.layers, [](const auto& l) { return l.ffn.gated; })) {
    return Error(ErrorCode::kInvalidModel,
                 fmt::format("sparsity cats: expected a model whose FFN has a gate, found {}",
                             config.architecture));
  }
  WHET_TRY(const auto thresholds, read_thresholds(model.file, config, choice.share));
  plan.method = choice.method;
  plan.by_gate = by_gate;
  for (const auto& layer : thresholds) {
    auto& of_layer = plan.thresholds.emplace_back();
    if (by_gate) {
      of_layer = {0, 0, 0, layer[kGatePlace]};
    } else {
      std::copy_n(layer.begin(), kSparsitySites, of_layer.begin());
    }
  }
  return plan;
}

Status replace_plan(const SparsityChoice& choice, ThreadPool& pool, LoadedModel& model) {
  const ModelConfig& config = model.model.config;
  const bool by_threshold = choice.method == "teal" || choice.method == "cats";
  WHET_TRY(SparsityPlan plan, by_threshold               ? threshold_plan(choice, model)
                              : choice.method == "down"  ? down_budget(config, choice.share)
                              : choice.method == "block" ? block_budget(config, choice.share)
                                                         : published_budget(config, choice.share));
  if (choice.method == "wina") score_by_column_norms(model.model, pool, plan);
  model.model.sparsity = std::make_shared<const SparsityPlan>(std::move(plan));
  return ok_status();
}

}  // namespace

Result<SparsityChoice> parse_sparsity(std::string_view text) {
  using Kind = SparsityChoice::Kind;
  if (text == "off") return SparsityChoice{};
  if (text == "plan") return SparsityChoice{.kind = Kind::kOfFile};
  const size_t colon = text.find(':');
  SparsityChoice choice{.kind = Kind::kShare, .method = "larosa"};
  if (colon != text.npos) choice.method = text.substr(0, colon);
  const std::string_view number = colon == text.npos ? text : text.substr(colon + 1);
  const char* const end = number.data() + number.size();
  const auto parsed = std::from_chars(number.data(), end, choice.share);
  const bool known =
      std::ranges::find(kSparsityMethods, choice.method) != std::end(kSparsityMethods);
  if (parsed.ec == std::errc() && parsed.ptr == end && known) return choice;
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("sparsity: expected off, plan, or a share such as 0.4, wina:0.4, "
                           "down:0.4, block:0.4, teal:0.4 or cats:0.4, found {}",
                           quote_untrusted(std::string(text))));
}

Result<ChannelCopies> apply_sparsity(const SparsityChoice& choice, SparseRows rows,
                                     ThreadPool& pool, LoadedModel& model) {
  if (choice.kind == SparsityChoice::Kind::kShare) {
    WHET_TRY_STATUS(replace_plan(choice, pool, model));
  } else if (!model.model.sparsity) {
    return Error(ErrorCode::kInvalidArgument,
                 "sparsity plan: expected a file with a plan (whet adapt larosa writes one), "
                 "found one without; a share such as 0.4 needs none");
  }
  if (rows != SparseRows::kDecoded) return ChannelCopies{};
  return copy_by_channels(model.model, pool);
}

}  // namespace whet::adapt
