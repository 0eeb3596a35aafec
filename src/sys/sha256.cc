#include "sys/sha256.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>

namespace whet {
namespace {

constexpr size_t kChunkBytes = size_t{8} << 20;  // some 10 ms of hashing between progress calls

struct ContextDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

Result<std::string> sha256_hex(std::span<const std::byte> bytes, const HashProgress& progress) {
  const Error failed(ErrorCode::kInternal, "the crypto library cannot compute SHA-256");
  std::unique_ptr<EVP_MD_CTX, ContextDeleter> context(EVP_MD_CTX_new());
  if (context == nullptr || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) {
    return failed;
  }
  for (size_t done = 0; done < bytes.size();) {
    auto chunk = bytes.subspan(done, std::min(kChunkBytes, bytes.size() - done));
    if (EVP_DigestUpdate(context.get(), chunk.data(), chunk.size()) != 1) return failed;
    done += chunk.size();
    if (progress && !progress(done)) return Error(ErrorCode::kCancelled, "hashing was cancelled");
  }
  std::array<unsigned char, 32> digest;
  unsigned int n_digest = 0;
  if (EVP_DigestFinal_ex(context.get(), digest.data(), &n_digest) != 1 ||
      n_digest != digest.size()) {
    return failed;
  }
  std::string hex;
  for (unsigned char byte : digest) fmt::format_to(std::back_inserter(hex), "{:02x}", byte);
  return hex;
}

}  // namespace whet
