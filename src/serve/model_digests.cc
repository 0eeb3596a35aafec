#include "serve/model_digests.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <span>
#include <string_view>

#include "serve/model_source.h"
#include "sys/file_bytes.h"
#include "sys/sha256.h"

namespace whet::serve {
namespace {

namespace fs = std::filesystem;

constexpr size_t kHexDigits = 64;

/// Of a blob that is called by its digest: "sha256-<hex>" of Ollama's, "<hex>" of Hugging Face's.
std::string digest_of_name(const std::string& path) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error || !fs::is_regular_file(real, error)) return "";
  const std::string directory = real.parent_path().filename().string();
  std::string name = real.filename().string();
  if (name.starts_with("sha256-")) name.erase(0, std::string_view("sha256-").size());
  const bool is_hex =
      name.size() == kHexDigits && name.find_first_not_of("0123456789abcdef") == std::string::npos;
  return directory == "blobs" && is_hex ? name : "";
}

/// Changes when a file does; never empty.
std::string stamp_of(const std::string& path) {
  std::string stamp = path + "\n";  // also where there is no file
  for (const std::string& file : model_files(path)) {
    std::error_code error;
    const auto time = fs::last_write_time(file, error);
    stamp += fmt::format("{} {} {}\n", file, fs::file_size(file, error),
                         time.time_since_epoch().count());
  }
  return stamp;
}

/// Empty where a file cannot be read or `stop` is requested.
std::string computed(const std::string& path, const std::stop_token& stop) {
  const HashProgress on = [&](uint64_t) { return !stop.stop_requested(); };
  std::string list, digest;
  const std::vector<std::string> files = model_files(path);
  for (const std::string& file : files) {
    const auto bytes = FileBytes::map(file);
    if (!bytes.ok()) return "";
    const auto hash = sha256_hex((*bytes)->bytes(), on);
    if (!hash.ok()) return "";
    digest = *hash;
    list += fmt::format("{}  {}\n", digest, fs::path(file).filename().string());
  }
  if (files.size() <= 1) return digest;
  const auto of_list = sha256_hex(std::as_bytes(std::span(list)));
  return of_list.ok() ? *of_list : "";
}

}  // namespace

ModelDigests::ModelDigests() : thread_([this](const std::stop_token& stop) { work(stop); }) {}

ModelDigests::~ModelDigests() {
  thread_.request_stop();
  changed_.notify_all();
}

const ModelDigests::Known& ModelDigests::ask(const std::string& path) {
  const std::string stamp = stamp_of(path);
  Known& known = known_[path];
  if (known.stamp == stamp) return known;
  known = {stamp, digest_of_name(path), false};
  known.done = !known.digest.empty();
  if (!known.done && std::ranges::find(wanted_, path) == wanted_.end()) {
    wanted_.push_back(path);
    changed_.notify_all();
  }
  return known;
}

std::string ModelDigests::find(const std::string& path) {
  std::lock_guard lock(mutex_);
  return ask(path).digest;
}

std::string ModelDigests::wait(const std::string& path) {
  std::unique_lock lock(mutex_);
  ask(path);
  changed_.wait(lock, [&] { return known_[path].done; });
  return known_[path].digest;
}

void ModelDigests::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [&] { return !wanted_.empty(); })) {
    if (stop.stop_requested()) return;
    const std::string path = wanted_.front();
    const std::string stamp = known_[path].stamp;
    lock.unlock();
    std::string digest = computed(path, stop);
    lock.lock();
    wanted_.pop_front();
    Known& known = known_[path];
    if (known.stamp == stamp) {
      known.digest = std::move(digest);
      known.done = true;
    } else {
      wanted_.push_back(path);  // it changed meanwhile
    }
    changed_.notify_all();
  }
}

}  // namespace whet::serve
