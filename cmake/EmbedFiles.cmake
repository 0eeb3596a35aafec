# whet_embed_files(OUTPUT FILE HEADER "room/noun.h" FUNCTION NAME FILES path...)
#
# Writes a source file that defines `std::span<const EmbeddedFile> NAME()` (base/embedded_file.h), which HEADER declares:
# the contents are part of the program, so that a copied binary has them wherever it lies.
function(whet_embed_files)
  cmake_parse_arguments(EMBED "" "OUTPUT;HEADER;FUNCTION" "FILES" ${ARGN})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${EMBED_FILES})
  set(entries "")
  foreach(path IN LISTS EMBED_FILES)
    get_filename_component(name ${path} NAME)
    file(READ ${path} hex HEX)
    # Hexadecimal, because neither CMake's lists nor C++'s literals leave every byte as it is.
    string(REGEX REPLACE "(..)" "\\\\x\\1" escaped "${hex}")
    string(APPEND entries "    {\"${name}\", \"${escaped}\"sv},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${EMBED_OUTPUT} @ONLY CONTENT [[
// Written by cmake/EmbedFiles.cmake.
#include "@EMBED_HEADER@"

namespace whet {

using namespace std::string_view_literals;

std::span<const EmbeddedFile> @EMBED_FUNCTION@() {
  static constexpr EmbeddedFile files[] = {
@entries@  };
  return files;
}

}  // namespace whet
]])
endfunction()
