// libFuzzer's entry point for render_template().
#include <cstddef>
#include <cstdint>

#include "targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  whet::fuzz::render_template({reinterpret_cast<const char*>(data), size});
  return 0;
}
