// libFuzzer's entry point for the record of an experiment: as a whole, and as what follows a
// header that is right.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>
#include <tuple>

#include "results/codec.h"
#include "results/event_log.h"

namespace {

using whet::results::Event;

void read(std::string_view content) {
  const auto record = whet::results::parse_events(content, "events.jsonl");
  if (!record.ok()) return;
  std::set<std::tuple<std::string, std::string, uint64_t>> runs;
  for (const Event& event : record->events) {
    const bool is_new = runs.emplace(event.strategy, event.task, event.seed).second;
    if (event.start_ns < 0 || event.end_ns < event.start_ns || (!event.warmup && !is_new) ||
        !whet::results::event_from_json(to_json(event)).ok()) {
      std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  read(text);
  constexpr std::string_view kHeader =
      R"({"schema":"whet-events/1","created":"x","fingerprint":"f",)"
      R"("fingerprint_parts":{"isa":"scalar"},"command":["whet"]})"
      "\n";
  read(std::string(kHeader).append(text));
  return 0;
}
