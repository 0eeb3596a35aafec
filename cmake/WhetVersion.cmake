# The commit that this build is of, for `whet --version` and every result document.
# A source archive without git says so instead of guessing.
set(WHET_COMMIT "unknown (no git)")
find_program(WHET_GIT git)
if(WHET_GIT AND EXISTS ${PROJECT_SOURCE_DIR}/.git)
  execute_process(COMMAND ${WHET_GIT} -C ${PROJECT_SOURCE_DIR} rev-parse --short=12 HEAD
    OUTPUT_VARIABLE WHET_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
