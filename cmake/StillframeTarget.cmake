# SPDX-License-Identifier: Apache-2.0
# Warnings, include root and sanitizers for each of our own targets; system and
# library headers are not ours to mend.
function(stillframe_target target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 sees overlaps in std::string that cannot be (GCC bug 105651).
    target_compile_options(${target} PRIVATE -Wno-restrict)
  elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # libstdc++ 12 uses what it has deprecated itself, in std::stable_sort.
    target_compile_options(${target} PRIVATE -Wno-deprecated-declarations)
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

# stillframe_fuzzer(NAME SOURCES… LIBS…): a libFuzzer program, built by preset
# fuzz only; target `fuzzers` builds them all, each as tests/fuzz/NAME.
function(stillframe_fuzzer target)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(fuzz_${target} ${ARG_SOURCES})
  stillframe_target(fuzz_${target})
  target_link_libraries(fuzz_${target} PRIVATE ${ARG_LIBS})
  # The main() of libFuzzer; the libraries have been instrumented without it.
  target_link_options(fuzz_${target} PRIVATE -fsanitize=fuzzer)
  set_target_properties(fuzz_${target} PROPERTIES OUTPUT_NAME ${target})
  add_dependencies(fuzzers fuzz_${target})
endfunction()
