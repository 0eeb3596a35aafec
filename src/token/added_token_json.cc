#include "token/added_token_json.h"

#include "token/json_fields.h"

namespace whet {

Result<PipelineAddedToken> read_added_token(const nlohmann::json& node) {
  PipelineAddedToken added{};
  added.token.id = kNoToken;
  WHET_TRY(added.token.text, get_string(node, "content"));
  WHET_TRY(added.special, get_bool_or(node, "special", false));
  WHET_TRY(added.normalized, get_bool_or(node, "normalized", !added.special));
  WHET_TRY(added.token.strips_left, get_bool_or(node, "lstrip", false));
  WHET_TRY(added.token.strips_right, get_bool_or(node, "rstrip", false));
  WHET_TRY(added.token.whole_word, get_bool_or(node, "single_word", false));
  return added;
}

}  // namespace whet
