# SPDX-License-Identifier: Apache-2.0
# Warnings, include root and sanitizers for each of our own targets; system and
# library headers are not ours to mend.
function(stillframe_target target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 sees overlaps in std::string that cannot be (GCC bug 105651).
    target_compile_options(${target} PRIVATE -Wno-restrict)
  endif()
  if(STILLFRAME_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(STILLFRAME_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${STILLFRAME_SANITIZE}
                                             -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${STILLFRAME_SANITIZE})
  endif()
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
endfunction()

# stillframe_library(NAME SOURCES… LIBS…): a static library of ours.
function(stillframe_library target)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_library(${target} STATIC ${ARG_SOURCES})
  stillframe_target(${target})
  target_link_libraries(${target} PUBLIC ${ARG_LIBS})
endfunction()

# stillframe_unit_test(NAME SOURCES… LIBS…): a GoogleTest program; each TEST is
# a ctest case of its own.
function(stillframe_unit_test target)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${target} ${ARG_SOURCES})
  stillframe_target(${target})
  target_link_libraries(${target} PRIVATE ${ARG_LIBS} GTest::gmock GTest::gtest_main)
  target_compile_definitions(${target} PRIVATE
    STILLFRAME_FIXTURES="${CMAKE_SOURCE_DIR}/tests/fixtures")
  gtest_discover_tests(${target} TEST_PREFIX "${target}/"
                       PROPERTIES LABELS unit TIMEOUT 120)
endfunction()
