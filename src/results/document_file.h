// A document on disk: DIR/results.json and the events beside it.
#pragma once

#include <string>

#include "base/result.h"
#include "results/document.h"

namespace whet::results {

/// Written whole or not at all. Errors: kIo.
Status save_document(const Document& document, const std::string& path);

/// Reads results.json (or DIR, meaning DIR/results.json) and the events file that it names. Events
/// that are not beside the document, or are not those that it was made from, are no error: the
/// notes say so. Errors: kNotFound, kIo, kInvalidArgument; the message starts with the path.
Result<Document> load_document(const std::string& path);

}  // namespace whet::results
