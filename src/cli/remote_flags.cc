#include "cli/remote_flags.h"

#include <cstdlib>

#include "cli/interrupt.h"
#include "cli/terminal.h"

namespace whet {

std::string endpoint_key(const std::string& address) {
  if (const char* key = std::getenv("WHET_ENDPOINT_KEY"); key != nullptr) return key;
  // Another host must never see this one.
  const char* key = std::getenv("OPENAI_API_KEY");
  return key != nullptr && address.starts_with("https://api.openai.com/") ? key : "";
}

void RemoteFlags::add_to(Command& command) {
  command.begin_group("Other engines (a MODEL that is an address)");
  command
      .add("--endpoint", &endpoints,
           "a further address with the same model, to share the work; may be repeated")
      .value_name("ADDRESS");
  command
      .add("--endpoint-parallel", &most_per_endpoint,
           "completions that one endpoint is given at once")
      .between(1, 4096);
}

Result<std::unique_ptr<remote::RemoteGenerator>> RemoteFlags::open(
    const std::string& address) const {
  remote::RemoteOptions options;
  options.addresses = {address};
  options.addresses.insert(options.addresses.end(), endpoints.begin(), endpoints.end());
  options.most_per_endpoint = most_per_endpoint;
  options.key_of = endpoint_key;
  WHET_TRY(auto opened, remote::RemoteGenerator::open(options, &interrupt_flag()));
  for (const std::string& note : opened->notes()) print_note(note);
  return opened;
}

}  // namespace whet
