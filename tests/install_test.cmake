# Installs the build into an empty prefix, and uses it as a stranger would: the program, its manual,
# the library through CMake's package and through pkg-config.
# usage: cmake -DBUILD=... -DSOURCE=... -DWORK=... -DMODEL=... -DCXX=... -DPROJECT=... -P install_test.cmake
file(REMOVE_RECURSE ${WORK})
set(prefix ${WORK}/prefix)

function(expect_output expected)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE status)
  if(NOT status EQUAL 0 OR NOT output MATCHES "${expected}")
    message(FATAL_ERROR "expected status 0 and \"${expected}\" of ${ARGN}, found ${status}:\n${output}")
  endif()
endfunction()

expect_output("Installing" ${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})
expect_output("whet 0" ${prefix}/bin/whet --version)
foreach(file IN ITEMS share/man/man1/whet.1 share/bash-completion/completions/whet)
  file(READ ${prefix}/${file} text)
  if(NOT text MATCHES "temperature")
    message(FATAL_ERROR "expected the flags in ${prefix}/${file}")
  endif()
endforeach()
expect_output("^$" bash -n ${prefix}/share/bash-completion/completions/whet)

expect_output("Build files" ${CMAKE_COMMAND} -S ${SOURCE}/examples -B ${WORK}/ask
  -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_CXX_COMPILER=${CXX})
expect_output("ask" ${CMAKE_COMMAND} --build ${WORK}/ask)
expect_output("prompt tokens" ${WORK}/ask/ask ${MODEL} "What is 12 + 34?")

set(ENV{PKG_CONFIG_PATH} ${prefix}/lib/pkgconfig)
execute_process(COMMAND pkg-config --cflags --libs whet OUTPUT_VARIABLE flags
  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(flags UNIX_COMMAND "${flags}")
expect_output("^$" ${CXX} -std=c++20 ${SOURCE}/examples/ask.cc -o ${WORK}/ask-pc ${flags} -Wl,-rpath,${prefix}/lib)
expect_output("prompt tokens" ${WORK}/ask-pc ${MODEL} "What is 12 + 34?")
