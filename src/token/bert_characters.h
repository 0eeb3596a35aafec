// What the BERT normalizer of Hugging Face's tokenizers takes for marks and controls: its tables
// are those of Unicode 8.
#pragma once

namespace whet {

/// Goes where accents are stripped, behind NFD.
bool is_bert_accent(char32_t code_point);
/// Goes where text is cleaned: controls, formats, private use. Tabs and line ends are none.
bool is_bert_control(char32_t code_point);

}  // namespace whet
