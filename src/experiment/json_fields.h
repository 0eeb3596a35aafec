// JsonFields: the fields of a JSON object from outside, each with its type and range. Nothing
// throws; the first field that is missing or wrong is kept as the problem, and reading goes on with
// defaults, so that a caller checks once at the end.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whet::experiment {

class JsonFields {
 public:
  /// `object` must outlive this; where it is no object, that is the problem.
  explicit JsonFields(const nlohmann::json& object);

  std::string text(const char* key);
  uint64_t natural(const char* key);
  int64_t integer(const char* key, int64_t low, int64_t high);
  bool flag(const char* key);
  /// An object or array; null where it is something else.
  const nlohmann::json& object(const char* key);
  const nlohmann::json& array(const char* key);
  /// An array of strings.
  std::vector<std::string> texts(const char* key);

  /// Missing or null: none.
  std::optional<std::string> optional_text(const char* key);
  std::optional<int64_t> optional_integer(const char* key, int64_t low, int64_t high);
  std::optional<double> optional_number(const char* key);
  std::optional<bool> optional_flag(const char* key);

  /// Notes a problem that the type alone does not show.
  void refuse(std::string_view key, std::string_view expected);
  /// "\"end_ns\": expected an integer, found \"x\"".
  const std::optional<std::string>& problem() const { return problem_; }
  /// Takes over the problem of a part of this object.
  void adopt(std::string_view part, const JsonFields& inner);

 private:
  const nlohmann::json* find(std::string_view key) const;
  const nlohmann::json& required(const char* key, bool is_wanted, std::string_view expected);
  bool is_given(const char* key) const;

  const nlohmann::json& object_;
  std::optional<std::string> problem_;
};

}  // namespace whet::experiment
