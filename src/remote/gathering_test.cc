#include "remote/gathering.h"

#include <gtest/gtest.h>

namespace whet::remote {
namespace {

TEST(Gathering, ARequestThatTheListenerEndsMayHaveComeToItsEndMeanwhile) {
  GenerateRequest request;
  request.samples.resize(2);
  const EventSink sink = [](const GenerateEvent& event) {
    return event.finish ? Continue::kEndRequest : Continue::kYes;
  };
  Gathering gathering(request, sink, nullptr);
  for (size_t sample : {0, 1}) {
    Piece piece;
    piece.text = "Answer: 4";
    piece.finish = FinishReason::kStop;
    gathering.add(sample, std::move(piece), 1);
  }
  gathering.end(0, 2, {});
  gathering.take_all(1);
  const auto result = gathering.result();
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(result->completions[0].finish, FinishReason::kStop);
  EXPECT_EQ(result->completions[1].finish, FinishReason::kCancelled);
}

}  // namespace
}  // namespace whet::remote
