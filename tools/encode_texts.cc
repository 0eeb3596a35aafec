// Encodes texts with the tokenizer of a file or directory, for tools/fuzz_tokenizers.py:
//
//   whet_encode_texts tokenizer.json|tokenizer.model|vocabulary.gguf < TEXTS > IDS
//
// TEXTS: one JSON string a line. IDS: one JSON array of token ids a line, without those around a
// text, or null where encoding fails. Behind the last line: the seconds of CPU time that encoding
// took.
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "formats/model_file.h"
#include "token/tokenizer_factory.h"

namespace {

whet::Result<std::shared_ptr<const whet::Tokenizer>> open(const std::filesystem::path& path) {
  if (path.extension() == ".gguf") {
    WHET_TRY(const whet::ModelFile file, whet::open_model_file(path.string()));
    return whet::make_tokenizer(file);
  }
  std::ifstream in(path, std::ios::binary);
  whet::ModelFile file;
  file.container = whet::ModelFile::Container::kSafeTensors;
  file.side_files[path.filename().string()] = std::string(std::istreambuf_iterator<char>(in), {});
  return whet::make_tokenizer(file);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: whet_encode_texts TOKENIZER < TEXTS\n";
    return 2;
  }
  const auto tokenizer = open(argv[1]);
  if (!tokenizer.ok()) {
    std::cerr << argv[1] << ": " << tokenizer.error().message() << "\n";
    return 1;
  }
  std::clock_t spent = 0;
  for (std::string line; std::getline(std::cin, line);) {
    const auto text = nlohmann::json::parse(line).get<std::string>();
    const std::clock_t start = std::clock();
    const auto ids = (*tokenizer)->encode(text, {.add_special = false, .parse_special = true});
    spent += std::clock() - start;
    std::cout << (ids.ok() ? nlohmann::json(*ids) : nlohmann::json()).dump() << "\n";
  }
  std::cout << static_cast<double>(spent) / CLOCKS_PER_SEC << "\n";
}
