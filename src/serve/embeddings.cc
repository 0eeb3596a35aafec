#include "serve/embeddings.h"

#include <fmt/format.h>

#include <cmath>
#include <numeric>
#include <optional>

#include "base/clock.h"
#include "serve/base64.h"
#include "serve/keep_alive.h"
#include "serve/text_inputs.h"

namespace whet::serve {
namespace {

constexpr size_t kMaxInputs = 2048;
constexpr int64_t kMaxDimensions = 1 << 20;

struct EmbedCall {
  std::string model;
  EmbedRequest request;
  int64_t dimensions = 0;  // 0 = the model's own
  std::optional<ServedModels::Seconds> keep_alive;
};

/// Keeps the first `n` values, and the length 1: what models trained for it (Matryoshka) allow.
void shorten(std::vector<float>& values, int64_t n) {
  values.resize(static_cast<size_t>(n));
  double square = 0;
  for (float v : values) square += double{v} * double{v};
  if (square == 0) return;
  for (float& v : values) v = static_cast<float>(double{v} / std::sqrt(square));
}

struct Embedded {
  std::shared_ptr<ServedModel> model;
  std::vector<Embedding> embeddings;
  bool loaded = false;  // for this request
  int64_t start_ns = 0, end_ns = 0;

  int64_t n_tok() const {
    int64_t n = 0;
    for (const Embedding& e : embeddings) n += e.n_tok;
    return n;
  }
  int64_t load_ns() const { return loaded ? model->load_ns : 0; }
};

/// Loads the model and embeds; none, and the exchange failed, if that cannot be.
std::optional<Embedded> embed(Exchange& exchange, EmbedCall& call) {
  Embedded done;
  done.start_ns = monotonic_ns();
  auto model = exchange.server.models().use(call.model, call.keep_alive);
  if (!model.ok()) {
    ApiError error = api_error(model.error());
    if (error.status == 404) error.code = "model_not_found";
    exchange.fail(error);
    return std::nullopt;
  }
  done.model = *model;
  done.loaded = done.model->loaded_ns > done.start_ns;
  Engine& engine = *done.model->engine;
  if (call.dimensions > engine.describe().embedding_size) {
    exchange.fail({400,
                   fmt::format("\"dimensions\": expected 1 to {}, found {}",
                               engine.describe().embedding_size, call.dimensions),
                   "dimensions"});
    return std::nullopt;
  }
  Metrics& metrics = exchange.server.metrics();
  ++metrics.requests;
  call.request.cache_scope = exchange.cache_scope;
  auto embeddings = engine.embed(call.request, &exchange.reply.cancelled());
  done.end_ns = monotonic_ns();
  if (!embeddings.ok()) {
    ++(embeddings.error().code() == ErrorCode::kCancelled ? metrics.cancelled : metrics.failed);
    exchange.fail(api_error(embeddings.error()));
    return std::nullopt;
  }
  done.embeddings = std::move(*embeddings);
  metrics.prompt_tokens += done.n_tok();
  std::string cut;
  for (size_t i = 0; i < done.embeddings.size(); ++i) {
    Embedding& embedding = done.embeddings[i];
    if (call.dimensions > 0) shorten(embedding.values, call.dimensions);
    if (embedding.n_cut_tok > 0) {
      cut += fmt::format("{}{}:{}", cut.empty() ? "" : ",", i, embedding.n_cut_tok);
    }
  }
  if (!cut.empty()) exchange.headers.emplace_back("x-whet-truncated", cut.substr(0, 1000));
  return done;
}

Json values_json(const Embedding& embedding, bool as_base64) {
  if (!as_base64) return embedding.values;
  return base64(std::as_bytes(std::span(embedding.values)));
}

bool read_base64(Fields& fields) {
  const std::string format = fields.text("encoding_format", "float");
  if (format != "float" && format != "base64") {
    fields.fail("encoding_format", "\"float\" or \"base64\"");
  }
  return format == "base64";
}

void read_ollama(Fields& fields, EmbedCall& call) {
  call.model = fields.text("model", "");
  call.keep_alive = read_keep_alive(fields);
  call.request.truncate = fields.flag("truncate", false);
  call.dimensions = fields.integer("dimensions", 0, 0, kMaxDimensions);
  fields.ignore({"options"});
}

}  // namespace

void openai_embeddings(Exchange& exchange) {
  Json body;
  if (!exchange.parse(body)) return;
  Fields fields(body);
  EmbedCall call;
  call.model = fields.text("model", "");
  call.request.inputs = read_inputs(fields, "input", kMaxInputs);
  call.dimensions = fields.integer("dimensions", 0, 1, kMaxDimensions);
  const bool as_base64 = read_base64(fields);
  fields.ignore({"user"});
  if (!exchange.accept(fields)) return;
  const auto done = embed(exchange, call);
  if (!done) return;
  Json data = Json::array();
  for (const Embedding& embedding : done->embeddings) {
    data.push_back({{"object", "embedding"},
                    {"index", data.size()},
                    {"embedding", values_json(embedding, as_base64)}});
  }
  const int64_t n = done->n_tok();
  exchange.send(200, {{"object", "list"},
                      {"data", std::move(data)},
                      {"model", done->model->id},
                      {"usage", {{"prompt_tokens", n}, {"total_tokens", n}}}});
}

void ollama_embed(Exchange& exchange) {
  Json body;
  if (!exchange.parse(body)) return;
  Fields fields(body);
  EmbedCall call;
  read_ollama(fields, call);
  std::vector<std::string> texts = fields.texts("input");
  if (texts == std::vector<std::string>{""}) texts.clear();  // asks only whether the model is there
  if (texts.size() > kMaxInputs) fields.fail("input", "at most 2048 texts");
  call.request.inputs.assign(texts.begin(), texts.end());
  if (!exchange.accept(fields)) return;
  const auto done = embed(exchange, call);
  if (!done) return;
  Json vectors = Json::array();
  for (const Embedding& embedding : done->embeddings) vectors.push_back(embedding.values);
  exchange.send(200, {{"model", call.model},
                      {"embeddings", std::move(vectors)},
                      {"total_duration", done->end_ns - done->start_ns},
                      {"load_duration", done->load_ns()},
                      {"prompt_eval_count", done->n_tok()}});
}

// The older route: one text, one vector, and the vector as the model's states pool to it.
void ollama_embeddings(Exchange& exchange) {
  Json body;
  if (!exchange.parse(body)) return;
  Fields fields(body);
  EmbedCall call;
  read_ollama(fields, call);
  const std::string prompt = fields.text("prompt", "");
  if (!prompt.empty()) call.request.inputs.emplace_back(prompt);
  if (!exchange.accept(fields)) return;
  const auto done = embed(exchange, call);
  if (!done) return;
  exchange.send(
      200, {{"embedding",
             done->embeddings.empty() ? Json::array() : Json(done->embeddings.front().values)}});
}

void llama_embedding(Exchange& exchange) {
  Json body;
  if (!exchange.parse(body)) return;
  Fields fields(body);
  EmbedCall call;
  call.model = fields.text("model", exchange.server.models().default_id());
  call.request.inputs =
      read_inputs(fields, fields.value("content") != nullptr ? "content" : "input", kMaxInputs);
  const int64_t norm = fields.integer("embd_normalize", 2, -1, 2);
  if (norm != 2 && norm != -1) {
    fields.fail("embd_normalize", "2 (Euclidean length 1) or -1 (as it is)");
  }
  call.request.normalise = norm == 2;
  const bool as_base64 = read_base64(fields);
  if (as_base64) fields.fail("encoding_format", "\"float\"; ask /v1/embeddings for base64");
  if (!exchange.accept(fields)) return;
  const auto done = embed(exchange, call);
  if (!done) return;
  Json list = Json::array();
  for (const Embedding& embedding : done->embeddings) {
    // A list of one: this route knows models that give a vector per token.
    list.push_back({{"index", list.size()}, {"embedding", Json::array({Json(embedding.values)})}});
  }
  exchange.send(200, list);
}

}  // namespace whet::serve
