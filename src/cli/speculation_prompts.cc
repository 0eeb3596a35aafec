#include "cli/speculation_prompts.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/embedded_files.h"

namespace whet {

Result<std::vector<SpeculationPrompt>> parse_speculation_prompts(std::string_view text,
                                                                 const std::string& origin) {
  std::vector<SpeculationPrompt> prompts;
  int line_number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    ++line_number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto bad = [&](std::string_view found) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("{}:{}: expected an object with the strings id, category and "
                               "prompt, none of them empty, found {}",
                               origin, line_number, found));
    };
    const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (json.is_discarded()) return bad("no JSON");
    if (!json.is_object()) return bad(json.type_name());
    SpeculationPrompt prompt;
    for (const auto& [key, to] :
         {std::pair{"id", &prompt.id}, std::pair{"category", &prompt.category},
          std::pair{"prompt", &prompt.prompt}}) {
      const auto it = json.find(key);
      if (it == json.end() || !it->is_string() || it->get_ref<const std::string&>().empty()) {
        return bad(fmt::format("none for {}", key));
      }
      *to = it->get<std::string>();
    }
    prompts.push_back(std::move(prompt));
  }
  if (prompts.empty()) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{}: expected prompts, found none", origin));
  }
  return prompts;
}

Result<std::vector<SpeculationPrompt>> built_in_speculation_prompts() {
  std::vector<SpeculationPrompt> prompts;
  for (const EmbeddedFile& file : embedded_prompts()) {
    WHET_TRY(auto more, parse_speculation_prompts(file.content, std::string(file.name)));
    std::ranges::move(more, std::back_inserter(prompts));
  }
  return prompts;
}

}  // namespace whet
