#include "grammar/string_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace whet::grammar {
namespace {

using Formats = std::vector<std::pair<std::string, std::string>>;

// RFC 3339, upper case, without leap seconds. 29 February only in leap years.
std::string date_pattern() {
  return R"((?:\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01]))"
         R"(|(?:0[469]|11)-(?:0[1-9]|[12]\d|30))"
         R"(|02-(?:0[1-9]|1\d|2[0-8])))"
         R"(|(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29))";
}

std::string time_pattern() {
  const std::string minute = "[0-5]\\d", hour = "(?:[01]\\d|2[0-3])";
  return fmt::format("{}:{}:{}(?:\\.\\d{{1,9}})?(?:Z|[+-]{}:{})", hour, minute, minute, hour,
                     minute);
}

// RFC 3339, appendix A.
std::string duration_pattern() {
  const std::string time = R"((?:\d+H(?:\d+M(?:\d+S)?)?|\d+M(?:\d+S)?|\d+S))";
  const std::string date = R"((?:\d+D|\d+M(?:\d+D)?|\d+Y(?:\d+M(?:\d+D)?)?))";
  return fmt::format("P(?:{}(?:T{})?|T{}|\\d+W)", date, time, time);
}

// RFC 4291 without embedded IPv4: eight groups, of which one run may be left out.
std::string ipv6_pattern() {
  const std::string group = "[0-9a-fA-F]{1,4}";
  std::string pattern = fmt::format("(?:(?:{0}:){{7}}{0}|(?:{0}:){{1,7}}:", group);
  for (int after = 1; after <= 6; ++after) {
    pattern += fmt::format("|(?:{0}:){{1,{1}}}(?::{0}){{{2}}}", group, 7 - after, after);
  }
  return pattern + fmt::format("|:(?::{}){{1,7}}|::)", group);
}

const Formats& formats() {
  static const Formats table = [] {
    const std::string label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
    const std::string octet = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
    const std::string atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
    return Formats{
        {"date", date_pattern()},
        {"time", time_pattern()},
        {"date-time", date_pattern() + "T" + time_pattern()},
        {"duration", duration_pattern()},
        {"uuid", "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"},
        {"email", fmt::format("{0}(?:\\.{0})*@{1}(?:\\.{1})+", atom, label)},
        {"hostname", fmt::format("{0}(?:\\.{0})*", label)},
        {"ipv4", fmt::format("{0}\\.{0}\\.{0}\\.{0}", octet)},
        {"ipv6", ipv6_pattern()},
        {"uri",
         "[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\\[\\]@!$&'()*+,;=-]|"
         "%[0-9A-Fa-f]{2})+"},
    };
  }();
  return table;
}

}  // namespace

std::optional<std::string> format_pattern(std::string_view format) {
  for (const auto& [name, pattern] : formats()) {
    if (name == format) return pattern;
  }
  return std::nullopt;
}

const std::vector<std::string>& supported_formats() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> found;
    for (const auto& entry : formats()) found.push_back(entry.first);
    return found;
  }();
  return names;
}

}  // namespace whet::grammar
