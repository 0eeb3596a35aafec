#include "report/speedup_chart.h"

#include <gtest/gtest.h>

namespace whet::report {
namespace {

TEST(SpeedupChart, DrawsEveryRowAndQuotesNames) {
  const std::vector<SpeedupRow> rows = {{"edit", 2.5, 2.1, 2.9, 2.4},
                                        {"it's \"`date`\"", 1, {}, {}, {}}};
  const std::string script = speedup_script({"Title", "faster", "how"}, rows, PictureFormat::kSvg);
  EXPECT_NE(script.find("2.50"), std::string::npos);
  EXPECT_NE(script.find("'edit'"), std::string::npos);
  EXPECT_EQ(script.find("it's"), std::string::npos);
  const auto picture = render_speedups({"Title", "faster", "how"}, rows);
  if (!picture.ok() && picture.error().code() == ErrorCode::kUnavailable) {
    GTEST_SKIP() << picture.error().message();
  }
  ASSERT_TRUE(picture.ok()) << picture.error().message();
  EXPECT_NE(picture->find("<svg"), std::string::npos);
  EXPECT_NE(picture->find("edit"), std::string::npos);
  EXPECT_TRUE(render_speedups({"T", "v", "s"}, {}).ok());
}

}  // namespace
}  // namespace whet::report
