#include "generator/generator.h"

#include "base/check.h"

namespace whet {

std::string_view finish_reason_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kTime:
      return "time";
    case FinishReason::kCancelled:
      return "cancelled";
  }
  WHET_UNREACHABLE();
}

std::string_view pooling_name(Pooling pooling) {
  switch (pooling) {
    case Pooling::kMean:
      return "mean";
    case Pooling::kFirst:
      return "cls";
    case Pooling::kLast:
      return "last";
  }
  WHET_UNREACHABLE();
}

Result<std::vector<Embedding>> Generator::embed(const EmbedRequest&, const CancelFlag*) {
  return Error(ErrorCode::kUnavailable, describe().name +
                                            ": expected an engine that gives "
                                            "embeddings, found one that does not");
}

}  // namespace whet
