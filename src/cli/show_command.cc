#include <fmt/format.h>

#include <array>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <type_traits>
#include <variant>

#include "cli/commands.h"
#include "cli/model_flags.h"
#include "cli/model_source.h"
#include "cli/model_type.h"
#include "cli/terminal.h"
#include "formats/untrusted_text.h"
#include "kv/kv_sequence.h"
#include "load/loaded_model.h"
#include "sys/json_text.h"

namespace whet {
namespace {

struct ShowFlags {
  std::string path;
  bool json = false;
  bool chat_template = false;
};

struct TypeShare {
  uint64_t tensors = 0;
  uint64_t weights = 0;
  uint64_t bytes = 0;
};

struct Summary {
  uint64_t weights = 0;
  uint64_t bytes = 0;
  std::map<std::string, TypeShare> by_type;
};

Summary summarise(const ModelFile& file) {
  Summary summary;
  for (const TensorEntry& tensor : file.tensors) {
    uint64_t n = 1;
    for (uint64_t d : tensor.shape) n *= d;
    TypeShare& share = summary.by_type[std::string(dtype_info(tensor.type).name)];
    ++share.tensors;
    share.weights += n;
    share.bytes += tensor.bytes.size();
    summary.weights += n;
    summary.bytes += tensor.bytes.size();
  }
  return summary;
}

std::string container_text(const ModelFile& file) {
  if (file.container == ModelFile::Container::kGguf) {
    return fmt::format("GGUF v{}", file.gguf_version);
  }
  return container_name(file);
}

nlohmann::ordered_json types_json(const Summary& summary) {
  nlohmann::ordered_json types = nlohmann::ordered_json::object();
  for (const auto& [name, share] : summary.by_type) {
    types[name] = {{"tensors", share.tensors}, {"weights", share.weights}, {"bytes", share.bytes}};
  }
  return types;
}

/// Channels that the plan keeps at a place, of all layers, and how many there are.
struct KeptChannels {
  int64_t kept = 0, all = 0;
};
std::array<KeptChannels, kSparsitySites> kept_channels(const Decoder& model) {
  std::array<KeptChannels, kSparsitySites> sites;
  for (size_t i = 0; i < model.sparsity->kept.size(); ++i) {
    const auto shapes = sparsity_shapes(model.config.layers[i], model.config.d_model);
    for (size_t site = 0; site < kSparsitySites; ++site) {
      sites[site].kept += model.sparsity->kept[i][site];
      sites[site].all += shapes[site].channels;
    }
  }
  return sites;
}

nlohmann::ordered_json sparsity_json(const Decoder& model) {
  if (!model.sparsity) return nullptr;
  nlohmann::ordered_json json{{"method", model.sparsity->method},
                              {"share_of_layer_weights_skipped", model.sparsity->share}};
  const auto sites = kept_channels(model);
  for (size_t i = 0; i < kSparsitySites; ++i) {
    json["channels"][std::string(sparsity_site_name(static_cast<SparsitySite>(i)))] = {
        {"kept", sites[i].kept}, {"all", sites[i].all}};
  }
  return json;
}

nlohmann::ordered_json to_json(const LoadedModel& m, const Summary& summary) {
  const ModelConfig& c = m.model.config;
  const Tokenizer& t = *m.tokenizer;
  const AttentionBlockForm& attention = c.layers.front().attention;
  const KvShape kv = kv_shape_of(c, 1);
  auto optional_id = [](std::optional<TokenId> id) {
    return id ? nlohmann::ordered_json(*id) : nullptr;
  };
  return {{"schema", "whet-show/1"},
          {"path", m.file.path},
          {"container", container_text(m.file)},
          {"architecture", c.architecture},
          {"runs", true},
          {"parameters", summary.weights},
          {"tensor_bytes", summary.bytes},
          {"types", types_json(summary)},
          {"notes", m.notes},
          {"layers", c.n_layers()},
          {"width", c.d_model},
          {"query_heads", attention.n_heads},
          {"kv_heads", attention.n_kv_heads},
          {"head_width", attention.head_dim},
          {"ffn_width", c.layers.front().ffn.dim},
          {"vocabulary", c.vocab_size},
          {"context_length", c.context_length},
          {"rope_theta", c.ropes.empty() ? nlohmann::ordered_json(nullptr)
                                         : nlohmann::ordered_json(c.ropes.front().theta)},
          {"kv_bytes_per_token", kv.bytes_per_position()},
          {"tokenizer",
           {{"kind", t.description()},
            {"tokens", t.vocab_size()},
            {"bos", optional_id(t.bos())},
            {"eos", optional_id(t.eos())},
            {"adds_bos", t.adds_bos()},
            {"end_of_generation", t.end_of_generation()}}},
          {"sparsity", sparsity_json(m.model)},
          {"chat_template", m.chat_template_source.empty()
                                ? nlohmann::ordered_json(nullptr)
                                : nlohmann::ordered_json(m.chat_template_source)}};
}

void print_line(std::string_view key, const std::string& value) {
  fmt::print("{:<18}{}\n", key, value);
}

/// None for arrays, and for texts too long for a line.
std::optional<std::string> metadata_text(const MetaValue& meta) {
  constexpr size_t kLongest = 60;
  return std::visit(
      [](const auto& value) -> std::optional<std::string> {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, MetaArray>) {
          return std::nullopt;
        } else if constexpr (std::is_same_v<T, std::string>) {
          if (value.size() > kLongest) return std::nullopt;
          return quote_untrusted(value);
        } else {
          return fmt::format("{}", value);
        }
      },
      meta.value);
}

void print_container(const ModelFile& file, const std::string& architecture,
                     const Summary& summary) {
  print_line("path", file.path);
  print_line("container", container_text(file));
  print_line("architecture", architecture);
  print_line("parameters",
             fmt::format("{:.2f} M in {} tensors, {:.1f} MB, {}",
                         static_cast<double>(summary.weights) / 1e6, file.tensors.size(),
                         static_cast<double>(summary.bytes) / 1e6, weight_type_name(file)));
  for (const auto& [name, share] : summary.by_type) {
    print_line("", fmt::format("{:<7}{:>4} tensors {:>10.2f} M weights {:>9.1f} MB", name,
                               share.tensors, static_cast<double>(share.weights) / 1e6,
                               static_cast<double>(share.bytes) / 1e6));
  }
}

void print_text(const LoadedModel& m, const Summary& summary) {
  const ModelConfig& c = m.model.config;
  const Tokenizer& t = *m.tokenizer;
  print_container(m.file, c.architecture, summary);
  const AttentionBlockForm& a = c.layers.front().attention;
  print_line("layers", fmt::format("{}", c.n_layers()));
  print_line("width", fmt::format("{} (FFN {})", c.d_model, c.layers.front().ffn.dim));
  print_line("heads", fmt::format("{} query, {} KV, of {}", a.n_heads, a.n_kv_heads, a.head_dim));
  print_line("context", fmt::format("{} tokens", c.context_length));
  print_line("KV cache",
             fmt::format("{} bytes per token (f16)", kv_shape_of(c, 1).bytes_per_position()));
  print_line("vocabulary", fmt::format("{} tokens, {}", t.vocab_size(), t.description()));
  auto token = [&](std::optional<TokenId> id) {
    return id ? fmt::format("{} \"{}\"", *id, t.piece(*id)) : std::string("none");
  };
  print_line("BOS", token(t.bos()) + (t.adds_bos() ? ", added to every prompt" : ", not added"));
  print_line("EOS", token(t.eos()));
  std::string ends;
  for (TokenId id : t.end_of_generation()) ends += (ends.empty() ? "" : ", ") + token(id);
  print_line("end of turn", ends.empty() ? "none" : ends);
  print_line("chat template", m.chat_template_source.empty()
                                  ? "none"
                                  : fmt::format("{} characters of Jinja (--template prints it)",
                                                m.chat_template_source.size()));
  if (m.model.sparsity) {
    print_line(
        "sparsity",
        fmt::format("{}: {:.2f} % of the layers' weights skipped (--sparsity plan)",
                    quote_untrusted(m.model.sparsity->method), 100 * m.model.sparsity->share));
    const auto sites = kept_channels(m.model);
    for (size_t i = 0; i < kSparsitySites; ++i) {
      print_line("", fmt::format("{:<17}{:>8} of {} channels kept",
                                 sparsity_site_name(static_cast<SparsitySite>(i)), sites[i].kept,
                                 sites[i].all));
    }
  }
  for (const std::string& note : m.notes) print_line("note", note);
}

/// A file that whet cannot run: what its container says, and why it does not run.
int show_container(const ShowFlags& options, const Error& reason) {
  auto file = open_model_file(options.path);
  if (!file.ok()) return fail(file.error());
  const std::string key =
      file->container == ModelFile::Container::kGguf ? "general.architecture" : "architecture";
  auto architecture = file->get_string_or(key, "unknown");
  if (!architecture.ok()) return fail(architecture.error());
  if (options.chat_template) {
    auto source = file->get_string("tokenizer.chat_template");
    if (!source.ok()) return fail(reason);
    fmt::print("{}\n", *source);
    return 0;
  }
  const Summary summary = summarise(*file);
  if (options.json) {
    const nlohmann::ordered_json json{{"schema", "whet-show/1"},
                                      {"path", file->path},
                                      {"container", container_text(*file)},
                                      {"architecture", *architecture},
                                      {"runs", false},
                                      {"reason", reason.message()},
                                      {"parameters", summary.weights},
                                      {"tensor_bytes", summary.bytes},
                                      {"types", types_json(summary)}};
    fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return 0;
  }
  print_container(*file, quote_untrusted(*architecture), summary);
  print_line("runs", "no: " + reason.message());
  for (const auto& [name, value] : file->metadata) {
    if (name.starts_with("tokenizer.")) continue;
    if (auto text = metadata_text(value)) fmt::print("{:<40}{}\n", quote_untrusted(name), *text);
  }
  return 0;
}

int run_show(const ShowFlags& given) {
  auto path = model_path(given.path);
  if (!path.ok()) return fail(path.error());
  ShowFlags options = given;
  options.path = std::move(*path);
  auto loaded = load_model(options.path);
  if (!loaded.ok()) return show_container(options, loaded.error());
  Summary summary = summarise(loaded->file);
  if (options.json) {
    fmt::print("{}\n", json_text(to_json(*loaded, summary), 2));
  } else if (options.chat_template) {
    fmt::print("{}\n", loaded->chat_template_source);
  } else {
    print_text(*loaded, summary);
  }
  return 0;
}

}  // namespace

Command make_show_command() {
  auto options = std::make_shared<ShowFlags>();
  Command command("show",
                  "What a model file holds: architecture, sizes, types, tokenizer, template");
  command.add("MODEL,-m,--model", &options->path, kModelHelp).required();
  command.add("--json", &options->json, "one JSON object");
  command.add("--template", &options->chat_template, "print the chat template only");
  command.action([options] { return run_show(*options); });
  return command;
}

}  // namespace whet
