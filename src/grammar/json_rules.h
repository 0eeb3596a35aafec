// JSON itself as rules: what every schema is built from.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "grammar/rule_set.h"

namespace whet::grammar {

/// Adds its rules where they are first asked for.
class JsonRules {
 public:
  explicit JsonRules(RuleSet& rules) : rules_(rules) {}

  /// Nothing, one space, or a line end and an indentation of at most 20: as printers write it, and
  /// no room for a model to write space without end.
  ExprId space();
  ExprId any_value();
  ExprId any_object();
  ExprId any_array();
  ExprId any_string();
  /// One character of a string: itself or an escape.
  ExprId any_character();
  /// Integers of at most 18 digits.
  ExprId any_integer();
  /// Decimals with an exponent of at most two digits: no reader overflows.
  ExprId any_number();
  ExprId boolean() { return rules_.literals({"true", "false"}); }
  ExprId null() { return rules_.literal("null"); }

  /// A key that is none of `names`: spelled so that no two spellings mean the same.
  ExprId other_key(const std::vector<std::string>& names);
  /// "key: value" with the space around.
  ExprId member(ExprId key, ExprId value);
  /// Members or items, as many as counted, between these brackets.
  ExprId list(std::string_view open, ExprId item, std::string_view close);

 private:
  ExprId named(std::optional<RuleId>& rule, const char* name, ExprId (JsonRules::*body)());
  ExprId space_body();
  ExprId value_body();
  ExprId object_body();
  ExprId array_body();
  ExprId string_body();
  ExprId character_body();
  ExprId integer_body();
  ExprId number_body();

  RuleSet& rules_;
  std::optional<RuleId> space_, value_, object_, array_, string_, character_, integer_, number_;
};

/// The characters of a set as a JSON string spells them: themselves, or their one usual escape.
ExprId spell_in_json(RuleSet& rules, const CodePoints& set);

}  // namespace whet::grammar
