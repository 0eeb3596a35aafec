#include "kv/prefix_files.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/check.h"
#include "sys/file_bytes.h"
#include "sys/pending_file.h"
#include "sys/sha256.h"

namespace whet {
namespace {

namespace fs = std::filesystem;

// A change of the layout in memory, of its elements or of this file's form takes a new version.
constexpr std::string_view kMagic = "whet-kv/1\n";
constexpr std::string_view kSuffix = ".kv";
constexpr size_t kKeyDigits = 64;
// A temporary older than this was left by a process that died.
constexpr auto kAbandoned = std::chrono::hours(1);

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string_view text_of(std::span<const int32_t> ids) {
  return {reinterpret_cast<const char*>(ids.data()), ids.size_bytes()};
}

/// What stands before the keys and values.
std::string header_of(const std::string& key, std::span<const int32_t> ids) {
  return fmt::format("{}{}\n{}\n{}", kMagic, key, ids.size(), text_of(ids));
}

Error differs(const std::string& path, std::string_view what) {
  return Error(ErrorCode::kIo, fmt::format("{}: {} differs from what its name says", path, what));
}

/// "0123...ef.kv", or such a name with the suffix of a temporary.
bool is_ours(const std::string& name, bool temporary) {
  if (name.size() < kKeyDigits + kSuffix.size()) return false;
  const bool hex = std::all_of(name.begin(), name.begin() + kKeyDigits, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  const std::string_view rest = std::string_view(name).substr(kKeyDigits);
  return hex && (temporary ? rest.starts_with(kSuffix) && rest.size() == kSuffix.size() + 7
                           : rest == kSuffix);
}

}  // namespace

Result<PrefixFiles> PrefixFiles::open(const std::string& directory, std::string_view fingerprint,
                                      const KvShape& shape, const PrefixFileLimits& limits) {
  WHET_TRY(KvLayout layout, KvLayout::in_blocks(shape));
  std::error_code error;
  if (fs::create_directories(directory, error)) {
    fs::permissions(directory, fs::perms::owner_all, error);  // it will hold what users wrote
  }
  if (error || !fs::is_directory(directory, error)) {
    return Error(ErrorCode::kIo,
                 fmt::format("cannot make the directory {} for cached prefixes: {}", directory,
                             error ? error.message() : "the name is taken by a file"));
  }
  std::string root = fmt::format("{}{}\n{}", kMagic, fingerprint, dtype_info(shape.type).name);
  for (const KvLayerShape& layer : shape.layers) {
    root +=
        fmt::format(";{},{},{},{}", layer.n_heads, layer.key_dim, layer.value_dim, layer.window);
  }
  return PrefixFiles(directory, std::move(root), std::move(layout), limits);
}

PrefixFiles::PrefixFiles(std::string directory, std::string root, KvLayout layout,
                         PrefixFileLimits limits)
    : directory_(std::move(directory)),
      root_(std::move(root)),
      layout_(std::move(layout)),
      limits_(limits) {}

std::string PrefixFiles::path(const std::string& key) const {
  return (fs::path(directory_) / fmt::format("{}{}", key, kSuffix)).string();
}

Result<std::string> PrefixFiles::root_key(std::string_view scope) const {
  // The length keeps a scope from running into the text before it.
  return sha256_hex(bytes_of(fmt::format("{}\n{}\n{}", root_, scope.size(), scope)));
}

Result<std::string> PrefixFiles::key_of(std::string_view parent_key, std::span<const int32_t> ids) {
  return sha256_hex(bytes_of(fmt::format("{}\n{}", parent_key, text_of(ids))));
}

bool PrefixFiles::contains(const std::string& key) const {
  std::error_code error;
  return fs::is_regular_file(path(key), error);
}

Status PrefixFiles::load(const std::string& key, std::span<const int32_t> ids,
                         std::byte* block) const {
  const std::string file = path(key);
  WHET_TRY(const std::shared_ptr<const FileBytes> mapped, FileBytes::map(file));
  const std::span<const std::byte> bytes = mapped->bytes();
  const std::string header = header_of(key, ids);
  size_t payload = 0;
  layout_.for_each_piece(static_cast<int64_t>(ids.size()),
                         [&](uint64_t, uint64_t n) { payload += n; });
  if (bytes.size() != header.size() + payload + kKeyDigits) return differs(file, "its size");
  if (std::memcmp(bytes.data(), header.data(), header.size()) != 0) {
    return differs(file, "its header");
  }
  WHET_TRY(const std::string checksum, sha256_hex(bytes.first(header.size() + payload)));
  if (std::memcmp(bytes.last(kKeyDigits).data(), checksum.data(), kKeyDigits) != 0) {
    return differs(file, "its checksum");
  }
  const std::byte* from = bytes.data() + header.size();
  layout_.for_each_piece(static_cast<int64_t>(ids.size()), [&](uint64_t offset, uint64_t n) {
    std::memcpy(block + offset, from, n);
    from += n;
  });
  return ok_status();
}

Status PrefixFiles::store(const std::string& key, std::span<const int32_t> ids,
                          const std::byte* block) const {
  const std::string header = header_of(key, ids);
  std::vector<std::byte> bytes(bytes_of(header).begin(), bytes_of(header).end());
  layout_.for_each_piece(static_cast<int64_t>(ids.size()), [&](uint64_t offset, uint64_t n) {
    bytes.insert(bytes.end(), block + offset, block + offset + n);
  });
  WHET_TRY(const std::string checksum, sha256_hex(bytes));
  WHET_TRY(PendingFile file, PendingFile::create(path(key)));
  WHET_TRY_STATUS(file.write(bytes));
  WHET_TRY_STATUS(file.write(bytes_of(checksum)));
  return file.commit();
}

void PrefixFiles::touch(const std::string& key) const {
  std::error_code error;  // a file that cannot be touched is pruned earlier, no more
  fs::last_write_time(path(key), fs::file_time_type::clock::now(), error);
}

void PrefixFiles::remove(const std::string& key) const {
  std::error_code error;
  fs::remove(path(key), error);
}

Status PrefixFiles::prune() const {
  struct File {
    fs::file_time_type time;
    uint64_t bytes;
    fs::path path;
  };
  const auto now = fs::file_time_type::clock::now();
  std::vector<File> files;
  std::error_code error, ignored;  // another process may remove a file first
  for (fs::directory_iterator it(directory_, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    const auto time = it->last_write_time(ignored);
    if (ignored) continue;
    if (is_ours(name, /*temporary=*/true) && now - time > kAbandoned) {
      fs::remove(it->path(), ignored);
    } else if (is_ours(name, /*temporary=*/false)) {
      const uint64_t bytes = it->file_size(ignored);
      if (!ignored) files.push_back({time, bytes, it->path()});
    }
  }
  if (error) {
    return Error(ErrorCode::kIo,
                 fmt::format("cannot list cached prefixes in {}: {}", directory_, error.message()));
  }
  // Newest first.
  std::sort(files.begin(), files.end(),
            [](const File& a, const File& b) { return a.time > b.time; });
  uint64_t total = 0;
  for (const File& file : files) {
    total += file.bytes;
    if (total > limits_.max_bytes ||
        now - file.time > std::chrono::seconds(limits_.max_age_seconds)) {
      fs::remove(file.path, ignored);
    }
  }
  return ok_status();
}

}  // namespace whet
