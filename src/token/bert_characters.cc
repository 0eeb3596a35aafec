#include "token/bert_characters.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>

namespace whet {

namespace {

struct LaterRange {
  char32_t first, last;
};

// Non-spacing marks and format characters that came after Unicode 8, with what lies between of
// other categories.
constexpr LaterRange kLater[] = {
    {0x7FD, 0x7FD},     {0x890, 0x8E2},     {0x9FE, 0x9FE},     {0xAFA, 0xAFF},
    {0xB55, 0xB55},     {0xC04, 0xC3C},     {0xD00, 0xD00},     {0xD3B, 0xD3C},
    {0xD81, 0xD81},     {0xEBA, 0xEBA},     {0xECE, 0xECE},     {0x180F, 0x180F},
    {0x1885, 0x1886},   {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFB},   {0xA82C, 0xA82C},
    {0xA8C5, 0xA8C5},   {0xA8FF, 0xA8FF},   {0xA9BD, 0xA9BD},   {0x10D24, 0x10D27},
    {0x10D69, 0x10D6D}, {0x10EAB, 0x10EAC}, {0x10EFC, 0x10EFF}, {0x10F46, 0x10F85},
    {0x11070, 0x11074}, {0x110C2, 0x110CD}, {0x111C9, 0x111C9}, {0x111CF, 0x111CF},
    {0x1123E, 0x11241}, {0x1133B, 0x1133B}, {0x113BB, 0x113E2}, {0x11438, 0x1145E},
    {0x1182F, 0x1183A}, {0x1193B, 0x11943}, {0x119D4, 0x11A99}, {0x11C30, 0x11C3F},
    {0x11C92, 0x11CB6}, {0x11D31, 0x11D47}, {0x11D90, 0x11D97}, {0x11EF3, 0x11F5A},
    {0x13430, 0x13455}, {0x1611E, 0x1612F}, {0x16F4F, 0x16F4F}, {0x16FE4, 0x16FE4},
    {0x1CF00, 0x1CF46}, {0x1E000, 0x1E02A}, {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136},
    {0x1E2AE, 0x1E2EF}, {0x1E4EC, 0x1E4EF}, {0x1E5EE, 0x1E5EF}, {0x1E944, 0x1E94A},
};

bool came_later(char32_t c) {
  const auto* range = std::ranges::upper_bound(kLater, c, {}, &LaterRange::first);
  return range != std::begin(kLater) && c <= (--range)->last;
}

utf8proc_category_t category_of(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

}  // namespace

bool is_bert_accent(char32_t code_point) {
  constexpr char32_t kOnceAMark = 0x1734;
  const bool is_mark = category_of(code_point) == UTF8PROC_CATEGORY_MN || code_point == kOnceAMark;
  return is_mark && !came_later(code_point);
}

bool is_bert_control(char32_t code_point) {
  if (code_point == '\t' || code_point == '\n' || code_point == '\r') return false;
  const utf8proc_category_t category = category_of(code_point);
  return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CO ||
         (category == UTF8PROC_CATEGORY_CF && !came_later(code_point));
}

}  // namespace whet
