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

TEST(SpeedupChart, NamesThatDifferInTheirMiddleAreToldApart) {
  const std::string head(20, 'h'), tail(40, 't');
  const std::string script = speedup_script(
      {"T", "v", "s"}, {{head + "=2" + tail, 2, {}, {}, {}}, {head + "=4" + tail, 4, {}, {}, {}}},
      PictureFormat::kSvg);
  EXPECT_NE(script.find("2ttt"), std::string::npos) << script;
  EXPECT_NE(script.find("4ttt"), std::string::npos) << script;
}

}  // namespace
}  // namespace whet::report
