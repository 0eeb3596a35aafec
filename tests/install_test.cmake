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
foreach(file IN ITEMS share/man/man1/whet.1 share/bash-completion/completions/whet
        share/zsh/vendor-completions/_whet share/fish/vendor_completions.d/whet.fish)
  file(READ ${prefix}/${file} text)
  if(NOT text MATCHES "temperature")
    message(FATAL_ERROR "expected the flags in ${prefix}/${file}")
  endif()
endforeach()
expect_output("^$" bash -n ${prefix}/share/bash-completion/completions/whet)
# What bash offers behind "whet bench serve --rat".
file(WRITE ${WORK}/complete.sh "source ${prefix}/share/bash-completion/completions/whet\n\
COMP_WORDS=(whet bench serve --rat); COMP_CWORD=3; _whet; echo \"\${COMPREPLY[*]}\"\n\
COMP_WORDS=(whet sho); COMP_CWORD=1; _whet; echo \"\${COMPREPLY[*]}\"\n\
COMP_WORDS=(whet adapt vocab ''); COMP_CWORD=3; _whet; echo \"\${COMPREPLY[*]}\"\n\
COMP_WORDS=(whet help adapt ''); COMP_CWORD=3; _whet; echo \"\${COMPREPLY[*]}\"\n")
expect_output("^--rate\nshow\nmine apply\nvocab larosa magnitudes\n$" bash ${WORK}/complete.sh)
find_program(ZSH zsh)
if(ZSH)
  expect_output("^$" ${ZSH} -n ${prefix}/share/zsh/vendor-completions/_whet)
endif()
find_program(FISH fish)
if(FISH)
  file(WRITE ${WORK}/complete.fish
    "source ${prefix}/share/fish/vendor_completions.d/whet.fish\ncomplete -C 'whet adapt '\n")
  expect_output("^larosa\t[^\n]*\nmagnitudes\t[^\n]*\nvocab\t[^\n]*\n$" ${FISH} --no-config ${WORK}/complete.fish)
endif()
find_program(MAN man)
if(MAN)
  expect_output("^$" sh -c "LC_ALL=C.UTF-8 MANWIDTH=100 man --warnings -l ${prefix}/share/man/man1/whet.1 2>&1 >/dev/null")
endif()

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
expect_output("^$" ${CXX} -x c -std=c11 -Wall -Wextra -Wpedantic -Werror ${SOURCE}/examples/ask.c -o ${WORK}/ask-c ${flags}
  -Wl,-rpath,${prefix}/lib)
expect_output("prompt tokens" ${WORK}/ask-c ${MODEL} "What is 12 + 34?")
expect_output("[0-9]" env LD_LIBRARY_PATH=${prefix}/lib python3 ${SOURCE}/examples/ask.py ${MODEL} "What is 12 + 34?")

# The Debian package: unpacked, it is an installation like the one above.
find_program(DPKG_DEB dpkg-deb)
find_program(SHLIBDEPS dpkg-shlibdeps)
if(DPKG_DEB AND SHLIBDEPS)
  get_filename_component(cmake_directory ${CMAKE_COMMAND} DIRECTORY)
  expect_output("generated" ${cmake_directory}/cpack -G DEB --config ${BUILD}/CPackConfig.cmake -B ${WORK}/deb)
  file(GLOB package ${WORK}/deb/whet_*.deb)
  foreach(dependency IN ITEMS libc6 libfmt libcurl4 libssl libpcre2-8)
    expect_output("${dependency}" ${DPKG_DEB} --field ${package} Depends)
  endforeach()
  expect_output("^$" ${DPKG_DEB} -x ${package} ${WORK}/root)
  set(usr ${WORK}/root/usr)
  foreach(file IN ITEMS bin/whet include/whet/whet.h include/whet/c.h lib/libwhet.so lib/pkgconfig/whet.pc
          lib/cmake/whet/whet-config.cmake lib/systemd/user/whet.service share/man/man1/whet.1
          share/doc/whet/copyright share/bash-completion/completions/whet
          share/zsh/vendor-completions/_whet share/fish/vendor_completions.d/whet.fish)
    if(NOT EXISTS ${usr}/${file})
      message(FATAL_ERROR "expected ${file} in ${package}")
    endif()
  endforeach()
  expect_output("whet 0" ${usr}/bin/whet --version)
  expect_output("Build files" ${CMAKE_COMMAND} -S ${SOURCE}/examples -B ${WORK}/ask-deb
    -DCMAKE_PREFIX_PATH=${usr} -DCMAKE_CXX_COMPILER=${CXX})
  expect_output("ask" ${CMAKE_COMMAND} --build ${WORK}/ask-deb)
  expect_output("prompt tokens" ${WORK}/ask-deb/ask ${MODEL} "What is 12 + 34?")
endif()
