#include "formats/gguf_reader.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <set>

#include "base/invalid_model.h"
#include "formats/gguf_part.h"
#include "formats/untrusted_text.h"

namespace whet {
namespace {

struct OpenedPart {
  std::string path;
  std::shared_ptr<const FileBytes> file;
  GgufPart content;
};

Result<OpenedPart> parse_part(const std::string& path, std::shared_ptr<const FileBytes> file) {
  WHET_TRY(GgufPart content, parse_gguf(file->bytes()).with_context(path));
  return OpenedPart{path, std::move(file), std::move(content)};
}

// The integer at a split.* key, or nothing where the key is absent.
Result<std::optional<uint64_t>> split_value(const OpenedPart& part, std::string_view key) {
  auto found = part.content.metadata.find(key);
  if (found == part.content.metadata.end()) return std::optional<uint64_t>();
  const auto& value = found->second.value;
  if (auto* u = std::get_if<uint64_t>(&value)) return std::optional<uint64_t>(*u);
  if (auto* i = std::get_if<int64_t>(&value); i != nullptr && *i >= 0) {
    return std::optional<uint64_t>(static_cast<uint64_t>(*i));
  }
  return invalid_model("{}: key \"{}\": expected a non-negative integer", part.path, key);
}

// "<prefix>-NNNNN-of-MMMMM.gguf" taken apart; part numbers count from 1.
struct SplitName {
  std::string prefix;
  uint64_t number;
  uint64_t count;

  std::string path_of(uint64_t part_number) const {
    return fmt::format("{}-{:05}-of-{:05}.gguf", prefix, part_number, count);
  }
};

std::optional<SplitName> parse_split_name(const std::string& path) {
  constexpr std::string_view kShape = "-00001-of-00001.gguf";
  if (path.size() <= kShape.size()) return std::nullopt;
  std::string_view tail = std::string_view(path).substr(path.size() - kShape.size());
  if (tail[0] != '-' || tail.substr(6, 4) != "-of-" || tail.substr(15) != ".gguf") {
    return std::nullopt;
  }
  auto number_at = [&](size_t begin) -> std::optional<uint64_t> {
    uint64_t value = 0;
    const char* first = tail.data() + begin;
    auto [end, error] = std::from_chars(first, first + 5, value);
    if (error != std::errc() || end != first + 5) return std::nullopt;
    return value;
  };
  auto number = number_at(1);
  auto count = number_at(10);
  if (!number || !count || *number < 1 || *number > *count) return std::nullopt;
  return SplitName{path.substr(0, path.size() - kShape.size()), *number, *count};
}

// A part must say that it is the one its name promises.
Status check_part(const OpenedPart& part, uint64_t number, uint64_t count) {
  WHET_TRY(auto said_number, split_value(part, "split.no"));
  WHET_TRY(auto said_count, split_value(part, "split.count"));
  if (said_number != number - 1 || said_count != count) {
    auto show = [](std::optional<uint64_t> v) { return v ? fmt::format("{}", *v) : "nothing"; };
    return invalid_model("{}: expected split.no {} and split.count {}, found {} and {}", part.path,
                         number - 1, count, show(said_number), show(said_count));
  }
  return ok_status();
}

Result<std::vector<OpenedPart>> open_parts(OpenedPart first) {
  WHET_TRY(auto said_count, split_value(first, "split.count"));
  std::vector<OpenedPart> parts;
  if (said_count.value_or(1) <= 1) {
    parts.push_back(std::move(first));
    return parts;
  }
  auto name = parse_split_name(first.path);
  if (!name || name->count != *said_count) {
    return invalid_model(
        "{}: a part of a model in {} files; expected a name that ends in "
        "-NNNNN-of-{:05}.gguf, so that the other parts can be found",
        first.path, *said_count, *said_count);
  }
  for (uint64_t number = 1; number <= name->count; ++number) {
    if (number == name->number) {
      parts.push_back(std::move(first));
    } else {
      std::string path = name->path_of(number);
      auto file = FileBytes::map(path);
      if (!file.ok()) {
        return file.error().with_context(fmt::format("part {} of {}", number, name->count));
      }
      WHET_TRY(OpenedPart part, parse_part(path, *file));
      parts.push_back(std::move(part));
    }
    WHET_TRY_STATUS(check_part(parts.back(), number, name->count));
  }
  return parts;
}

Status add_tensors(const OpenedPart& part, std::set<std::string_view>& names, ModelFile& model) {
  for (const GgufTensorInfo& info : part.content.tensors) {
    if (!names.insert(info.name).second) {
      return invalid_model("{}: tensor {} is also in an earlier part", part.path,
                           quote_untrusted(info.name));
    }
    model.tensors.push_back({.name = info.name,
                             .type = info.type,
                             .shape = info.shape,
                             .bytes = part.file->bytes().subspan(info.file_offset, info.n_bytes),
                             .file_index = model.files.size(),
                             .file_offset = info.file_offset});
  }
  model.files.push_back(part.file);
  model.file_paths.push_back(part.path);
  return ok_status();
}

}  // namespace

Result<ModelFile> read_gguf(const std::string& path, std::shared_ptr<const FileBytes> first) {
  WHET_TRY(OpenedPart opened, parse_part(path, std::move(first)));
  WHET_TRY(std::vector<OpenedPart> parts, open_parts(std::move(opened)));

  ModelFile model{};
  model.container = ModelFile::Container::kGguf;
  model.path = path;
  model.gguf_version = parts[0].content.version;
  model.gguf_alignment = parts[0].content.alignment;
  std::set<std::string_view> names;
  for (const OpenedPart& part : parts) WHET_TRY_STATUS(add_tensors(part, names, model));

  WHET_TRY(auto n_tensors, split_value(parts[0], "split.tensors.count"));
  if (n_tensors && *n_tensors != model.tensors.size()) {
    return invalid_model("{}: split.tensors.count says {} tensors, the {} parts hold {}", path,
                         *n_tensors, parts.size(), model.tensors.size());
  }
  model.metadata = std::move(parts[0].content.metadata);
  return model;
}

}  // namespace whet
