#include "sys/unfinished_file.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <utility>

namespace whet {
namespace {

// A signal handler may read nothing but lock-free atomics and memory that does not move.
std::array<std::atomic<const char*>, 64> unfinished;
static_assert(std::atomic<const char*>::is_always_lock_free);

}  // namespace

UnfinishedFile::UnfinishedFile(std::string path) : path_(std::move(path)) {
  for (size_t i = 0; i < unfinished.size(); ++i) {
    const char* free = nullptr;
    if (!unfinished[i].compare_exchange_strong(free, path_.c_str())) continue;
    slot_ = i;
    return;
  }
}

UnfinishedFile::~UnfinishedFile() {
  if (slot_ == kNone) return;
  // Taken by a handler, which still reads the name.
  while (unfinished[slot_].exchange(nullptr) == nullptr) ::pause();
}

void remove_unfinished_files() {
  for (std::atomic<const char*>& name : unfinished) {
    if (const char* path = name.exchange(nullptr)) ::unlink(path);
  }
}

}  // namespace whet
