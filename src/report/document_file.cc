// load_document: results.json and the events file beside it.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "report/document.h"
#include "report/text.h"

namespace whet::report {
namespace {

namespace fs = std::filesystem;

Result<std::string> read_file(const fs::path& path) {
  std::error_code code;
  if (!fs::exists(path, code)) return Error(ErrorCode::kNotFound, "no such file");
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  if (!file || !(content << file.rdbuf())) return Error(ErrorCode::kIo, "cannot be read");
  return std::move(content).str();
}

/// Adds the first events of each strategy; what went wrong becomes a note.
void read_events(const fs::path& path, const LoadOptions& options, Document& doc) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    doc.notes.push_back("The raw events are not beside this document, so no traces are shown.");
    return;
  }
  std::map<std::string, int> n_kept;
  int64_t n_bad = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) continue;
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (json.is_discarded()) {
      ++n_bad;
      continue;
    }
    auto event = parse_event(json);
    if (!event.ok()) {
      ++n_bad;
    } else if (event->has_value()) {
      int& kept = n_kept[event.value()->strategy];
      if (options.max_events_per_strategy < 0 || kept < options.max_events_per_strategy) {
        doc.events.push_back(std::move(*event.value()));
        ++kept;
      }
    }
  }
  if (n_bad > 0)
    doc.notes.push_back(fmt::format("{} lines of the events file could not be read.", n_bad));
}

}  // namespace

Result<Document> load_document(const std::string& path, const LoadOptions& options) {
  fs::path file = path;
  std::error_code code;
  if (fs::is_directory(file, code)) file /= "results.json";
  const std::string shown = one_line(file.string());
  auto content = read_file(file);
  if (!content.ok()) return content.error().with_context(shown);
  const auto json = nlohmann::json::parse(*content, nullptr, false);
  if (json.is_discarded())
    return Error(ErrorCode::kInvalidArgument, "not a JSON document").with_context(shown);
  auto document = parse_document(json);
  if (!document.ok()) return document.error().with_context(shown);
  // Only a plain name beside results.json: a document from elsewhere must not make us open others.
  const fs::path name = document->events_file;
  if (!name.empty() && name == name.filename())
    read_events(file.parent_path() / name, options, *document);
  return document;
}

}  // namespace whet::report
