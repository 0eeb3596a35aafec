#include "load/storage_choice.h"

#include <gtest/gtest.h>

#include <vector>

#include "kernels/interleave.h"

namespace whet {
namespace {

using kernels::Isa;

/// Bytes per type as in a Q4_K_M file, without content.
struct File {
  std::vector<std::byte> bytes{1000};
  ModelFile model;

  void add(DType type, size_t n_bytes, std::vector<uint64_t> shape) {
    model.tensors.push_back({.name = "t",
                             .type = type,
                             .shape = std::move(shape),
                             .bytes = std::span(bytes).first(n_bytes),
                             .file_index = 0,
                             .file_offset = 0});
  }
};

bool says(const StorageChoice& choice, std::string_view what) {
  return choice.reason.find(what) != std::string::npos;
}

TEST(StorageChoice, InterleavesWhereItPaysForMostBytes) {
  File file;
  file.add(DType::Q4_K, 700, {8, 256});
  file.add(DType::Q6_K, 200, {8, 256});
  file.add(DType::F32, 100, {256});
  for (const auto& [isa, rows, storage] : {std::tuple{Isa::kAvx2, 1, WeightStorage::kInterleaved},
                                           {Isa::kAvx2, 8, WeightStorage::kInterleaved},
                                           {Isa::kAvx512Bf16, 1, WeightStorage::kInterleaved},
                                           {Isa::kAvx512Bf16, 4, WeightStorage::kMapped}}) {
    const StorageChoice choice = choose_storage(file.model, isa, rows, 10000, false);
    EXPECT_EQ(choice.storage, storage) << choice.reason;
    EXPECT_TRUE(says(choice, weight_storage_name(storage))) << choice.reason;
    EXPECT_TRUE(says(choice, kernels::isa_name(isa))) << choice.reason;
    EXPECT_EQ(says(choice, "several tokens"), rows > 1) << choice.reason;
  }
  const StorageChoice one = choose_storage(file.model, Isa::kAvx512Bf16, 1, 10000, false);
  EXPECT_TRUE(says(one, "Q4_K (70 % of the bytes)")) << one.reason;
  EXPECT_FALSE(says(one, "Q6_K")) << one.reason;
}

TEST(StorageChoice, KeepsTheFileWhereTooFewBytesGain) {
  File file;
  file.add(DType::Q4_K, 400, {8, 256});
  file.add(DType::Q6_K, 500, {8, 256});
  EXPECT_EQ(choose_storage(file.model, Isa::kAvx512Bf16, 1, 10000, false).storage,
            WeightStorage::kMapped);
  EXPECT_EQ(choose_storage(file.model, Isa::kAvx512Bf16, 1, 10000, true).storage,
            WeightStorage::kCopied);
}

TEST(StorageChoice, AsksWhetherMemoryHoldsTheCopy) {
  File file;
  file.add(DType::Q4_K, 1000, {8, 256});
  EXPECT_EQ(choose_storage(file.model, Isa::kAvx2, 1, 2000, false).storage,
            WeightStorage::kInterleaved);
  const StorageChoice choice = choose_storage(file.model, Isa::kAvx2, 1, 1999, false);
  EXPECT_EQ(choice.storage, WeightStorage::kMapped);
  EXPECT_TRUE(says(choice, "more than half")) << choice.reason;
  EXPECT_EQ(choose_storage(file.model, Isa::kAvx2, 1, std::nullopt, false).storage,
            WeightStorage::kInterleaved);
}

}  // namespace
}  // namespace whet
