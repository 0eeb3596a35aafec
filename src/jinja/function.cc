#include "jinja/function.h"

#include <fmt/format.h>

#include "jinja/object.h"
#include "jinja/operation.h"
#include "jinja/printing.h"

namespace whet::jinja {
namespace {

constexpr int64_t kMaxRange = 100'000;  // as in Jinja's sandbox

Result<Value> range(Runtime& runtime, const Value&, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"start", "stop", "step"}, 1));
  Range range;
  WHET_TRY(range.start, integer_argument(bound[1] ? bound[0] : nullptr, "start", 0));
  WHET_TRY(range.stop, integer_argument(bound[1] ? bound[1] : bound[0], "stop", 0));
  WHET_TRY(range.step, integer_argument(bound[2], "step", 1));
  if (range.step == 0) return template_error("the step cannot be zero");
  std::vector<Value> items;
  for (int64_t i = range.start; range.step > 0 ? i < range.stop : i > range.stop;) {
    if (static_cast<int64_t>(items.size()) == kMaxRange) {
      return template_error(fmt::format("more than {} items", kMaxRange));
    }
    items.emplace_back(i);
    if (__builtin_add_overflow(i, range.step, &i)) break;
  }
  return runtime.sequence(SequenceKind::kRange, std::move(items), range);
}

/// The entries that dict(...) and namespace(...) are made of.
Result<Mapping> entries(Runtime& runtime, const Arguments& arguments) {
  if (arguments.positional.size() > 1) return template_error("expected at most 1 argument");
  Mapping mapping;
  if (!arguments.positional.empty()) {
    const Value& source = arguments.positional[0];
    if (source.mapping()) {
      for (const auto& [key, value] : source.mapping()->entries()) mapping.set(key, value);
    } else {
      WHET_TRY(const auto pairs, iterate(runtime, source));
      for (const auto& pair : pairs) {
        WHET_TRY(const auto parts, iterate(runtime, pair));
        if (parts.size() != 2 || !Mapping::is_key(parts[0])) {
          return template_error("expected pairs of a key and a value");
        }
        mapping.set(parts[0], parts[1]);
      }
    }
  }
  for (const auto& [name, value] : arguments.keyword)
    mapping.set(Value::constant_text(name), value);
  return mapping;
}

Result<Value> make_dict(Runtime& runtime, const Value&, const Arguments& arguments) {
  WHET_TRY(auto mapping, entries(runtime, arguments));
  return runtime.mapping(std::move(mapping));
}

Result<Value> make_namespace(Runtime& runtime, const Value&, const Arguments& arguments) {
  WHET_TRY(const auto mapping, entries(runtime, arguments));
  WHET_TRY(auto space, runtime.make_namespace());
  for (const auto& [key, value] : mapping.entries()) {
    if (key.text()) space->set(key.text()->bytes, value);
  }
  return Value(ObjectRef(std::move(space)));
}

Result<Value> make_cycler(Runtime& runtime, const Value&, const Arguments& arguments) {
  if (!arguments.keyword.empty()) return template_error("takes no keyword arguments");
  if (arguments.positional.empty()) return template_error("at least one item has to be provided");
  WHET_TRY_STATUS(runtime.charge(static_cast<int64_t>(arguments.positional.size())));
  return Value(ObjectRef(std::make_shared<Cycler>(arguments.positional)));
}

Result<Value> make_joiner(Runtime&, const Value&, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"sep"}));
  return Value(
      ObjectRef(std::make_shared<Joiner>(bound[0] ? *bound[0] : Value::constant_text(", "))));
}

/// The template refuses the conversation: the request is at fault, not the model.
Result<Value> raise_exception(Runtime& runtime, const Value&, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"message"}, 1));
  WHET_TRY(const auto message, to_text(runtime, *bound[0]));
  return Error(ErrorCode::kInvalidArgument, message->bytes);
}

Result<Value> strftime_now(Runtime& runtime, const Value&, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"format"}, 1));
  WHET_TRY(const auto format, text_argument(bound[0], "format"));
  constexpr size_t kMaxFormat = 200;
  if (format.size() > kMaxFormat) return template_error("the format is too long");
  // One character in front tells an empty result from a buffer that is too small.
  const std::string marked = "x" + std::string(format);
  char buffer[16 * kMaxFormat];
  const std::tm time = runtime.local_time();
  const size_t n = std::strftime(buffer, sizeof buffer, marked.c_str(), &time);
  if (n == 0) return template_error("the format gives too long a text");
  return runtime.text(std::string(buffer + 1, n - 1));
}

struct NamedFunction {
  std::string_view name;
  Builtin function;
};

constexpr NamedFunction kFunctions[] = {
    {"range", range},
    {"dict", make_dict},
    {"namespace", make_namespace},
    {"cycler", make_cycler},
    {"joiner", make_joiner},
    {"raise_exception", raise_exception},
    {"strftime_now", strftime_now},
};

}  // namespace

std::vector<std::pair<std::string_view, Value>> global_functions() {
  std::vector<std::pair<std::string_view, Value>> functions;
  for (const auto& [name, function] : kFunctions) {
    functions.emplace_back(
        name, Value(ObjectRef(std::make_shared<Function>(std::string(name), function))));
  }
  return functions;
}

}  // namespace whet::jinja
