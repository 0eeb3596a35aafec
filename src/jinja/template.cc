#include "jinja/template.h"

#include "jinja/function.h"
#include "jinja/interpreter.h"
#include "jinja/parser.h"

namespace whet::jinja {

struct TemplateAst {
  Body body;
};

Result<Template> Template::compile(std::string_view source) {
  WHET_TRY(auto body, parse(source));
  return Template(std::make_shared<const TemplateAst>(TemplateAst{std::move(body)}));
}

Result<std::string> Template::render(const Variables& variables, const std::tm& local_time,
                                     const Limits& limits) const {
  Runtime runtime(limits, local_time);
  Interpreter interpreter(runtime);
  Scope globals(nullptr);
  for (auto& [name, function] : global_functions()) globals.set(name, std::move(function));
  for (const auto& [name, value] : variables) globals.set(name, value);
  Scope root(&globals);
  TextBuilder out(runtime);
  WHET_TRY_STATUS(interpreter.render(ast_->body, root, out));
  return out.take();
}

}  // namespace whet::jinja
