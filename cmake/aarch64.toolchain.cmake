# Cross-compiles for 64-bit ARM with Debian's g++-aarch64-linux-gnu and runs the tests under
# qemu-user. Libraries: Debian's arm64 packages, installed as a foreign architecture, or extracted
# below a directory of CMAKE_FIND_ROOT_PATH.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)

# Trial compilations read this file again and share the environment.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES CMAKE_FIND_ROOT_PATH)
set(pkg_config_dirs "")
foreach(root IN LISTS CMAKE_FIND_ROOT_PATH ITEMS "")
  list(APPEND pkg_config_dirs ${root}/usr/lib/aarch64-linux-gnu/pkgconfig)
  if(root)
    list(APPEND CMAKE_CXX_STANDARD_INCLUDE_DIRECTORIES ${root}/usr/include/aarch64-linux-gnu)
  endif()
endforeach()
list(JOIN pkg_config_dirs ":" pkg_config_dirs)
set(ENV{PKG_CONFIG_LIBDIR} ${pkg_config_dirs})
