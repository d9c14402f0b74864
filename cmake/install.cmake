# What `cmake --install` puts where: libcrib and libcrib-child with their headers, `crib`, copies of
# crib-stub, of crib-init and crib-compiler for hosts that forbid executing memfds, the shipped policies to read, pages and examples.
include(CMakePackageConfigHelpers)

set(CRIB_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/crib)
set(CRIB_PKGCONFIG_DIR ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set_target_properties(crib PROPERTIES EXPORT_NAME crib)
set_target_properties(crib_child PROPERTIES EXPORT_NAME child)
set_target_properties(crib_child_shared PROPERTIES EXPORT_NAME child_shared)
install(TARGETS crib crib_child crib_child_shared EXPORT crib
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS crib_cli cribd RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS crib_init crib_compiler_program RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/crib)

install(DIRECTORY executor/include/crib DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")
# The library has them inside; these are for reading and for copying from.
install(DIRECTORY policies DESTINATION ${CMAKE_INSTALL_DATADIR}/crib
        FILES_MATCHING PATTERN "*.yaml")
# For systemd, and the site file to begin with: a package puts them where they belong.
install(DIRECTORY packaging DESTINATION ${CMAKE_INSTALL_DATADIR}/crib)
# What clients of cribd in other languages are made from.
install(DIRECTORY proto DESTINATION ${CMAKE_INSTALL_DATADIR}/crib FILES_MATCHING PATTERN "*.proto")
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR}
        FILES_MATCHING PATTERN "*.c" PATTERN "*.proto" PATTERN "*.md")

# pkg-config. Paths are relative to the file, so that the tree can be moved.
file(RELATIVE_PATH CRIB_UP ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" CRIB_UP "${CRIB_UP}")
foreach(name crib crib-child)
  configure_file(cmake/${name}.pc.in ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc DESTINATION ${CRIB_PKGCONFIG_DIR})
endforeach()

# CMake package: find_package(crib) gives crib::crib, crib::child and crib::child_shared.
install(EXPORT crib NAMESPACE crib:: FILE crib-targets.cmake DESTINATION ${CRIB_CMAKE_DIR})
configure_package_config_file(cmake/crib-config.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/crib-config.cmake INSTALL_DESTINATION ${CRIB_CMAKE_DIR})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/crib-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/crib-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/crib-config-version.cmake
        DESTINATION ${CRIB_CMAKE_DIR})
