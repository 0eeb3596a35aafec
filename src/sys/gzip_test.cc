#include "sys/gzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace whet {
namespace {

std::string gzipped(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, 0);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(Gzip, HoldsAllMembers) {
  const std::string big(300'000, 'x');
  EXPECT_EQ(gunzip(gzipped(big), 1 << 20).value(), big);
  EXPECT_EQ(gunzip(gzipped("one\n") + gzipped("two\n"), 100).value(), "one\ntwo\n");
  EXPECT_EQ(gunzip(gzipped(""), 0).value(), "");
}

TEST(Gzip, SaysWhatIsWrong) {
  const std::string whole = gzipped("a line that compresses to little, to little, to little");
  EXPECT_NE(gunzip(whole, 10).error().message().find("over 0 MiB"), std::string::npos);
  for (size_t n = 0; n < whole.size(); ++n) {
    const auto cut = gunzip(whole.substr(0, n), 100);
    ASSERT_FALSE(cut.ok()) << n;
    EXPECT_NE(cut.error().message().find("cut stream"), std::string::npos);
  }
  EXPECT_FALSE(gunzip("plain text", 100).ok());
  EXPECT_FALSE(gunzip(whole + "rest", 100).ok());
}

}  // namespace
}  // namespace whet
