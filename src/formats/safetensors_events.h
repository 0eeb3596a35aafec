// Event handler that turns the JSON text of a SafeTensors header into raw entries. Checks the form
// (which fields, of which kind, none twice); what the numbers mean is checked by the caller.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace whet {

class SafeTensorsEvents : public nlohmann::json_sax<nlohmann::json> {
 public:
  struct Entry {
    std::string name;
    std::optional<std::string> dtype;
    std::optional<std::vector<uint64_t>> shape, data_offsets;
  };

  const std::string& error() const { return error_; }
  std::vector<Entry>& entries() { return entries_; }
  std::map<std::string, std::string, std::less<>>& metadata() { return metadata_; }

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a boolean"); }
  bool number_integer(number_integer_t) override { return unexpected("a negative integer"); }
  bool number_unsigned(number_unsigned_t value) override;
  bool number_float(number_float_t, const string_t&) override { return unexpected("a float"); }
  bool string(string_t& value) override;
  bool binary(binary_t&) override { return unexpected("binary data"); }
  bool start_object(size_t) override;
  bool key(string_t& name) override;
  bool end_object() override;
  bool start_array(size_t) override;
  bool end_array() override;
  bool parse_error(size_t position, const std::string& last_token,
                   const nlohmann::detail::exception& error) override;

 private:
  // Where in the header the next event belongs.
  enum class Place { kStart, kTop, kMetadata, kTensor, kNumbers, kEnd };

  bool fail(std::string message);
  bool unexpected(std::string_view found);
  std::string where() const;

  Place place_ = Place::kStart;
  std::string key_, field_;
  std::vector<uint64_t>* numbers_ = nullptr;  // the array being filled; into entries_.back()
  std::set<std::string> names_;
  std::vector<Entry> entries_;
  std::map<std::string, std::string, std::less<>> metadata_;
  std::string error_;
};

}  // namespace whet
