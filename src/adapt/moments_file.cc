#include "adapt/moments_file.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <filesystem>

#include "sys/file_bytes.h"
#include "sys/pending_file.h"
#include "sys/sha256.h"
#include "sys/sha256_stream.h"

namespace whet::adapt {
namespace {

// Layout: magic, key (64 digits), windows seen, then of each moment its rows and its lower
// triangle as doubles, and 64 digits of the SHA-256 of all that. Bytes in this machine's order.
constexpr std::string_view kMagic = "whet-moments/1\n\n";
constexpr size_t kDigits = 64;

size_t bytes_of(const SecondMoment& moment) {
  return sizeof(int64_t) + moment.lower().size_bytes();
}

size_t file_size(const Moments& moments) {
  size_t n = kMagic.size() + 2 * kDigits + sizeof(int64_t) + bytes_of(moments.residual);
  for (const SecondMoment& head : moments.heads) n += bytes_of(head);
  return n;
}

void append(std::string& out, const void* data, size_t n) {
  out.append(static_cast<const char*>(data), n);
}

void append(std::string& out, const SecondMoment& moment) {
  const int64_t n_rows = moment.n_rows();
  append(out, &n_rows, sizeof n_rows);
  append(out, moment.lower().data(), moment.lower().size_bytes());
}

Result<std::string> digits_of(std::string_view bytes) {
  return sha256_hex(std::as_bytes(std::span(bytes.data(), bytes.size())));
}

/// Takes numbers off the front of a file whose size is known to be right.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  int64_t integer() {
    int64_t value = 0;
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }

  bool moment(SecondMoment& into) {
    const int64_t n_rows = integer();
    std::vector<double> lower(into.lower().size());
    std::memcpy(lower.data(), rest_.data(), lower.size() * sizeof(double));
    rest_.remove_prefix(lower.size() * sizeof(double));
    for (const double value : lower) {
      if (!std::isfinite(value)) return false;
    }
    into.restore(lower, n_rows);
    return n_rows >= 0;
  }

 private:
  std::string_view rest_;
};

}  // namespace

Result<std::string> moments_key(const ModelFile& file, const Windows& windows) {
  WHET_TRY(Sha256Stream hash, Sha256Stream::create());
  for (const auto& part : file.files) WHET_TRY_STATUS(hash.update(part->bytes()));
  for (const std::vector<int32_t>& window : windows) {
    const auto n = static_cast<uint64_t>(window.size());
    WHET_TRY_STATUS(hash.update(std::as_bytes(std::span(&n, 1))));
    WHET_TRY_STATUS(hash.update(std::as_bytes(std::span(window))));
  }
  return hash.finish();
}

Status write_moments(const std::string& path, const std::string& key, const Moments& moments) {
  std::string bytes(kMagic);
  bytes.reserve(file_size(moments));
  bytes += key;
  append(bytes, &moments.n_windows, sizeof moments.n_windows);
  append(bytes, moments.residual);
  for (const SecondMoment& head : moments.heads) append(bytes, head);
  WHET_TRY(const std::string digits, digits_of(bytes));
  return write_file_atomically(path, bytes + digits);
}

Result<bool> read_moments(const std::string& path, const std::string& key, Moments& moments) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return false;
  const size_t size = file_size(moments);
  if (std::filesystem::file_size(path, error) != size) return false;
  WHET_TRY(const std::string bytes, read_file(path, size));
  const std::string_view all = bytes;
  if (all.size() != size || !all.starts_with(kMagic) || all.substr(kMagic.size(), kDigits) != key) {
    return false;
  }
  const std::string_view summed = all.substr(0, size - kDigits);
  WHET_TRY(const std::string digits, digits_of(summed));
  Moments read = moments;
  Reader reader(summed.substr(kMagic.size() + kDigits));
  read.n_windows = reader.integer();
  bool sound = digits == all.substr(size - kDigits) && read.n_windows >= 0;
  sound = sound && reader.moment(read.residual);
  for (SecondMoment& head : read.heads) sound = sound && reader.moment(head);
  if (!sound) {
    return Error(
        ErrorCode::kInvalidModel,
        fmt::format("{}: expected moments that whet wrote, found a damaged file; remove it "
                    "and they are computed again",
                    path));
  }
  moments = std::move(read);
  return true;
}

}  // namespace whet::adapt
