// What a server's clients may ask it to fetch. Nothing here asks a network: it is offline.
#include "cli/served_store.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace whet {
namespace {

class ServedStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("WHET_OFFLINE", "1", 1);
    auto made = make_served_store();
    ASSERT_TRUE(made.ok()) << made.error().message();
    store_ = std::move(made).value();
  }
  void TearDown() override { ::unsetenv("WHET_OFFLINE"); }

  ErrorCode refusal(const std::string& name) {
    const auto pulled = store_->pull(
        name, [](const serve::PullProgress&) {}, CancelFlag());
    EXPECT_FALSE(pulled.ok()) << name;
    return pulled.ok() ? ErrorCode::kInternal : pulled.error().code();
  }

  std::unique_ptr<serve::ModelStore> store_;
};

TEST_F(ServedStoreTest, ClientsCannotMakeTheServerAskOtherHosts) {
  for (const char* name : {"http://10.0.0.1/m.gguf", "https://example.org/m.gguf",
                           "10.0.0.1:80/library/m", "registry.example.org/library/m:1b",
                           "ollama:10.0.0.1:80/library/m", "../../etc/passwd", ""}) {
    EXPECT_EQ(refusal(name), ErrorCode::kInvalidArgument) << name;
  }
}

TEST_F(ServedStoreTest, HubsAreAsked) {
  for (const char* name : {"llama3.2:1b", "someone/model", "hf.co/user/repo:Q4_K_M",
                           "huggingface.co/user/repo", "hf:user/repo"}) {
    EXPECT_EQ(refusal(name), ErrorCode::kUnavailable) << name;  // offline
  }
}

}  // namespace
}  // namespace whet
