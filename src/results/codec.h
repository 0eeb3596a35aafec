// The results document and its events as JSON, schemas whet-results/1 and whet-events/1
// (docs/results-schema.md), both ways from one description.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "results/document.h"

namespace whet::results {

nlohmann::json to_json(const Document& document);
/// Unknown fields are ignored, missing ones are missing. Errors (kInvalidArgument) name the path of
/// the field: "strategies[2].accuracy.value: expected a number, found \"x\"".
Result<Document> document_from_json(const nlohmann::json& json);

nlohmann::json to_json(const Event& event);
/// Errors (kInvalidArgument): a missing field, a wrong type, a number out of range, an unknown
/// word; the message names the path of the field.
Result<Event> event_from_json(const nlohmann::json& json);

/// Shows every text of the document, with the name of its field; `visit` may change it.
void visit_texts(Document& document,
                 const std::function<void(std::string_view key, std::string& text)>& visit);

}  // namespace whet::results
