# cpack -G DEB: the program, its manual and completions, the library with its CMake and pkg-config files, a user
# unit for systemd. What the programs link to becomes the package's dependencies.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME whet)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The whet developers <whet@example.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_DESCRIPTION "whet runs GGUF and SafeTensors language models on the CPU, serves them over the APIs of
OpenAI, Ollama and llama-server, applies test-time strategies, and measures what they buy. This
package also has the library libwhet with its header.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# Graders run generated code in bubblewrap and python3; charts are drawn by gnuplot.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "bubblewrap, python3, ca-certificates")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "gnuplot-nox, fonts-dejavu-core")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_LIST_DIR}/package/triggers)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)

install(FILES ${CMAKE_CURRENT_LIST_DIR}/package/whet.service DESTINATION lib/systemd/user)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION share/doc/whet RENAME copyright)
