#include "formats/tokenizer_check.h"

#include <fmt/format.h>

#include <bitset>
#include <charconv>

#include "formats/untrusted_text.h"

namespace whet {
namespace {

constexpr std::string_view kPrefix = "tokenizer.ggml.";
constexpr int64_t kLastTokenType = 6;
constexpr int64_t kByteTokenType = 6;

using Strings = std::span<const std::string>;

std::string key_of(std::string_view name) {
  return fmt::format("{}{}", kPrefix, name);
}

// Elements of an optional array of any kind, or nothing where the key is absent or no array.
std::optional<size_t> array_length(const ModelFile& model, std::string_view key) {
  auto found = model.metadata.find(key);
  if (found == model.metadata.end()) return std::nullopt;
  auto* array = std::get_if<MetaArray>(&found->second.value);
  if (array == nullptr) return std::nullopt;
  return std::visit([](const auto& values) { return values.size(); }, *array);
}

CheckFinding check_arrays(const ModelFile& model, size_t n_tokens) {
  CheckFinding finding{"tokenizer arrays", true, fmt::format("{} tokens", n_tokens)};
  auto fail = [&](std::string detail) {
    if (finding.ok) finding.detail = std::move(detail);
    finding.ok = false;
  };
  for (std::string_view name : {"scores", "token_type"}) {
    std::string key = key_of(name);
    if (!model.has(key)) continue;
    auto length = array_length(model, key);
    if (length != n_tokens) {
      fail(fmt::format("key \"{}\": expected {} elements, one per token, found {}", key, n_tokens,
                       length ? fmt::format("{}", *length) : "no array"));
    }
  }
  std::string type_key = key_of("token_type");
  if (model.has(type_key)) {
    auto types = model.get_ints(type_key);
    if (!types.ok()) {
      fail(types.error().message());
    } else {
      for (size_t i = 0; i < types->size(); ++i) {
        if ((*types)[i] >= 0 && (*types)[i] <= kLastTokenType) continue;
        fail(fmt::format("key \"{}\": element {}: expected a type 0..{}, found {}", type_key, i,
                         kLastTokenType, (*types)[i]));
      }
    }
  }
  return finding;
}

CheckFinding check_ids(const ModelFile& model, size_t n_tokens) {
  CheckFinding finding{"token ids", true, ""};
  size_t n_keys = 0;
  for (auto entry = model.metadata.lower_bound(kPrefix);
       entry != model.metadata.end() && entry->first.starts_with(kPrefix); ++entry) {
    if (!entry->first.ends_with("_token_id")) continue;
    ++n_keys;
    auto id = model.get_uint(entry->first);
    if (id.ok() && *id < n_tokens) continue;
    if (finding.ok) {
      finding.detail = !id.ok() ? id.error().message()
                                : fmt::format("key {}: expected an id below {}, found {}",
                                              quote_untrusted(entry->first), n_tokens, *id);
    }
    finding.ok = false;
  }
  if (finding.ok) finding.detail = fmt::format("{} special ids are in the vocabulary", n_keys);
  return finding;
}

// Which texts claim to be bytes: tokens of type "byte", and in a SentencePiece vocabulary also
// whatever looks like one. In a BPE vocabulary "<0x" is ordinary text.
CheckFinding check_bytes(const ModelFile& model, Strings tokens) {
  auto kind = model.get_string_or(key_of("model"), "");
  bool is_spm = kind.ok() && *kind == "llama";
  auto types = model.get_ints(key_of("token_type"));
  CheckFinding finding{"byte tokens", true, ""};
  std::bitset<256> seen;
  for (size_t i = 0; i < tokens.size(); ++i) {
    bool is_typed = types.ok() && i < types->size() && (*types)[i] == kByteTokenType;
    bool looks_it = is_spm && tokens[i].starts_with("<0x") && tokens[i].ends_with(">");
    if (!is_typed && !looks_it) continue;
    auto byte = byte_of_token(tokens[i]);
    if (byte && !seen[*byte]) {
      seen.set(*byte);
      continue;
    }
    if (finding.ok) {
      finding.detail = fmt::format("token {} {}: expected {}", i, quote_untrusted(tokens[i]),
                                   byte ? "each byte once" : "<0xHH> with two hex digits");
    }
    finding.ok = false;
  }
  if (finding.ok) {
    finding.detail = seen.none() ? "none, nor does this kind of vocabulary need them"
                                 : fmt::format("{} of 256 bytes have a token", seen.count());
  }
  return finding;
}

CheckFinding check_merges(Strings merges) {
  for (size_t i = 0; i < merges.size(); ++i) {
    // The separator is the first space after the first character, which may be a space itself.
    size_t space = merges[i].find(' ', 1);
    if (space != std::string::npos && space + 1 < merges[i].size()) continue;
    return {"merges", false,
            fmt::format("merge {}: expected two pieces separated by a space, found {}", i,
                        quote_untrusted(merges[i]))};
  }
  return {"merges", true, fmt::format("{} merges", merges.size())};
}

}  // namespace

std::optional<uint8_t> byte_of_token(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return std::nullopt;
  uint8_t value = 0;  // an unsigned target makes from_chars refuse a sign
  auto [end, error] = std::from_chars(token.data() + 3, token.data() + 5, value, 16);
  if (error != std::errc() || end != token.data() + 5) return std::nullopt;
  return value;
}

CheckFindings check_tokenizer(const ModelFile& model) {
  std::string tokens_key = key_of("tokens");
  if (!model.has(tokens_key)) return {{"tokenizer arrays", true, "the file has no tokenizer"}};
  auto tokens = model.get_strings(tokens_key);
  if (!tokens.ok()) return {{"tokenizer arrays", false, tokens.error().message()}};

  CheckFindings findings{check_arrays(model, tokens->size()), check_ids(model, tokens->size()),
                         check_bytes(model, *tokens)};
  if (model.has(key_of("merges"))) {
    auto merges = model.get_strings(key_of("merges"));
    findings.push_back(merges.ok() ? check_merges(*merges)
                                   : CheckFinding{"merges", false, merges.error().message()});
  }
  return findings;
}

}  // namespace whet
