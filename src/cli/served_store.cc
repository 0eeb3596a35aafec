#include "cli/served_store.h"

#include <fmt/format.h>

#include <utility>

#include "hub/pull.h"
#include "hub/store.h"

namespace whet {
namespace {

constexpr std::string_view kOllama = "ollama:";
// What Ollama's clients write before a repository of Hugging Face.
constexpr std::string_view kHuggingFace[] = {"hf.co/", "huggingface.co/"};

/// As clients write it -> as whet pull takes it.
std::string reference_text(const std::string& name) {
  for (const std::string_view prefix : kHuggingFace) {
    if (name.starts_with(prefix)) return "hf:" + name.substr(prefix.size());
  }
  return hub::is_reference(name) ? name : std::string(kOllama) + name;
}

std::string client_name(const std::string& stored) {
  return stored.starts_with(kOllama) ? stored.substr(kOllama.size()) : stored;
}

class ServedStore : public serve::ModelStore {
 public:
  explicit ServedStore(hub::Settings settings) : settings_(std::move(settings)) {}

  Result<serve::ModelSource> pull(
      const std::string& name, const std::function<void(const serve::PullProgress&)>& on_progress,
      const CancelFlag& cancel) override {
    WHET_TRY(const hub::Reference reference, hub::parse_reference(reference_text(name)));
    if (reference.origin == hub::Origin::kUrl ||
        reference.text().starts_with(fmt::format("{}{}/", kOllama, reference.host))) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("model '{}': expected a name of Ollama's registry or "
                               "hf.co/USER/REPO[:QUANT]; whet pull fetches from other addresses",
                               name));
    }
    serve::PullProgress progress;
    hub::PullEvents events;
    events.on_file = [&](const std::string& file, uint64_t) { progress.file = file; };
    events.on_progress = [&](uint64_t done, uint64_t total) {
      progress.done_bytes = done;
      progress.total_bytes = total;
      on_progress(progress);
    };
    events.cancelled = [&] { return cancel.cancelled(); };
    WHET_TRY(std::string path, hub::pull(reference, settings_, {}, events));
    return serve::ModelSource{name, std::move(path), reference.text()};
  }

  Status remove(const serve::ModelSource& source) override {
    WHET_TRY(const hub::Reference reference, hub::parse_reference(source.stored_as));
    WHET_TRY([[maybe_unused]] const uint64_t n_freed, hub::remove_stored(reference, settings_));
    return ok_status();
  }

 private:
  const hub::Settings settings_;
};

}  // namespace

Result<std::vector<serve::ModelSource>> stored_sources() {
  WHET_TRY(const hub::Settings settings, hub::Settings::of_environment());
  std::vector<serve::ModelSource> sources;
  for (const hub::StoredModel& model : hub::stored_models(settings)) {
    sources.push_back({client_name(model.name), model.path, model.name});
  }
  return sources;
}

Result<std::unique_ptr<serve::ModelStore>> make_served_store() {
  WHET_TRY(hub::Settings settings, hub::Settings::of_environment());
  return std::unique_ptr<serve::ModelStore>(new ServedStore(std::move(settings)));
}

}  // namespace whet
