#include "results/document_file.h"

#include <filesystem>
#include <span>

#include "results/codec.h"
#include "results/event_log.h"
#include "sys/file_bytes.h"
#include "sys/json_text.h"
#include "sys/pending_file.h"
#include "sys/sha256.h"

namespace whet::results {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxDocumentBytes = uint64_t{1} << 30;

/// The events of the document, and what is to be said about them.
Status add_events(const fs::path& path, Document& document) {
  auto content = read_record(path.string());
  if (!content.ok() && content.error().code() == ErrorCode::kNotFound) {
    document.notes.push_back(
        "The raw events are not beside this document, so no traces are shown.");
    return ok_status();
  }
  if (!content.ok()) return content.error();
  WHET_TRY(EventRecord record, parse_events(*content, path.string()));
  document.events = std::move(record.events);
  if (document.events_file.sha256.empty()) return ok_status();
  WHET_TRY(const std::string digest, sha256_hex(std::as_bytes(std::span(*content))));
  if (digest != document.events_file.sha256) {
    document.notes.push_back(
        "The events file has changed since this document was made from it: its traces may not be "
        "those that the numbers count.");
  }
  return ok_status();
}

Result<Document> parse(const std::string& content) {
  const auto json = nlohmann::json::parse(content, nullptr, false);
  if (json.is_discarded()) return Error(ErrorCode::kInvalidArgument, "not a JSON document");
  return document_from_json(json);
}

}  // namespace

Status save_document(const Document& document, const std::string& path) {
  return write_file_atomically(path, json_text(to_json(document), 1) + "\n");
}

Result<Document> load_document(const std::string& path) {
  fs::path file = path;
  std::error_code code;
  if (fs::is_directory(file, code)) file /= "results.json";
  if (!fs::exists(file, code)) {
    return Error(ErrorCode::kNotFound,
                 "no such file; expected the results.json of whet eval or its directory")
        .with_context(file.string());
  }
  WHET_TRY(const std::string content, read_file(file.string(), kMaxDocumentBytes));
  WHET_TRY(Document document, parse(content).with_context(file.string()));
  // Only a plain name beside results.json: a document from elsewhere must not make us open others.
  const fs::path name = document.events_file.file;
  if (!name.empty() && name == name.filename()) {
    WHET_TRY_STATUS(add_events(file.parent_path() / name, document));
  }
  return document;
}

}  // namespace whet::results
