#include "sys/sha256.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace whet {
namespace {

std::string hash_of(std::string_view text) {
  return sha256_hex(std::as_bytes(std::span(text.data(), text.size()))).value();
}

// Vectors of FIPS 180-2, appendix B.
TEST(Sha256, MatchesThePublishedVectors) {
  EXPECT_EQ(hash_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hash_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, ChunksGiveTheSameHashAndReportProgress) {
  std::string million_a(1'000'000 * 20, 'a');
  std::vector<uint64_t> seen;
  auto hash = sha256_hex(std::as_bytes(std::span(million_a)), [&](uint64_t done) {
    seen.push_back(done);
    return true;
  });
  EXPECT_EQ(hash.value(), hash_of(million_a));
  EXPECT_GT(seen.size(), 1u);
  EXPECT_EQ(seen.back(), million_a.size());
  EXPECT_EQ(hash_of(million_a.substr(0, 1'000'000)),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, ProgressCanCancel) {
  auto hash = sha256_hex(std::as_bytes(std::span("abc", 3)), [](uint64_t) { return false; });
  ASSERT_FALSE(hash.ok());
  EXPECT_EQ(hash.error().code(), ErrorCode::kCancelled);
}

}  // namespace
}  // namespace whet
