# One function a component, so that the link graph is the folder table of the README.

# A static library of every .cpp directly in the caller's folder and in the named
# sub-folders. PCH is "api" (standard library, RapidJSON) or "caf" (these and CAF).
function(thespis_component name)
  cmake_parse_arguments(arg "" "PCH" "DIRS;LINK" ${ARGN})
  set(globs ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  foreach(dir ${arg_DIRS})
    list(APPEND globs ${CMAKE_CURRENT_SOURCE_DIR}/${dir}/*.cpp)
  endforeach()
  file(GLOB sources CONFIGURE_DEPENDS ${globs})
  if(NOT sources)
    set(sources ${PROJECT_SOURCE_DIR}/cmake/pch.cpp)
  endif()
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated> $<INSTALL_INTERFACE:include/thespis>)
  target_link_libraries(${name} PUBLIC thespis_options ${arg_LINK})
  thespis_pch(${name} ${arg_PCH})
endfunction()

# A Boost.Test program of every *_test.cpp in tests/<dir>, run under ctest as <dir>.
# Test suites and cases are named by behaviour.
function(thespis_test dir)
  cmake_parse_arguments(arg "" "PCH;TIMEOUT" "LINK;LABELS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${dir}/*.cpp)
  if(NOT sources)
    return()
  endif()
  string(REPLACE "/" "_" stem ${dir})
  set(name test_${stem})
  add_executable(${name} ${sources} ${PROJECT_SOURCE_DIR}/tests/main.cpp)
  target_link_libraries(${name} PRIVATE ${arg_LINK} Boost::unit_test_framework)
  target_compile_definitions(${name} PRIVATE BOOST_TEST_DYN_LINK)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  thespis_pch(${name} ${arg_PCH})
  add_test(NAME ${dir} COMMAND ${name} --log_level=test_suite --report_level=short)
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  set_tests_properties(${dir} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
endfunction()

# Shares one precompiled header of each flavour over all targets.
function(thespis_pch target flavour)
  if(NOT TARGET thespis_pch_${flavour})
    add_library(thespis_pch_${flavour} OBJECT ${PROJECT_SOURCE_DIR}/cmake/pch.cpp)
    target_link_libraries(thespis_pch_${flavour} PUBLIC thespis_options)
    target_precompile_headers(thespis_pch_${flavour} PRIVATE
      ${PROJECT_SOURCE_DIR}/cmake/pch_${flavour}.hpp)
  endif()
  target_precompile_headers(${target} REUSE_FROM thespis_pch_${flavour})
endfunction()

add_library(thespis_options INTERFACE)
target_compile_options(thespis_options INTERFACE -Wall -Wextra -Werror=switch -Werror=return-type
  -fno-plt)
# RapidJSON must never abort or read past a wrong type: see api/json.hpp.
target_compile_definitions(thespis_options INTERFACE _TURN_OFF_PLATFORM_STRING NOMINMAX
  RAPIDJSON_HAS_STDSTRING=1 BOOST_BIND_GLOBAL_PLACEHOLDERS)
if(THESPIS_SANITIZE)
  # CAF's queues downcast their end marker, which the vptr check rightly refuses and nobody reads.
  target_compile_options(thespis_options INTERFACE -fsanitize=${THESPIS_SANITIZE}
    -fno-sanitize=vptr -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_link_options(thespis_options INTERFACE -fsanitize=${THESPIS_SANITIZE})
endif()
