# Headers that most files read, parsed once per build: they are most of what compiling a small file costs.
set(precompiled ON)
if(CMAKE_CXX_COMPILER_LAUNCHER)
  set(precompiled OFF)  # ccache takes every file that reads one as changed whenever it is built anew
endif()
option(WHET_PRECOMPILED_HEADERS "Parse common headers once (off by default with a compiler launcher)" ${precompiled})

set(WHET_COMMON_HEADERS <algorithm> <cstdint> <functional> <map> <memory> <optional> <span> <string> <string_view> <vector>
  <fmt/format.h> <nlohmann/json.hpp>)

# whet_use_common_headers(TARGET OWNER [extra headers]): TARGET reads the precompiled headers of OWNER, which is made from an
# empty file of the same kind of target when first asked for.
function(whet_use_common_headers target owner)
  if(NOT WHET_PRECOMPILED_HEADERS)
    return()
  endif()
  if(NOT TARGET ${owner})
    set(source ${PROJECT_BINARY_DIR}/${owner}.cc)
    get_target_property(type ${target} TYPE)
    if(type STREQUAL EXECUTABLE)
      file(CONFIGURE OUTPUT ${source} CONTENT "int main() {}\n")
      add_executable(${owner} ${source})
    else()
      file(CONFIGURE OUTPUT ${source} CONTENT "")
      add_library(${owner} OBJECT ${source})
    endif()
    get_target_property(options ${target} COMPILE_OPTIONS)  # a precompiled header is only good for the same ones
    target_compile_options(${owner} PRIVATE ${options})
    get_target_property(link_options ${target} LINK_OPTIONS)  # those of sanitizers
    if(link_options)
      target_link_options(${owner} PRIVATE ${link_options})
    endif()
    target_link_libraries(${owner} PRIVATE fmt::fmt nlohmann_json::nlohmann_json)
    target_precompile_headers(${owner} PRIVATE ${WHET_COMMON_HEADERS} ${ARGN})
    if("<gtest/gtest.h>" IN_LIST ARGN)
      target_link_libraries(${owner} PRIVATE GTest::gtest)
    endif()
  endif()
  target_precompile_headers(${target} REUSE_FROM ${owner})
endfunction()
