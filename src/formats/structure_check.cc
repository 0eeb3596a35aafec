#include "formats/structure_check.h"

#include <fmt/format.h>

#include "formats/model_file.h"
#include "formats/strict_json.h"
#include "formats/tokenizer_check.h"
#include "formats/untrusted_text.h"
#include "formats/weight_scan.h"
#include "sys/file_bytes.h"
#include "sys/sha256.h"

namespace whet {
namespace {

CheckFinding describe(const ModelFile& model) {
  uint64_t n_bytes = 0;
  for (const auto& file : model.files) n_bytes += file->bytes().size();
  std::string container = model.container == ModelFile::Container::kGguf
                              ? fmt::format("GGUF v{}", model.gguf_version)
                              : "SafeTensors";
  return {"structure", true,
          fmt::format(
              "{}, {} keys, {} tensors in {} file(s) of {} bytes: counts, bounds, alignment "
              "and overlap are valid",
              container, model.metadata.size(), model.tensors.size(), model.files.size(), n_bytes)};
}

// Collects texts that are not UTF-8; reports the first and the number.
class TextCheck {
 public:
  void add(std::string_view text, std::string_view where) {
    ++n_texts_;
    auto offset = find_invalid_utf8(text);
    if (offset && n_invalid_++ == 0) {
      first_ = fmt::format("{}: byte {} of {} is not UTF-8", where, *offset, quote_untrusted(text));
    }
  }
  CheckFinding finding() const {
    if (n_invalid_ == 0)
      return {"text encoding", true, fmt::format("{} texts are UTF-8", n_texts_)};
    return {"text encoding", false,
            fmt::format("{}; {} of {} texts are invalid", first_, n_invalid_, n_texts_)};
  }

 private:
  uint64_t n_texts_ = 0, n_invalid_ = 0;
  std::string first_;
};

CheckFinding check_texts(const ModelFile& model) {
  TextCheck check;
  for (const auto& [key, value] : model.metadata) {
    check.add(key, "a key");
    if (auto* text = std::get_if<std::string>(&value.value)) {
      check.add(*text, fmt::format("key {}", quote_untrusted(key)));
    }
    auto* array = std::get_if<MetaArray>(&value.value);
    auto* strings = array != nullptr ? std::get_if<std::vector<std::string>>(array) : nullptr;
    if (strings == nullptr) continue;
    std::string frame = fmt::format("an element of key {}", quote_untrusted(key));
    for (const std::string& text : *strings) check.add(text, frame);
  }
  for (const TensorEntry& tensor : model.tensors) check.add(tensor.name, "a tensor name");
  for (const auto& [name, content] : model.side_files) {
    if (!name.ends_with(".model")) check.add(content, name);  // tokenizer.model is binary
  }
  return check.finding();
}

void check_side_files(const ModelFile& model, CheckFindings& findings) {
  for (const auto& [name, content] : model.side_files) {
    if (!name.ends_with(".json")) continue;
    auto parsed = parse_strict_json(content);
    findings.push_back({"side file", parsed.ok(),
                        parsed.ok() ? fmt::format("{} is JSON", name)
                                    : parsed.error().with_context(name).message()});
  }
}

Error cancelled() {
  return Error(ErrorCode::kCancelled, "the check was cancelled");
}

Result<CheckFinding> check_weights(const ModelFile& model, const StructureCheckOptions& options) {
  uint64_t n_read = 0, n_bad_tensors = 0;
  std::string first;
  for (const TensorEntry& tensor : model.tensors) {
    WeightScan scan = scan_weights(tensor, options.max_blocks_per_tensor);
    n_read += scan.n_blocks_read;
    if (scan.n_bad > 0 && n_bad_tensors++ == 0) {
      first = fmt::format("tensor {}: {} {} is NaN or infinite ({} of {} read)",
                          quote_untrusted(tensor.name),
                          is_float(tensor.type) ? "element" : "the scale of block", *scan.first_bad,
                          scan.n_bad, scan.n_blocks_read);
    }
    if (options.progress && !options.progress(tensor.name, tensor.bytes.size())) return cancelled();
  }
  std::string extent =
      options.max_blocks_per_tensor
          ? fmt::format("sample of at most {} blocks per tensor", *options.max_blocks_per_tensor)
          : "all blocks";
  if (n_bad_tensors > 0) {
    return CheckFinding{"weights", false,
                        fmt::format("{}; {} of {} tensors are bad ({})", first, n_bad_tensors,
                                    model.tensors.size(), extent)};
  }
  return CheckFinding{"weights", true,
                      fmt::format("no NaN or infinity in {} blocks of {} tensors ({})", n_read,
                                  model.tensors.size(), extent)};
}

Status hash_files(const ModelFile& model, const StructureCheckOptions& options,
                  CheckFindings& findings) {
  for (size_t i = 0; i < model.files.size(); ++i) {
    HashProgress progress;
    if (options.progress) {
      progress = [&](uint64_t done) { return options.progress(model.file_paths[i], done); };
    }
    WHET_TRY(std::string hex, sha256_hex(model.files[i]->bytes(), progress));
    findings.push_back({"sha256", true, fmt::format("{}  {}", hex, model.file_paths[i])});
  }
  return ok_status();
}

}  // namespace

Result<CheckFindings> check_structure(const std::string& path,
                                      const StructureCheckOptions& options) {
  auto model = open_model_file(path);
  if (!model.ok()) return CheckFindings{{"structure", false, model.error().message()}};

  CheckFindings findings{describe(*model), check_texts(*model)};
  if (model->container == ModelFile::Container::kGguf) {
    for (CheckFinding& finding : check_tokenizer(*model)) findings.push_back(std::move(finding));
  }
  check_side_files(*model, findings);
  WHET_TRY(CheckFinding weights, check_weights(*model, options));
  findings.push_back(std::move(weights));
  if (options.hash_files) WHET_TRY_STATUS(hash_files(*model, options, findings));
  return findings;
}

}  // namespace whet
