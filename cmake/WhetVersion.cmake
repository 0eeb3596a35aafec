# What this build is, for `whet --version` and every result document: whet_commit writes the header
# commit.h into WHET_COMMIT_DIR at build time (a source archive without git says so instead of
# guessing); WHET_BUILD_TYPE and WHET_BUILD_FLAGS are those of this configuration.
set(WHET_COMMIT_DIR ${PROJECT_BINARY_DIR}/commit)
add_custom_target(whet_commit
  COMMAND ${CMAKE_COMMAND} -DSOURCE_DIR=${PROJECT_SOURCE_DIR} -DOUTPUT=${WHET_COMMIT_DIR}/commit.h
    -P ${PROJECT_SOURCE_DIR}/cmake/WriteCommit.cmake
  BYPRODUCTS ${WHET_COMMIT_DIR}/commit.h
  COMMENT "Asking git for the commit" VERBATIM)

set(WHET_BUILD_TYPE "${CMAKE_BUILD_TYPE}")
if(WHET_BUILD_TYPE STREQUAL "")
  set(WHET_BUILD_TYPE "none")
endif()
string(TOUPPER "${CMAKE_BUILD_TYPE}" type)
string(STRIP "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${type}}" WHET_BUILD_FLAGS)
if(WHET_SANITIZE)
  string(APPEND WHET_BUILD_FLAGS " -fsanitize=${WHET_SANITIZE}")
endif()
