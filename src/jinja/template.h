// A compiled template: parse once, render often. Immutable, so safe to render from many threads.
#pragma once

#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "jinja/runtime.h"
#include "jinja/value.h"

namespace whet::jinja {

struct TemplateAst;

class Template {
 public:
  using Variables = std::vector<std::pair<std::string, Value>>;

  /// Errors: kInvalidModel with line, column and what was expected.
  static Result<Template> compile(std::string_view source);

  /// Errors: kInvalidModel with line and column; kInvalidArgument where the template itself raises.
  /// The variables hide global functions of the same name.
  Result<std::string> render(const Variables& variables, const std::tm& local_time,
                             const Limits& limits = {}) const;

 private:
  explicit Template(std::shared_ptr<const TemplateAst> ast) : ast_(std::move(ast)) {}

  std::shared_ptr<const TemplateAst> ast_;
};

}  // namespace whet::jinja
