// Choosing an instruction set, and what the translation units of the kernels may export.
#include "kernels/isa.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>

#include "kernels/kernels.h"

namespace whet::kernels {
namespace {

TEST(Isa, EmptyNameMeansTheBestLevel) {
  EXPECT_EQ(isa_from_name("").value(), best_isa());
  EXPECT_TRUE(isa_supported(best_isa()));
  EXPECT_NE(kernel_table(best_isa()), nullptr);
}

TEST(Isa, ScalarRunsEverywhere) {
  EXPECT_EQ(isa_from_name("scalar").value(), Isa::kScalar);
  EXPECT_EQ(kernel_table(Isa::kScalar)->isa, Isa::kScalar);
}

TEST(Isa, UnknownNameIsAnErrorThatListsTheChoices) {
  const auto result = isa_from_name("sse9");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_NE(result.error().message().find("scalar"), std::string::npos);
}

TEST(Isa, LevelThatThisMachineLacksIsAnError) {
  for (Isa isa : kAllIsas) {
    const auto result = isa_from_name(isa_name(isa));
    EXPECT_EQ(result.ok(), isa_supported(isa));
    EXPECT_EQ(kernel_table(isa) != nullptr, isa_supported(isa));
    if (!result.ok()) {
      EXPECT_EQ(result.error().code(), ErrorCode::kUnavailable);
    }
  }
}

#ifdef WHET_KERNEL_OBJECTS
/// A weak symbol of a kernel unit could be chosen for a CPU that lacks its instructions.
TEST(KernelObjects, ExportTheirTableAndNothingElse) {
  std::FILE* nm = popen(WHET_NM " --defined-only --extern-only " WHET_KERNEL_OBJECTS " 2>&1", "r");
  ASSERT_NE(nm, nullptr);
  std::array<char, 4096> line;
  int tables = 0;
  while (std::fgets(line.data(), line.size(), nm) != nullptr) {
    const std::string text = line.data();
    if (text.size() < 20 || text.find(".o:") != std::string::npos) continue;
    if (text.find("Table") != std::string::npos || text.find("_table") != std::string::npos) {
      ++tables;
    } else {
      ADD_FAILURE() << "a kernel unit exports " << text;
    }
  }
  EXPECT_EQ(pclose(nm), 0);
  EXPECT_GE(tables, 1);
}
#endif

}  // namespace
}  // namespace whet::kernels
