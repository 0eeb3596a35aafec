// A hub on this machine that serves one repository, and can fail as networks and servers do.
#pragma once

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

#include "base/rng.h"
#include "http/server_for_test.h"
#include "hub/settings.h"
#include "sys/sha256.h"

namespace whet::hub {

inline std::string sha256_of(const std::string& text) {
  return sha256_hex(std::as_bytes(std::span(text))).value();
}

/// `n` bytes that no compression or luck would repeat.
inline std::string random_bytes(size_t n, uint64_t seed) {
  std::string bytes(n, '\0');
  const CounterRng rng(seed, 0);
  for (size_t i = 0; i < n; ++i) bytes[i] = static_cast<char>(rng.bits(i));
  return bytes;
}

/// A directory of its own, gone with it.
class HubDirectory {
 public:
  HubDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "whet-hub-XXXXXX").string();
    WHET_CHECK(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~HubDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::filesystem::path path;
};

class HubForTest {
 public:
  using Asked = http::ServerForTest::Asked;
  using Answer = http::ServerForTest::Answer;
  /// Of a request for bytes begin..end-1 of a file. True: it was answered here.
  using Fault = std::function<bool(size_t begin, size_t end, Answer& answer)>;

  explicit HubForTest(std::map<std::string, std::string> files, Fault fault = {})
      : files_(std::move(files)),
        fault_(std::move(fault)),
        server_([this](const Asked& asked, Answer& answer) { handle(asked, answer); }) {}

  std::string url(const std::string& target = "") const { return server_.url(target); }
  const http::ServerForTest& server() const { return server_; }
  Settings settings(const HubDirectory& directory) const {
    Settings settings;
    settings.hf_cache = directory.path / "hf";
    settings.hf_endpoint = server_.url();
    settings.ollama_store = directory.path / "ollama";
    settings.own_store = directory.path / "own";
    settings.more_hosts = {server_.url()};
    return settings;
  }
  /// Bytes of files that were written to clients.
  size_t n_sent() const { return n_sent_; }

  bool has_ranges = true;
  std::map<std::string, std::string> said_hashes;  // of a file, instead of the right one
  std::map<std::string, int64_t> said_sizes;

 private:
  void handle(const Asked& asked, Answer& answer) {
    const std::string target = asked.target.substr(0, asked.target.find('?'));
    if (target.starts_with("/api/models/")) {
      answer.reply(200, listing());
    } else if (target.find("/manifests/") != target.npos) {
      answer.reply(200, manifest());
    } else {
      const std::string name = target.substr(target.rfind('/') + 1);
      for (const auto& [file, content] : files_) {
        if (file == name || "sha256:" + sha256_of(content) == name) {
          return send(asked, content, answer);
        }
      }
      answer.reply(404, "nothing");
    }
  }

  void send(const Asked& asked, const std::string& content, Answer& answer) {
    const std::string range = asked.header("range");
    size_t begin = 0, end = content.size();
    const bool is_part = has_ranges && range.starts_with("bytes=");
    if (is_part) {
      begin = std::strtoull(range.c_str() + 6, nullptr, 10);
      end = std::strtoull(range.c_str() + range.find('-') + 1, nullptr, 10) + 1;
      end = std::min(end, content.size());
    }
    if (begin >= end && is_part) return void(answer.reply(416, "", "Content-Range: bytes */0\r\n"));
    // One byte is a look at the size, not a part.
    const bool is_look = is_part && end - begin == 1;
    if (!is_look && fault_ && fault_(begin, end, answer)) return;
    const std::string headers =
        is_part ? fmt::format("Content-Range: bytes {}-{}/{}\r\n", begin, end - 1, content.size())
                : "";
    if (!is_look) n_sent_ += end - begin;
    answer.reply(is_part ? 206 : 200, std::string_view(content).substr(begin, end - begin),
                 headers);
  }

  std::string listing() const {
    nlohmann::json siblings = nlohmann::json::array();
    for (const auto& [name, content] : files_) {
      const auto hash = said_hashes.find(name);
      const auto size = said_sizes.find(name);
      const int64_t n =
          size == said_sizes.end() ? static_cast<int64_t>(content.size()) : size->second;
      siblings.push_back(
          {{"rfilename", name},
           {"blobId", "b10b"},
           {"size", n},
           {"lfs",
            {{"sha256", hash == said_hashes.end() ? sha256_of(content) : hash->second},
             {"size", n}}}});
    }
    return nlohmann::json{{"sha", "c0ffee"}, {"siblings", siblings}}.dump();
  }

  std::string manifest() const {
    nlohmann::json layers = nlohmann::json::array();
    for (const auto& [name, content] : files_) {
      layers.push_back({{"mediaType", "application/vnd.ollama.image.model"},
                        {"digest", "sha256:" + sha256_of(content)},
                        {"size", content.size()}});
    }
    return nlohmann::json{{"layers", layers}}.dump();
  }

  const std::map<std::string, std::string> files_;
  const Fault fault_;
  std::atomic<size_t> n_sent_{0};
  http::ServerForTest server_;
};

}  // namespace whet::hub
