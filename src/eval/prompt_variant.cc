#include "eval/prompt_variant.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <set>

#include "eval/json_line.h"

namespace whet::eval {
namespace {

Result<PromptVariant> parse_variant(std::string_view line) {
  const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return invalid_line("expected a JSON object");
  WHET_TRY_STATUS(only_keys(json, {"name", "before", "after"}));
  PromptVariant variant;
  WHET_TRY(variant.name, required_text(json, "name"));
  WHET_TRY(variant.before, optional_text(json, "before"));
  WHET_TRY(variant.after, optional_text(json, "after"));
  const bool is_plain = std::ranges::all_of(
      variant.name, [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; });
  if (variant.name.empty() || !is_plain) {
    return invalid_line(fmt::format(
        "\"name\": expected letters, digits, \"-\" and \"_\", found \"{}\"", variant.name));
  }
  return variant;
}

}  // namespace

Result<std::vector<PromptVariant>> parse_prompt_variants(std::string_view text) {
  std::vector<PromptVariant> variants;
  std::set<std::string> names;
  size_t n_lines = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    ++n_lines;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    auto variant = parse_variant(line);
    if (!variant.ok()) return variant.error().with_context(fmt::format("line {}", n_lines));
    if (!names.insert(variant->name).second) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("line {}: variant \"{}\" is given twice", n_lines, variant->name));
    }
    variants.push_back(std::move(variant).value());
  }
  if (variants.empty()) {
    return Error(ErrorCode::kInvalidArgument,
                 "expected at least one variant, a JSON object a line, found none");
  }
  return variants;
}

std::vector<Task> asked_in_variants(const std::vector<Task>& tasks,
                                    const std::vector<PromptVariant>& variants) {
  std::vector<Task> all;
  all.reserve(tasks.size() * variants.size());
  for (const Task& task : tasks) {
    for (const PromptVariant& variant : variants) {
      Task asked = task;
      asked.id += "@" + variant.name;
      asked.family += "@" + variant.name;
      if (asked.group.empty()) asked.group = task.id;
      asked.question = task.question.with_text(
          fmt::format("{}{}{}", variant.before, task.question.text(), variant.after));
      all.push_back(std::move(asked));
    }
  }
  return all;
}

}  // namespace whet::eval
