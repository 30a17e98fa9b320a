# What `cmake --install` puts in place: the program, and (component "framework" alone) the library
# for controllers in programs of their own, which find it with find_package(Thespis).
include(CMakePackageConfigHelpers)

set(package_dir lib/cmake/Thespis)
set(framework_targets thespis_options thespis_api thespis_outbound thespis_cri_proto thespis_cri
  thespis_runtime thespis_actors)
# Thespis::actors is what one links; the others come with it.
foreach(target ${framework_targets})
  string(REPLACE thespis_ "" exported ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${exported})
endforeach()

install(TARGETS ${framework_targets} EXPORT thespis_framework
  ARCHIVE DESTINATION lib/thespis COMPONENT framework)
install(EXPORT thespis_framework NAMESPACE Thespis:: FILE ThespisTargets.cmake
  DESTINATION ${package_dir} COMPONENT framework)
foreach(folder api runtime actors)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder} DESTINATION include/thespis
    COMPONENT framework FILES_MATCHING PATTERN "*.hpp" PATTERN examples EXCLUDE)
endforeach()
install(DIRECTORY ${PROJECT_BINARY_DIR}/generated/api DESTINATION include/thespis
  COMPONENT framework FILES_MATCHING PATTERN "*.hpp")
# A whole cluster on a virtual clock, for the tests of controllers.
install(FILES ${PROJECT_SOURCE_DIR}/tests/actors/fixture.hpp
  DESTINATION include/thespis/tests/actors COMPONENT framework)

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/ThespisConfig.cmake.in
  ${PROJECT_BINARY_DIR}/ThespisConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/ThespisConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/ThespisConfig.cmake
  ${PROJECT_BINARY_DIR}/ThespisConfigVersion.cmake
  DESTINATION ${package_dir} COMPONENT framework)

install(TARGETS thespis RUNTIME DESTINATION bin COMPONENT program)
