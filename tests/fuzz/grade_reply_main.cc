// libFuzzer's entry point for grade_reply().
#include <cstddef>
#include <cstdint>

#include "targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  whet::fuzz::grade_reply({reinterpret_cast<const char*>(data), size});
  return 0;
}
