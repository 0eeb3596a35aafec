#include "sys/sha256_stream.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <iterator>

namespace whet {
namespace {

Error failed() {
  return Error(ErrorCode::kInternal, "the crypto library cannot compute SHA-256");
}

}  // namespace

void Sha256Stream::Deleter::operator()(void* context) const {
  EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context));
}

Result<Sha256Stream> Sha256Stream::create() {
  Sha256Stream stream(EVP_MD_CTX_new());
  auto* context = static_cast<EVP_MD_CTX*>(stream.context_.get());
  if (context == nullptr || EVP_DigestInit_ex(context, EVP_sha256(), nullptr) != 1) return failed();
  return stream;
}

Status Sha256Stream::update(std::span<const std::byte> bytes) {
  auto* context = static_cast<EVP_MD_CTX*>(context_.get());
  if (EVP_DigestUpdate(context, bytes.data(), bytes.size()) != 1) return failed();
  return ok_status();
}

Result<std::string> Sha256Stream::finish() {
  std::array<unsigned char, 32> digest;
  unsigned int n_digest = 0;
  auto* context = static_cast<EVP_MD_CTX*>(context_.get());
  if (EVP_DigestFinal_ex(context, digest.data(), &n_digest) != 1 || n_digest != digest.size()) {
    return failed();
  }
  std::string hex;
  for (unsigned char byte : digest) fmt::format_to(std::back_inserter(hex), "{:02x}", byte);
  return hex;
}

}  // namespace whet
