#include "hub/settings.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "http/url.h"
#include "sys/file_bytes.h"

namespace whet::hub {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxTokenBytes = 4096;
constexpr int kMostRedirects = 5;

/// Empty where it is not set.
std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string first_set(std::initializer_list<std::string> values) {
  for (const std::string& value : values) {
    if (!value.empty()) return value;
  }
  return "";
}

/// As huggingface_hub reads its flags.
bool is_on(const std::string& value) {
  return value == "1" || value == "true" || value == "TRUE" || value == "True" || value == "ON" ||
         value == "on" || value == "YES" || value == "yes";
}

std::string trimmed(std::string text) {
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  text.erase(0, text.find_first_not_of(" \t\r\n"));
  return text;
}

Result<std::string> read_token(const std::string& hf_home) {
  const std::string token = variable("HF_TOKEN");
  if (!token.empty()) return trimmed(token);
  const std::string path = first_set({variable("HF_TOKEN_PATH"), hf_home + "/token"});
  if (!fs::exists(path)) return std::string();
  WHET_TRY(std::string text, read_file(path, kMaxTokenBytes));
  return trimmed(std::move(text));
}

}  // namespace

Result<Settings> Settings::of_environment() {
  const std::string home = variable("HOME");
  const std::string cache = first_set({variable("XDG_CACHE_HOME"), home + "/.cache"});
  const std::string hf_home = first_set({variable("HF_HOME"), cache + "/huggingface"});
  Settings settings;
  settings.hf_cache = first_set({variable("HF_HUB_CACHE"), hf_home + "/hub"});
  settings.hf_endpoint = first_set({variable("HF_ENDPOINT"), "https://huggingface.co"});
  while (settings.hf_endpoint.ends_with('/')) settings.hf_endpoint.pop_back();
  if (const auto url = http::parse_url(settings.hf_endpoint); !url.ok()) {
    return url.error().with_context("HF_ENDPOINT");
  }
  WHET_TRY(settings.hf_token, read_token(hf_home));
  settings.ollama_store = first_set({variable("OLLAMA_MODELS"), home + "/.ollama/models"});
  const std::string whet_home = variable("WHET_HOME");
  settings.own_store = whet_home.empty() ? cache + "/whet/models" : whet_home + "/models";
  settings.offline = is_on(variable("HF_HUB_OFFLINE")) || is_on(variable("WHET_OFFLINE"));
  const std::string hosts = variable("WHET_HUB_HOSTS");
  for (size_t begin = 0; begin < hosts.size();) {
    const size_t end = std::min(hosts.find(',', begin), hosts.size());
    if (end > begin) settings.more_hosts.push_back(trimmed(hosts.substr(begin, end - begin)));
    begin = end + 1;
  }
  for (const std::string& host : settings.more_hosts) {
    if (host.find("://") == host.npos) continue;
    if (const auto url = http::parse_url(host); !url.ok()) {
      return url.error().with_context("WHET_HUB_HOSTS");
    }
  }
  return settings;
}

http::RedirectPolicy Settings::redirects() const {
  http::RedirectPolicy policy{.most = kMostRedirects,
                              .hosts = {"huggingface.co", "*.huggingface.co", "*.hf.co",
                                        "registry.ollama.ai", "*.r2.cloudflarestorage.com"}};
  for (const std::string& host : more_hosts) {
    const auto url = http::parse_url(host);
    if (url.ok()) {
      policy.origins.push_back(url->origin());
    } else {
      policy.hosts.push_back(host);
    }
  }
  return policy;
}

}  // namespace whet::hub
