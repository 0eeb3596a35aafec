// For tests only: an error of a bad file must have the right code and say what a user needs.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string_view>

#include "base/result.h"

namespace whet {

template <typename T>
void expect_refused(const Result<T>& result, std::initializer_list<std::string_view> fragments,
                    ErrorCode code = ErrorCode::kInvalidModel) {
  ASSERT_FALSE(result.ok()) << "accepted";
  EXPECT_EQ(result.error().code(), code) << result.error().message();
  for (std::string_view fragment : fragments) {
    EXPECT_NE(result.error().message().find(fragment), std::string::npos)
        << "no \"" << fragment << "\" in: " << result.error().message();
  }
}

}  // namespace whet
