// Flags that constrain the answer: a grammar, a JSON schema, any JSON object.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "cli/command.h"
#include "grammar/grammar.h"
#include "grammar/json_text.h"

namespace whet {

/// What the answer must be.
struct AnswerForm {
  std::shared_ptr<const grammar::Grammar> grammar;  // null = anything
  std::optional<grammar::Json> schema;              // that finished answers are checked against

  /// Errors (kInternal): the first violation of the schema by a finished answer.
  Status check(std::string_view answer) const;
};

struct GrammarFlags {
  std::string grammar, grammar_file, json_schema, json_schema_file, format;

  void add_to(Command& command);
  /// Errors: more than one of the flags, a file that cannot be read, a grammar or schema that is
  /// not one (names the flag).
  Result<AnswerForm> resolve() const;
};

}  // namespace whet
