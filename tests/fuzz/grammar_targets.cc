#include <utility>

#include "base/check.h"
#include "grammar/gbnf.h"
#include "grammar/json_schema.h"
#include "grammar/regex.h"
#include "grammar/schema_validator.h"
#include "targets.h"

namespace whet::fuzz {
namespace {

std::pair<std::string_view, std::string_view> split(std::string_view input) {
  const size_t nul = input.find('\0');
  if (nul == input.npos) return {input, {}};
  return {input.substr(0, nul), input.substr(nul + 1)};
}

void read(const Result<std::shared_ptr<const grammar::Grammar>>& compiled, std::string_view text) {
  if (!compiled.ok()) {
    WHET_CHECK(compiled.error().code() == ErrorCode::kInvalidArgument);
    return;
  }
  const bool matches = (*compiled)->matches(text);
  WHET_CHECK(!matches || (*compiled)->matches_prefix(text));
}

}  // namespace

void compile_gbnf(std::string_view input) {
  const auto [source, text] = split(input);
  read(grammar::gbnf_grammar(source), text);
}

void compile_regex(std::string_view input) {
  const auto [source, text] = split(input);
  read(grammar::regex_grammar(source), text);
}

void compile_json_schema(std::string_view input) {
  const auto [source, text] = split(input);
  const auto schema = grammar::parse_json_schema(source);
  if (!schema.ok()) return;
  const auto compiled = grammar::json_schema_grammar(*schema);
  read(compiled, text);
  const auto violation = grammar::validate_text(*schema, text);
  // oneOf is left to the validator, which refuses values nested deeper than 500.
  if (text.size() > 500 || !compiled.ok() || !violation.ok() || source.find("oneOf") != source.npos)
    return;
  WHET_CHECK(!(*compiled)->matches(text) || !violation->has_value());
}

}  // namespace whet::fuzz
