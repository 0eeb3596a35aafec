#include "formats/safetensors_events.h"

#include <fmt/format.h>

#include "formats/safetensors_header.h"
#include "formats/untrusted_text.h"

namespace whet {
namespace {

constexpr std::string_view kMetadataKey = "__metadata__";

}  // namespace

bool SafeTensorsEvents::fail(std::string message) {
  if (error_.empty()) error_ = std::move(message);
  return false;
}

std::string SafeTensorsEvents::where() const {
  switch (place_) {
    case Place::kStart:
    case Place::kEnd:
      return "header";
    case Place::kTop:
      return key_.empty() ? "header" : fmt::format("tensor {}", quote_untrusted(key_));
    case Place::kMetadata:
      return fmt::format("__metadata__ key {}", quote_untrusted(field_));
    case Place::kTensor:
    case Place::kNumbers:
      return fmt::format("tensor {}: field {}", quote_untrusted(key_), quote_untrusted(field_));
  }
  WHET_UNREACHABLE();
}

bool SafeTensorsEvents::unexpected(std::string_view found) {
  constexpr std::string_view kExpected[] = {"an object",
                                            "an object",
                                            "a string",
                                            "dtype, shape and data_offsets",
                                            "an unsigned integer of 64 bits",
                                            "nothing more"};
  return fail(fmt::format("{}: expected {}, found {}", where(),
                          kExpected[static_cast<size_t>(place_)], found));
}

bool SafeTensorsEvents::start_object(size_t) {
  if (place_ == Place::kStart) {
    place_ = Place::kTop;
    return true;
  }
  if (place_ != Place::kTop) return unexpected("an object");
  field_.clear();
  if (key_ == kMetadataKey) {
    place_ = Place::kMetadata;
  } else {
    place_ = Place::kTensor;
    entries_.push_back({.name = key_, .dtype = {}, .shape = {}, .data_offsets = {}});
  }
  return true;
}

bool SafeTensorsEvents::key(string_t& name) {
  if (place_ != Place::kTop) {
    field_ = name;
    return true;  // a repeated field is refused where its value arrives
  }
  key_ = name;
  if (name.empty()) return fail("header: a tensor has an empty name");
  if (!names_.insert(name).second) return fail(fmt::format("{} is listed twice", where()));
  return true;
}

bool SafeTensorsEvents::end_object() {
  if (place_ == Place::kTop) {
    place_ = Place::kEnd;
    return true;
  }
  if (place_ == Place::kTensor) {
    const Entry& entry = entries_.back();
    if (!entry.dtype || !entry.shape || !entry.data_offsets) {
      return fail(fmt::format("tensor {}: expected dtype, shape and data_offsets, one is missing",
                              quote_untrusted(key_)));
    }
  }
  place_ = Place::kTop;
  return true;
}

bool SafeTensorsEvents::string(string_t& value) {
  if (place_ == Place::kMetadata) {
    if (!metadata_.emplace(field_, std::move(value)).second) {
      return fail(fmt::format("{} occurs twice", where()));
    }
    return true;
  }
  if (place_ != Place::kTensor || field_ != "dtype") return unexpected("a string");
  if (entries_.back().dtype) return fail(fmt::format("{} occurs twice", where()));
  entries_.back().dtype = std::move(value);
  return true;
}

bool SafeTensorsEvents::start_array(size_t) {
  bool is_shape = field_ == "shape";
  if (place_ != Place::kTensor || (!is_shape && field_ != "data_offsets")) {
    return unexpected("an array");
  }
  auto& target = is_shape ? entries_.back().shape : entries_.back().data_offsets;
  if (target) return fail(fmt::format("{} occurs twice", where()));
  numbers_ = &target.emplace();
  place_ = Place::kNumbers;
  return true;
}

bool SafeTensorsEvents::number_unsigned(number_unsigned_t value) {
  if (place_ != Place::kNumbers) return unexpected("a number");
  if (numbers_->size() == kSafeTensorsMaxDims) {
    return fail(fmt::format("{}: more than {} numbers", where(), kSafeTensorsMaxDims));
  }
  numbers_->push_back(value);
  return true;
}

bool SafeTensorsEvents::end_array() {
  place_ = Place::kTensor;
  return true;
}

bool SafeTensorsEvents::parse_error(size_t position, const std::string&,
                                    const nlohmann::detail::exception&) {
  return fail(fmt::format("the header is not valid JSON at its byte {}", position));
}

}  // namespace whet
