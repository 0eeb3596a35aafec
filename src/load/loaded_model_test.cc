#include "load/loaded_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

namespace whet {
namespace {

namespace fs = std::filesystem;

TEST(LoadedModel, WithoutMapItNoLongerNeedsTheFile) {
  const fs::path file = fs::path(testing::TempDir()) / "copied_model.gguf";
  fs::copy_file(WHET_SOURCE_DIR "/models/whetstone-draft-q8_0.gguf", file,
                fs::copy_options::overwrite_existing);
  auto loaded = load_model(file.string(), /*map=*/false);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  EXPECT_FALSE(loaded->mapped);
  const std::span<const std::byte> weights = loaded->file.tensors.back().bytes;
  const std::vector<std::byte> before(weights.begin(), weights.end());
  // The pages of a mapping would show these bytes.
  const std::string other(fs::file_size(file), 'x');
  std::fstream(file, std::ios::binary | std::ios::in | std::ios::out) << other;
  EXPECT_TRUE(std::ranges::equal(weights, before));
  fs::remove(file);
}

}  // namespace
}  // namespace whet
