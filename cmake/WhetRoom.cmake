# Files of a room compiled together: a clean build takes half the time, a changed file costs more. Names in unnamed
# namespaces are then unique within a room.
set(joined OFF)
if(CMAKE_BUILD_TYPE STREQUAL Release)
  set(joined ON)
endif()
option(WHET_JOINED "Compile several files of a room at once" ${joined})

# whet_room(NAME [USES room...] [LINKS target...])
#
# One room of the house: the library whet_NAME from src/NAME/*.cc and src/NAME/*/*.cc, and whet_NAME_tests from
# src/NAME/*_test.cc. A room includes its own and the named rooms' headers as "room/noun.h".
function(whet_room name)
  cmake_parse_arguments(ROOM "" "" "USES;LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc ${CMAKE_CURRENT_SOURCE_DIR}/*/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_(test|bench|main)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")

  set(visibility PUBLIC)
  if(sources)
    add_library(whet_${name} STATIC ${sources})
    whet_compile_options(whet_${name})
    if(NOT name STREQUAL kernels)  # its files have flags of their own
      whet_use_common_headers(whet_${name} whet_common_headers)
      if(WHET_JOINED)
        set_target_properties(whet_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 16)
      endif()
    endif()
  else()
    add_library(whet_${name} INTERFACE)
    set(visibility INTERFACE)
  endif()
  target_include_directories(whet_${name} ${visibility} ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  foreach(used IN LISTS ROOM_USES)
    target_link_libraries(whet_${name} ${visibility} whet_${used})
  endforeach()
  target_link_libraries(whet_${name} ${visibility} ${ROOM_LINKS})

  if(WHET_BUILD_TESTS AND tests)
    add_executable(whet_${name}_tests ${tests})
    whet_compile_options(whet_${name}_tests)
    target_link_libraries(whet_${name}_tests PRIVATE whet_${name} GTest::gtest_main)
    if(NOT name STREQUAL kernels)
      whet_use_common_headers(whet_${name}_tests whet_common_test_headers <gtest/gtest.h>)
    endif()
    target_compile_definitions(whet_${name}_tests PRIVATE
      WHET_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
      WHET_SHARED_DIR="${PROJECT_SOURCE_DIR}/../shared")
    gtest_discover_tests(whet_${name}_tests TEST_PREFIX "${name}." DISCOVERY_TIMEOUT 60
      PROPERTIES TIMEOUT 300 LABELS ${name})
  endif()
endfunction()

function(whet_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
    -Wno-sign-conversion -Werror=return-type -ffp-contract=off)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # False alarms of g++ 12 inside std::string and std::variant (GCC bugs 105651, 105562).
    target_compile_options(${target} PRIVATE -Wno-restrict -Wno-maybe-uninitialized -Wno-stringop-overflow
      -Wno-stringop-overread -Wno-array-bounds)
  endif()
  if(WHET_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${WHET_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${WHET_SANITIZE})
  endif()
endfunction()
