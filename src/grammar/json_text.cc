#include "grammar/json_text.h"

#include <fmt/format.h>

#include <set>
#include <vector>

namespace whet::grammar {
namespace {

/// Builds nothing that is nested too deep, so that no destructor or visitor recurses too deep
/// either.
class Reader : public nlohmann::json_sax<Json> {
 public:
  Reader(int max_depth, RepeatedKeys repeated) : max_depth_(max_depth), repeated_(repeated) {}

  Json take() { return std::move(root_); }
  const std::string& problem() const { return problem_; }

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t&) override { return put(value); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return open(Json::object()); }
  bool start_array(size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (!open_.back().keys.insert(name).second && repeated_ == RepeatedKeys::kRefused) {
      problem_ = fmt::format("the key \"{}\" stands twice in one object", name);
      return false;
    }
    open_.back().key = std::move(name);
    return true;
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    problem_ = fmt::format("not valid JSON at byte {}", position);
    return false;
  }

 private:
  struct Open {
    Json value;
    std::string key;
    std::set<std::string> keys;
  };

  bool put(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().value.is_array()) {
      open_.back().value.push_back(std::move(value));
    } else {
      open_.back().value[open_.back().key] = std::move(value);
    }
    return true;
  }

  bool open(Json value) {
    if (static_cast<int>(open_.size()) == max_depth_) {
      problem_ = fmt::format("nested deeper than {} levels", max_depth_);
      return false;
    }
    open_.push_back({std::move(value), {}, {}});
    return true;
  }

  bool close() {
    Json value = std::move(open_.back().value);
    open_.pop_back();
    return put(std::move(value));
  }

  int max_depth_;
  RepeatedKeys repeated_;
  std::vector<Open> open_;
  Json root_;
  std::string problem_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view what, int max_depth,
                        RepeatedKeys repeated) {
  Reader reader(max_depth, repeated);
  if (Json::sax_parse(text, &reader)) return reader.take();
  return Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", what, reader.problem()));
}

const Json* find_member(const Json& object, std::string_view name) {
  const auto it = object.find(std::string(name));
  return it == object.end() ? nullptr : &*it;
}

std::string pointer_to(const std::string& parent, std::string_view name) {
  std::string pointer = parent + '/';
  for (char c : name) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
  return pointer;
}

std::string pointer_to(const std::string& parent, size_t index) {
  return fmt::format("{}/{}", parent, index);
}

}  // namespace whet::grammar
