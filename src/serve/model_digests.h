// ModelDigests: SHA-256 of model files, computed once in the background.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace whet::serve {

class ModelDigests {
 public:
  ModelDigests();
  ~ModelDigests();

  /// 64 hex digits, of a model's file; of several files, that of their list as sha256sum prints it
  /// (names without the directory, in order). Empty while it is being computed, which the first
  /// call begins, and where a file cannot be read. Blobs of Ollama and of Hugging Face's cache are
  /// called by their digest, and are not read.
  std::string find(const std::string& path);
  /// The same, when it is known.
  std::string wait(const std::string& path);

 private:
  struct Known {
    std::string stamp;   // of the files when the digest was asked for
    std::string digest;  // empty until `done`
    bool done = false;
  };
  const Known& ask(const std::string& path);  // with the lock held
  void work(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, Known> known_;
  std::deque<std::string> wanted_;
  std::jthread thread_;
};

}  // namespace whet::serve
