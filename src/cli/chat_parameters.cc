#include "cli/chat_parameters.h"

#include <fmt/format.h>

#include <limits>
#include <vector>

#include "cli/flag.h"
#include "decode/sampler.h"

namespace whet {
namespace {

/// Ollama's names, with the reading and the checks of the command line's flags.
std::vector<std::pair<std::string_view, Flag>> parameters_of(GenerateRequest& request) {
  SamplingParams& p = request.samples[0];
  std::vector<std::pair<std::string_view, Flag>> all;
  const auto add = [&](std::string_view name, FlagTarget target) -> Flag& {
    return all.emplace_back(name, Flag(name, std::move(target), "")).second;
  };
  add("temperature", &p.temperature);
  add("top_k", &p.top_k);
  add("top_p", &p.top_p);
  add("min_p", &p.min_p);
  add("repeat_penalty", &p.repeat_penalty);
  add("repeat_last_n", &p.repeat_last_n);
  add("presence_penalty", &p.presence_penalty);
  add("frequency_penalty", &p.frequency_penalty);
  add("seed", &p.seed);
  add("num_predict", &request.max_tokens).at_least(-1);
  return all;
}

}  // namespace

std::string chat_parameter_names() {
  GenerateRequest request;
  std::string names;
  for (const auto& [name, flag] : parameters_of(request))
    names += (names.empty() ? "" : ", ") + std::string(name);
  return names;
}

Status set_chat_parameter(GenerateRequest& request, std::string_view name, const std::string& value,
                          int32_t vocab_size) {
  GenerateRequest changed;
  changed.samples = request.samples;
  changed.max_tokens = request.max_tokens;
  for (auto& [known, flag] : parameters_of(changed)) {
    if (known != name) continue;
    WHET_TRY_STATUS(flag.set(name, value));
    WHET_TRY_STATUS(validate(changed.samples[0],
                             vocab_size > 0 ? vocab_size : std::numeric_limits<int32_t>::max()));
    request.samples = changed.samples;
    request.max_tokens = changed.max_tokens;
    return ok_status();
  }
  return Error(ErrorCode::kInvalidArgument, fmt::format("no parameter \"{}\"; expected one of {}",
                                                        name, chat_parameter_names()));
}

std::string chat_parameters_text(const GenerateRequest& request) {
  GenerateRequest copy;
  copy.samples = request.samples;
  copy.max_tokens = request.max_tokens;
  std::string text;
  for (const auto& [name, flag] : parameters_of(copy))
    text += fmt::format("{:<18}{}\n", name, flag.shown_default());
  return text;
}

}  // namespace whet
