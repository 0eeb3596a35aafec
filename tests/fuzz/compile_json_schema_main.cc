// libFuzzer's entry point for compile_json_schema().
#include <cstddef>
#include <cstdint>

#include "targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  whet::fuzz::compile_json_schema({reinterpret_cast<const char*>(data), size});
  return 0;
}
