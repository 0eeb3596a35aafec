#include "token/known_pre_tokenizers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <span>

#include "formats/untrusted_text.h"

namespace whet {

// The patterns are those of the models' own tokenizer.json, in Oniguruma's spelling; which name
// means which pattern, and the defaults, follow llama.cpp (llama-vocab.cpp, July 2026).
#define WHET_CONTRACTIONS R"((?i:'s|'t|'re|'ve|'m|'ll|'d))"
#define WHET_GPT2 R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"
#define WHET_SPACES R"(\s*[\r\n]+|\s+(?!\S)|\s+)"
#define WHET_TITLE_CASE_HEAD R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*)"
#define WHET_TITLE_CASE_TAIL R"([\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
#define WHET_UPPER_CASE_HEAD R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+)"
#define WHET_UPPER_CASE_TAIL R"([\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
#define WHET_ASCII_PUNCTUATION_WORD R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+)"

const std::string_view kGpt2Pattern = WHET_GPT2;

namespace {

using Patterns = std::span<const std::string_view>;

constexpr std::string_view kGpt2[] = {WHET_GPT2};

constexpr std::string_view kDefault[] = {
    R"([\p{P}\$\+<=>\^~\|]+)",
    WHET_GPT2,
    R"(\p{N}+)",
    R"([0-9][0-9][0-9])",
};

constexpr std::string_view kDigitsThenGpt2[] = {R"(\p{N})", WHET_GPT2};

constexpr std::string_view kLlama3[] = {
    WHET_CONTRACTIONS
    R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|)" WHET_SPACES,
};

constexpr std::string_view kQwen2[] = {
    WHET_CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)" WHET_SPACES,
};

constexpr std::string_view kQwen35[] = {
    WHET_CONTRACTIONS
    R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|)" WHET_SPACES,
};

constexpr std::string_view kTekken[] = {
    WHET_TITLE_CASE_HEAD WHET_TITLE_CASE_TAIL "|" WHET_UPPER_CASE_HEAD WHET_UPPER_CASE_TAIL
                                              R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|)" WHET_SPACES,
};

constexpr std::string_view kGpt4o[] = {
    WHET_TITLE_CASE_HEAD WHET_TITLE_CASE_TAIL WHET_CONTRACTIONS
    "?|" WHET_UPPER_CASE_HEAD WHET_UPPER_CASE_TAIL WHET_CONTRACTIONS
    R"(?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|)" WHET_SPACES,
};

constexpr std::string_view kTinyAya[] = {R"(\d{1,3}(?=(?:\d{3})*\b))", kGpt4o[0]};

constexpr std::string_view kCjk = R"([\x{4E00}-\x{9FA5}\x{800}-\x{4E00}\x{AC00}-\x{D7FF}]+)";

constexpr std::string_view kDeepSeekLlm[] = {
    R"([\r\n])",
    R"(\s?[A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293})"
    R"(\x{295}-\x{2AF}\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386}\x{388}-\x{38A})"
    R"(\x{38C}\x{38E}-\x{3A1}\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F}\x{531}-\x{556})"
    R"(\x{10A0}-\x{10C5}\x{13A0}-\x{13F5}\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA}\x{1CBD}-\x{1CBF})"
    R"(\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77}\x{1D79}-\x{1D9A}\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D})"
    R"(\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D}\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D})"
    R"(\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4}\x{1FB6}-\x{1FBC}\x{1FBE}\x{1FC2}-\x{1FC4})"
    R"(\x{1FC6}-\x{1FCC}\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}\x{1FF2}-\x{1FF4})"
    R"(\x{1FF6}-\x{1FFC}\x{2102}\x{2107}\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124})"
    R"(\x{2126}\x{2128}\x{212A}-\x{212D}\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F})"
    R"(\x{2145}-\x{2149}\x{214E}\x{2183}\x{2184}\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4})"
    R"(\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D}\x{A680}-\x{A69B}\x{A722}-\x{A76F})"
    R"(\x{A771}-\x{A787}\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF}\x{FB00}-\x{FB06}\x{FB13}-\x{FB17})"
    R"(\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}\x{10400}-\x{1044F}\x{104B0}-\x{104D3})"
    R"(\x{104D8}-\x{104FB}\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF})"
    R"(\x{1E900}-\x{1E943}]+)",
    R"(\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002}]+)",
    R"(\s+$)",
    kCjk,
    R"(\p{N}+)",
};

constexpr std::string_view kDeepSeekCoder[] = {
    R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", kCjk, R"(\p{N})",
};

constexpr std::string_view kDeepSeek3[] = {
    R"(\p{N}{1,3})",
    R"([\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)",
    WHET_ASCII_PUNCTUATION_WORD
    R"(|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|)" WHET_SPACES,
};

constexpr std::string_view kFalcon[] = {
    R"([\p{P}\$\+<=>\^~\|`]+)",
    WHET_GPT2,
    R"([0-9][0-9][0-9])",
};

constexpr std::string_view kBloom[] = {
    R"( ?[^(\s|.,!?\x{2026}\x{3002}\x{FF0C}\x{3001}\x{964}\x{6D4}\x{60C})]+)"};
constexpr std::string_view kViking[] = {kBloom[0], R"(\p{N})"};

constexpr std::string_view kBailing[] = {
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|)"
    R"(\s+(?!\S)|\s+)",
};

constexpr std::string_view kSeedCoder[] = {
    WHET_CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|)" WHET_SPACES,
};

constexpr std::string_view kSuperBpe[] = {R"(\p{N}+)", R"((?=(\d{3})+(?!\d)))"};

struct KnownName {
  std::string_view name;
  Patterns patterns;
  bool ignores_merges = false;
  bool adds_bos = false;
};

constexpr KnownName kKnownNames[] = {
    {"default", kDefault},
    {"gpt-2", kGpt2},
    {"phi-2", kGpt2},
    {"jina-es", kGpt2},
    {"jina-de", kGpt2},
    {"jina-v2-es", kGpt2},
    {"jina-v2-de", kGpt2},
    {"gigachat", kGpt2},
    {"a.x-4.0", kGpt2},
    {"mellum", kGpt2},
    {"mpt", kGpt2},
    {"olmo", kGpt2},
    {"jais", kGpt2},
    {"trillion", kGpt2},
    {"granite-docling", kGpt2},
    {"exaone4", kGpt2},
    {"smollm", kDigitsThenGpt2},
    {"starcoder", kDigitsThenGpt2},
    {"refact", kDigitsThenGpt2},
    {"command-r", kDigitsThenGpt2},
    {"codeshell", kDigitsThenGpt2},
    {"exaone", kDigitsThenGpt2},
    {"minerva-7b", kDigitsThenGpt2},
    {"mellum2", kDigitsThenGpt2},
    {"llama-bpe", kLlama3, true, true},
    {"llama3", kLlama3, true, true},
    {"llama-v3", kLlama3, true, true},
    {"falcon3", kLlama3, true, true},
    {"falcon-h1", kLlama3, true, true},
    {"pixtral", kLlama3, true, true},
    {"midm-2.0", kLlama3, true, true},
    {"lfm2", kLlama3, true, true},
    {"dbrx", kLlama3},
    {"smaug-bpe", kLlama3},
    {"chatglm-bpe", kLlama3},
    {"glm4", kLlama3},
    {"qwen2", kQwen2},
    {"deepseek-r1-qwen", kQwen2},
    {"megrez", kQwen2},
    {"hunyuan", kQwen2},
    {"stablelm2", kQwen2},
    {"grok-2", kQwen2},
    {"solar-open", kQwen2},
    {"qwen35", kQwen35},
    {"tekken", kTekken, true, true},
    {"gpt-4o", kGpt4o},
    {"llama4", kGpt4o},
    {"kanana2", kGpt4o},
    {"minimax-m2", kGpt4o},
    {"tiny_aya", kTinyAya},
    {"deepseek-llm", kDeepSeekLlm},
    {"deepseek-coder", kDeepSeekCoder},
    {"deepseek-v3", kDeepSeek3},
    {"hunyuan-dense", kDeepSeek3},
    {"joyai-llm", kDeepSeek3},
    {"falcon", kFalcon},
    {"bloom", kBloom},
    {"poro-chat", kBloom},
    {"gpt3-finnish", kBloom},
    {"viking", kViking},
    {"bailingmoe", kBailing},
    {"bailingmoe2", kBailing},
    {"llada-moe", kBailing},
    {"seed-coder", kSeedCoder},
    {"superbpe", kSuperBpe},
};

}  // namespace

std::vector<std::string_view> known_pre_tokenizer_names() {
  std::vector<std::string_view> names;
  for (const KnownName& known : kKnownNames) names.push_back(known.name);
  return names;
}

namespace {

Result<const KnownName*> find_name(std::string_view name) {
  for (const KnownName& known : kKnownNames) {
    if (known.name == name) return &known;
  }
  return Error(ErrorCode::kInvalidModel,
               fmt::format("unknown pre-tokenizer {}; known are: {}", quote_untrusted(name),
                           fmt::join(known_pre_tokenizer_names(), ", ")));
}

}  // namespace

Result<std::vector<std::string_view>> pre_tokenizer_patterns(std::string_view name) {
  WHET_TRY(const KnownName* known, find_name(name));
  return std::vector<std::string_view>(known->patterns.begin(), known->patterns.end());
}

Result<KnownPreTokenizer> find_pre_tokenizer(std::string_view name) {
  WHET_TRY(const KnownName* known, find_name(name));
  std::vector<PreTokenizerStep> steps;
  for (std::string_view pattern : known->patterns) {
    WHET_TRY(Regex regex, Regex::compile(pattern));
    steps.push_back(SplitStep{.pattern = std::move(regex)});
  }
  return KnownPreTokenizer{PreTokenizer(std::move(steps)), known->ignores_merges, known->adds_bos};
}

}  // namespace whet
