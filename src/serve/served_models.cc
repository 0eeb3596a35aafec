#include "serve/served_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/clock.h"

namespace whet::serve {
namespace {

std::string plain(std::string name) {
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (name.ends_with(":latest")) name.resize(name.size() - 7);
  return name;
}

}  // namespace

ServedModels::ServedModels(std::vector<ModelSource> sources, Load load, Seconds keep_alive,
                           uint64_t memory_bytes)
    : load_(std::move(load)),
      keep_alive_(keep_alive),
      memory_bytes_(memory_bytes),
      sources_(std::move(sources)),
      janitor_([this](const std::stop_token& stop) { expire(stop); }) {}

ServedModels::~ServedModels() {
  janitor_.request_stop();
  changed_.notify_all();
}

std::optional<ModelSource> ServedModels::find(const std::string& name) const {
  std::lock_guard lock(mutex_);
  if (name.empty() && sources_.size() == 1) return sources_.front();
  for (const ModelSource& source : sources_) {
    if (plain(source.id) == plain(name)) return source;
  }
  return std::nullopt;
}

Result<std::shared_ptr<ServedModel>> ServedModels::use(const std::string& name,
                                                       std::optional<Seconds> keep_alive) {
  const auto source = find(name);
  if (!source) {
    std::string known;
    for (const ModelSource& s : sources()) known += (known.empty() ? "" : ", ") + s.id;
    return Error(ErrorCode::kNotFound, fmt::format("model '{}' not found; this server has {}", name,
                                                   known.empty() ? "none" : known));
  }
  const auto taken = [&](Slot& slot) {
    slot.last_used = std::chrono::system_clock::now();
    if (keep_alive) slot.keep_alive = *keep_alive;
    changed_.notify_all();
    return slot.model;
  };
  const auto loaded = [&]() -> std::shared_ptr<ServedModel> {
    std::lock_guard lock(mutex_);
    auto slot = std::ranges::find_if(slots_, [&](Slot& s) { return s.model->id == source->id; });
    return slot == slots_.end() ? nullptr : taken(*slot);
  };
  if (auto model = loaded()) return model;
  std::lock_guard loading(loading_);
  if (auto model = loaded()) return model;  // somebody else has just loaded it
  WHET_TRY_STATUS(make_room(*source));
  const int64_t start_ns = monotonic_ns();
  WHET_TRY(std::unique_ptr<Engine> engine, load_(source->path));
  auto model = std::make_shared<ServedModel>();
  model->id = source->id;
  model->path = source->path;
  model->engine = std::move(engine);
  model->loaded_ns = monotonic_ns();
  model->load_ns = model->loaded_ns - start_ns;
  std::lock_guard lock(mutex_);
  slots_.push_back({std::move(model), keep_alive_, {}});
  return taken(slots_.back());
}

Status ServedModels::make_room(const ModelSource& source) {
  constexpr double kMiB = 1 << 20;
  const auto mib = [](uint64_t bytes) { return static_cast<double>(bytes) / kMiB; };
  const uint64_t needed = bytes_on_disk(source.path);
  if (needed > memory_bytes_) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("model '{}' needs {:.0f} MiB, but this server may use {:.0f} MiB; "
                             "nothing was unloaded for it",
                             source.id, mib(needed), mib(memory_bytes_)));
  }
  std::vector<std::shared_ptr<ServedModel>> dropped;  // destroyed outside the lock
  std::lock_guard lock(mutex_);
  uint64_t taken = 0, idle = 0;
  for (const Slot& slot : slots_) {
    taken += slot.model->n_bytes();
    if (slot.model.use_count() == 1) idle += slot.model->n_bytes();
  }
  if (taken - idle > memory_bytes_ - needed) {
    return Error(ErrorCode::kUnavailable,
                 fmt::format("model '{}' needs {:.0f} MiB, but of {:.0f} MiB models that answer "
                             "others hold {:.0f}; nothing was unloaded for it",
                             source.id, mib(needed), mib(memory_bytes_), mib(taken - idle)));
  }
  while (taken > memory_bytes_ - needed) {
    auto oldest = slots_.end();
    for (auto slot = slots_.begin(); slot != slots_.end(); ++slot) {
      if (slot->model.use_count() > 1) continue;
      if (oldest == slots_.end() || slot->last_used < oldest->last_used) oldest = slot;
    }
    if (oldest == slots_.end()) break;  // keys and values grew meanwhile
    taken -= std::min(taken, oldest->model->n_bytes());
    dropped.push_back(std::move(oldest->model));
    slots_.erase(oldest);
  }
  return ok_status();
}

std::vector<ModelSource> ServedModels::sources() const {
  std::lock_guard lock(mutex_);
  return sources_;
}

std::string ServedModels::default_id() const {
  std::lock_guard lock(mutex_);
  return sources_.empty() ? "" : sources_.front().id;
}

void ServedModels::add(ModelSource source) {
  std::lock_guard lock(mutex_);
  const auto same = std::ranges::find_if(
      sources_, [&](const ModelSource& s) { return plain(s.id) == plain(source.id); });
  if (same == sources_.end()) {
    sources_.push_back(std::move(source));
  } else {
    *same = std::move(source);
  }
}

void ServedModels::remove(const std::string& id) {
  {
    std::lock_guard lock(mutex_);
    std::erase_if(sources_, [&](const ModelSource& s) { return plain(s.id) == plain(id); });
  }
  unload(id);
}

void ServedModels::unload(const std::string& id) {
  std::vector<std::shared_ptr<ServedModel>> dropped;  // destroyed outside the lock
  std::lock_guard lock(mutex_);
  std::erase_if(slots_, [&](Slot& slot) {
    if (plain(slot.model->id) != plain(id)) return false;
    dropped.push_back(std::move(slot.model));
    return true;
  });
}

void ServedModels::release(std::shared_ptr<ServedModel> model) {
  std::shared_ptr<ServedModel> dropped;  // destroyed outside the lock
  std::lock_guard lock(mutex_);
  const auto slot =
      std::ranges::find_if(slots_, [&](const Slot& s) { return s.model.get() == model.get(); });
  if (slot == slots_.end() || slot->keep_alive.count() != 0) return;
  model.reset();
  if (slot->model.use_count() > 1) return;
  dropped = std::move(slot->model);
  slots_.erase(slot);
}

std::optional<std::chrono::system_clock::time_point> ServedModels::expiry(const Slot& slot) const {
  if (slot.keep_alive.count() < 0) return std::nullopt;
  return slot.last_used + slot.keep_alive;
}

std::vector<ServedModels::Running> ServedModels::running() const {
  std::lock_guard lock(mutex_);
  std::vector<Running> running;
  for (const Slot& slot : slots_) running.push_back({slot.model, expiry(slot)});
  return running;
}

void ServedModels::expire(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    std::vector<std::shared_ptr<ServedModel>> dropped;
    const auto now = std::chrono::system_clock::now();
    std::erase_if(slots_, [&](Slot& slot) {
      if (slot.model.use_count() > 1) {
        slot.last_used = now;  // somebody is being answered
        return false;
      }
      const auto end = expiry(slot);
      if (!end || *end > now) return false;
      dropped.push_back(std::move(slot.model));
      return true;
    });
    if (!dropped.empty()) {
      lock.unlock();
      dropped.clear();
      lock.lock();
    }
    changed_.wait_for(lock, stop, std::chrono::seconds(1), [] { return false; });
  }
}

}  // namespace whet::serve
