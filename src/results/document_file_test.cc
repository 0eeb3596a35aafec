#include "results/document_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "results/codec.h"
#include "results/event_log.h"
#include "sys/file_bytes.h"
#include "sys/json_text.h"
#include "sys/sha256.h"

namespace whet::results {
namespace {

class DocumentFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "document.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  void write(const std::string& name, const std::string& content) {
    std::ofstream(directory_ / name, std::ios::binary) << content;
  }
  /// A document whose events lie in `file`.
  void write_document(const std::string& file, const std::string& sha256 = "") {
    Document document;
    document.title = "t";
    document.events_file = {file, 1, sha256};
    ASSERT_TRUE(save_document(document, (directory_ / "results.json").string()).ok());
  }
  void write_record() {
    auto log = EventLog::create(directory_.string(), {"2026-01-31T12:00:00Z", "f", {}, {"whet"}});
    ASSERT_TRUE(log.ok());
    Event event;
    event.strategy = "s";
    ASSERT_TRUE(log->append(event).ok());
  }
  std::filesystem::path directory_;
};

TEST_F(DocumentFiles, EventsComeFromTheFileBesideIt) {
  write_record();
  write_document("events.jsonl");
  const auto document = load_document(directory_.string());
  ASSERT_TRUE(document.ok()) << document.error().message();
  ASSERT_EQ(document->events.size(), 1u);
  EXPECT_EQ(document->events[0].strategy, "s");
  EXPECT_TRUE(document->notes.empty());
}

TEST_F(DocumentFiles, EventsMayBeCompressed) {
  write_record();
  const std::string log = (directory_ / "events.jsonl").string();
  const auto bytes = FileBytes::map(log);
  ASSERT_TRUE(bytes.ok());
  write_document("events.jsonl", sha256_hex((*bytes)->bytes()).value());
  ASSERT_EQ(std::system(("gzip '" + log + "'").c_str()), 0);
  ASSERT_FALSE(std::filesystem::exists(log));
  const auto document = load_document(directory_.string());
  ASSERT_TRUE(document.ok()) << document.error().message();
  ASSERT_EQ(document->events.size(), 1u);
  EXPECT_TRUE(document->notes.empty());  // the digest is of what was compressed
  write("events.jsonl.gz", "not gzip");
  const auto damaged = load_document(directory_.string());
  ASSERT_FALSE(damaged.ok());
  EXPECT_NE(damaged.error().message().find("events.jsonl.gz: "), std::string::npos);
}

TEST_F(DocumentFiles, SaysWhereEventsAreMissingOrOthers) {
  write_document("events.jsonl", "abc");
  auto document = load_document((directory_ / "results.json").string());
  ASSERT_TRUE(document.ok()) << document.error().message();
  EXPECT_NE(document->notes.at(0).find("not beside this document"), std::string::npos);
  write_record();
  document = load_document(directory_.string());
  ASSERT_TRUE(document.ok());
  EXPECT_NE(document->notes.at(0).find("has changed since"), std::string::npos);
}

TEST_F(DocumentFiles, EventsOutsideTheDirectoryAreNotOpened) {
  write_record();
  write_document("../" + directory_.filename().string() + "/events.jsonl");
  const auto document = load_document(directory_.string());
  ASSERT_TRUE(document.ok());
  EXPECT_TRUE(document->events.empty());
}

TEST_F(DocumentFiles, ErrorsNameThePathAndTheField) {
  const auto missing = load_document((directory_ / "no.json").string());
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_NE(missing.error().message().find("no.json: "), std::string::npos);
  write("results.json", "{\"schema\": ");
  EXPECT_NE(load_document(directory_.string()).error().message().find("not a JSON document"),
            std::string::npos);
  write("results.json", R"({"schema": "whet-results/1", "strategies": [{"name": 3}]})");
  EXPECT_NE(load_document(directory_.string())
                .error()
                .message()
                .find("results.json: strategies[0].name: expected a text, found 3"),
            std::string::npos);
  write_document("events.jsonl");
  write("events.jsonl", "{}\n");
  EXPECT_NE(load_document(directory_.string()).error().message().find("events.jsonl:1: "),
            std::string::npos);
}

}  // namespace
}  // namespace whet::results
