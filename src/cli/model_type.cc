#include "cli/model_type.h"

#include <algorithm>
#include <map>

#include "load/quantised_weights.h"

namespace whet {
namespace {

/// llama.cpp's LLAMA_FTYPE and how its tools spell it. Types that whet cannot read are here too:
/// `whet show` shows them.
struct FileType {
  uint64_t number;
  const char* name;
};
constexpr FileType kFileTypes[] = {
    {0, "F32"},
    {1, "F16"},
    {2, "Q4_0"},
    {3, "Q4_1"},
    {7, "Q8_0"},
    {8, "Q5_0"},
    {9, "Q5_1"},
    {10, "Q2_K"},
    {11, "Q3_K - Small"},
    {12, "Q3_K - Medium"},
    {13, "Q3_K - Large"},
    {14, "Q4_K - Small"},
    {15, "Q4_K - Medium"},
    {16, "Q5_K - Small"},
    {17, "Q5_K - Medium"},
    {18, "Q6_K"},
    {25, "IQ4_NL"},
    {30, "IQ4_XS"},
    {32, "BF16"},
    {38, "MXFP4 MoE"},
};

}  // namespace

std::string container_name(const ModelFile& file) {
  if (file.container == ModelFile::Container::kGguf) return "GGUF";
  const auto method = quantisation_method(file);
  const auto format = file.get_string_or("format", "");
  const bool by_mlx = (method.ok() && *method == "mlx") || (format.ok() && *format == "mlx");
  return by_mlx ? "MLX" : "SafeTensors";
}

std::string weight_type_name(const ModelFile& file) {
  if (auto number = file.get_uint("general.file_type"); number.ok()) {
    for (const FileType& type : kFileTypes) {
      if (type.number == *number) return type.name;
    }
  }
  std::map<std::string_view, uint64_t> bytes;
  for (const TensorEntry& t : file.tensors) bytes[dtype_info(t.type).name] += t.bytes.size();
  const auto most = std::max_element(bytes.begin(), bytes.end(),
                                     [](auto& a, auto& b) { return a.second < b.second; });
  return most != bytes.end() ? std::string(most->first) : "none";
}

}  // namespace whet
