#include "load/chat_template_source.h"

#include <gtest/gtest.h>

namespace whet {
namespace {

ModelFile directory() {
  ModelFile file{};
  file.container = ModelFile::Container::kSafeTensors;
  return file;
}

TEST(ChatTemplateSource, EveryHomeCountsAndAnEmptyOneHidesNoOther) {
  ModelFile file = directory();
  EXPECT_EQ(chat_template_source(file).value(), "");
  file.side_files["chat_template.json"] = R"({"chat_template": "processor"})";
  EXPECT_EQ(chat_template_source(file).value(), "processor");
  file.side_files["tokenizer_config.json"] = R"({"bos_token": "<s>"})";
  EXPECT_EQ(chat_template_source(file).value(), "processor");
  file.side_files["tokenizer_config.json"] = R"({"chat_template": null})";
  EXPECT_EQ(chat_template_source(file).value(), "processor");
  file.side_files["tokenizer_config.json"] = R"({"chat_template": "text"})";
  EXPECT_EQ(chat_template_source(file).value(), "text");
  file.side_files["tokenizer_config.json"] =
      R"({"chat_template": [{"name": "rag", "template": "r"},
                            {"name": "default", "template": "listed"}]})";
  EXPECT_EQ(chat_template_source(file).value(), "listed");
  file.side_files["tokenizer_config.json"] =
      R"({"chat_template": {"rag": "r", "default": "named"}})";
  EXPECT_EQ(chat_template_source(file).value(), "named");
  file.side_files["chat_template.jinja"] = "";
  EXPECT_EQ(chat_template_source(file).value(), "named");
  file.side_files["chat_template.jinja"] = "jinja";
  EXPECT_EQ(chat_template_source(file).value(), "jinja");
}

TEST(ChatTemplateSource, RefusesWhatIsNoTemplate) {
  for (const char* wrong : {"5", "true", R"([{"name": "rag", "template": "r"}])",
                            R"([{"name": "default", "template": 5}])", R"({"rag": "r"})", "[7]"}) {
    ModelFile file = directory();
    file.side_files["tokenizer_config.json"] = std::string(R"({"chat_template": )") + wrong + "}";
    const auto source = chat_template_source(file);
    ASSERT_FALSE(source.ok()) << wrong;
    EXPECT_NE(source.error().message().find("chat_template"), std::string::npos);
  }
}

}  // namespace
}  // namespace whet
