// Fields: the members of a JSON object from a client, read by name and type. The first thing that
// is wrong is kept as the error; what nobody reads is listed, so that nothing is ignored in
// silence.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace whet::serve {

using Json = nlohmann::ordered_json;

/// JSON text; bytes that are not UTF-8 become U+FFFD.
std::string dump(const Json& json);

struct ApiError {
  int status = 400;
  std::string message;
  std::string param = {};  // the field at fault
  std::string code = {};   // "context_length_exceeded", "model_not_found" ...
};

/// The HTTP status and code of an error of the engine.
ApiError api_error(const Error& error);

class Fields {
 public:
  /// `object` must outlive this. `path` precedes names in messages: "options.".
  explicit Fields(const Json& object, std::string path = "")
      : object_(object), path_(std::move(path)) {}

  /// A member that is there and not null; marks it as read.
  const Json* value(const std::string& name);
  double number(const std::string& name, double fallback, double low, double high);
  int64_t integer(const std::string& name, int64_t fallback, int64_t low, int64_t high);
  bool flag(const std::string& name, bool fallback);
  std::string text(const std::string& name, std::string fallback);
  /// A string or an array of strings.
  std::vector<std::string> texts(const std::string& name);
  /// Fields that change nothing here: read and named as ignored.
  void ignore(std::initializer_list<const char*> names);
  /// What an object within this one ignores is ignored here.
  void ignore_also(const Fields& inner);

  void fail(const std::string& name, std::string_view expected);
  void fail(ApiError error);
  const std::optional<ApiError>& error() const { return error_; }
  /// Members that nobody read, and those ignored on purpose.
  std::vector<std::string> ignored() const;

 private:
  const Json& object_;
  std::string path_;
  std::set<std::string> read_;
  std::vector<std::string> harmless_;
  std::optional<ApiError> error_;
};

}  // namespace whet::serve
