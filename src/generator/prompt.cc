#include "generator/prompt.h"

namespace whet {

std::string text_of(const std::vector<PromptPart>& parts) {
  std::string text;
  for (const PromptPart& part : parts) text += part.text;
  return text;
}

}  // namespace whet
