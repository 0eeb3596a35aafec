#include "serve/fields.h"

#include <fmt/format.h>

#include <cmath>

namespace whet::serve {
namespace {

constexpr size_t kShown = 80;  // bytes of a wrong value in a message

std::string shown(const Json& json) {
  std::string text = dump(json);
  if (text.size() > kShown) text = text.substr(0, kShown) + "...";
  return text;
}

}  // namespace

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

ApiError api_error(const Error& error) {
  ApiError api{500, error.message()};
  switch (error.code()) {
    case ErrorCode::kInvalidArgument:
      api.status = 400;
      if (error.message().find("the context holds") != std::string::npos) {
        api.code = "context_length_exceeded";
      }
      break;
    case ErrorCode::kNotFound:
      api.status = 404;
      break;
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kUnavailable:
      api.status = 503;
      break;
    case ErrorCode::kInvalidModel:
    case ErrorCode::kIo:
    case ErrorCode::kCancelled:
    case ErrorCode::kInternal:
      break;
  }
  return api;
}

void Fields::fail(ApiError error) {
  if (!error_) error_ = std::move(error);
}

void Fields::fail(const std::string& name, std::string_view expected) {
  const auto it = object_.find(name);
  const std::string found = it == object_.end() ? "nothing" : shown(*it);
  fail({400, fmt::format("\"{}{}\": expected {}, found {}", path_, name, expected, found),
        path_ + name});
}

const Json* Fields::value(const std::string& name) {
  read_.insert(name);
  const auto it = object_.find(name);
  return it == object_.end() || it->is_null() ? nullptr : &*it;
}

double Fields::number(const std::string& name, double fallback, double low, double high) {
  const Json* json = value(name);
  if (json == nullptr) return fallback;
  const double number = json->is_number() ? json->get<double>() : NAN;
  if (!(number >= low && number <= high)) {
    fail(name, fmt::format("a number from {} to {}", low, high));
    return fallback;
  }
  return number;
}

int64_t Fields::integer(const std::string& name, int64_t fallback, int64_t low, int64_t high) {
  const Json* json = value(name);
  if (json == nullptr) return fallback;
  // Some clients write whole numbers as 3.0.
  const double number = json->is_number() ? json->get<double>() : NAN;
  const bool whole = std::abs(number) < 9e15 && std::trunc(number) == number;
  const bool fits = json->is_number_unsigned()
                        ? json->get<uint64_t>() <= static_cast<uint64_t>(INT64_MAX)
                        : json->is_number_integer() || whole;
  const int64_t integer = !fits                     ? 0
                          : json->is_number_float() ? static_cast<int64_t>(number)
                                                    : json->get<int64_t>();
  if (!fits || integer < low || integer > high) {
    fail(name, fmt::format("an integer from {} to {}", low, high));
    return fallback;
  }
  return integer;
}

bool Fields::flag(const std::string& name, bool fallback) {
  const Json* json = value(name);
  if (json == nullptr) return fallback;
  if (!json->is_boolean()) {
    fail(name, "true or false");
    return fallback;
  }
  return json->get<bool>();
}

std::string Fields::text(const std::string& name, std::string fallback) {
  const Json* json = value(name);
  if (json == nullptr) return fallback;
  if (!json->is_string()) {
    fail(name, "a string");
    return fallback;
  }
  return json->get<std::string>();
}

std::vector<std::string> Fields::texts(const std::string& name) {
  const Json* json = value(name);
  std::vector<std::string> texts;
  if (json == nullptr) return texts;
  if (json->is_string()) return {json->get<std::string>()};
  if (json->is_array()) {
    for (const Json& item : *json) {
      if (item.is_string()) texts.push_back(item.get<std::string>());
    }
    if (texts.size() == json->size()) return texts;
  }
  fail(name, "a string or an array of strings");
  return {};
}

void Fields::ignore(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (value(name) != nullptr) harmless_.push_back(path_ + name);
  }
}

void Fields::ignore_also(const Fields& inner) {
  const std::vector<std::string> names = inner.ignored();
  harmless_.insert(harmless_.end(), names.begin(), names.end());
}

std::vector<std::string> Fields::ignored() const {
  std::vector<std::string> names = harmless_;
  for (const auto& [name, json] : object_.items()) {
    if (!read_.contains(name) && !json.is_null()) names.push_back(path_ + name);
  }
  return names;
}

}  // namespace whet::serve
