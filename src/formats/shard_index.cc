#include "formats/shard_index.h"

#include <fmt/format.h>

#include "base/invalid_model.h"
#include "formats/strict_json.h"
#include "formats/untrusted_text.h"

namespace whet {
namespace {

// The index must not reach out of its directory.
bool is_plain_shard_name(std::string_view name) {
  return name.ends_with(".safetensors") && !name.starts_with('.') &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

}  // namespace

Result<ShardIndex> parse_shard_index(std::string_view json_text) {
  WHET_TRY(nlohmann::json document, parse_strict_json(json_text));
  if (!document.is_object() || !document.contains("weight_map") ||
      !document["weight_map"].is_object()) {
    return invalid_model("expected an object with an object \"weight_map\"");
  }
  ShardIndex index;
  for (const auto& [tensor, shard] : document["weight_map"].items()) {
    if (!shard.is_string()) {
      return invalid_model("weight_map: tensor {}: expected the name of a file",
                           quote_untrusted(tensor));
    }
    const auto& name = shard.get_ref<const std::string&>();
    if (!is_plain_shard_name(name)) {
      return invalid_model(
          "weight_map: tensor {}: expected a plain name that ends in .safetensors, found "
          "{}",
          quote_untrusted(tensor), quote_untrusted(name));
    }
    index.emplace(tensor, name);
  }
  if (index.empty()) return invalid_model("weight_map is empty");
  return index;
}

}  // namespace whet
