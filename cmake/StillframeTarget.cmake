# SPDX-License-Identifier: Apache-2.0

# What makes a fault in the agent harder to use: checked sizes, guarded stacks, tables of
# addresses that are read-only once the program runs. That it lies at another address at each
# start is the compiler's default on Debian. tests/native/test_binary.py looks whether it is
# so. Targets of indirect jumps are not marked (-fcf-protection): libraries of Debian's that
# are linked in have no marks, and the kernel asks for all or none.
set(STILLFRAME_HARDENING -fstack-protector-strong -fstack-clash-protection
    $<$<CONFIG:Release,RelWithDebInfo>:-D_FORTIFY_SOURCE=3>)
# What nobody calls is left out, and addresses to be filled in at the start are said in
# short (ELF's DT_RELR; glibc 2.36).
set(STILLFRAME_LEAN -ffunction-sections -fdata-sections)
set(STILLFRAME_LEAN_LINK LINKER:--gc-sections,-z,pack-relative-relocs)

# Warnings, hardening, include root and sanitizers for each of our own targets; system
# and library headers are not ours to mend.
function(stillframe_target target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 sees overlaps in std::string that cannot be (GCC bug 105651).
    target_compile_options(${target} PRIVATE -Wno-restrict)
    if(STILLFRAME_PCH)
      # And bounds (105329): with precompiled headers it forgets that they are
      # the system's.
      target_compile_options(${target} PRIVATE -Wno-array-bounds
        -Wno-stringop-overflow -Wno-stringop-overread)
    endif()
  elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # libstdc++ 12 uses what it has deprecated itself, in std::stable_sort.
    target_compile_options(${target} PRIVATE -Wno-deprecated-declarations)
  endif()
  if(STILLFRAME_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(NOT STILLFRAME_SANITIZE)
    target_compile_options(${target} PRIVATE ${STILLFRAME_HARDENING} ${STILLFRAME_LEAN})
    target_link_options(${target} PRIVATE LINKER:-z,relro,-z,now,-z,noexecstack
                        ${STILLFRAME_LEAN_LINK})
  else()
    # Else undefined behaviour is only printed, and tests pass.
    target_compile_options(${target} PRIVATE -fsanitize=${STILLFRAME_SANITIZE}
                           -fno-sanitize-recover=all -fno-omit-frame-pointer)
    if(STILLFRAME_SANITIZE MATCHES "address.*undefined")
      # At each use of each pointer, a quarter of the time that compiling takes: a
      # null or an end that is passed the address sanitizer reports, too.
      target_compile_options(${target} PRIVATE -fno-sanitize=null,object-size)
    endif()
    target_link_options(${target} PUBLIC -fsanitize=${STILLFRAME_SANITIZE})
  endif()
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
endfunction()

# stillframe_headers(NAME HEADERS… LIBS… OPTIONS…): most of the time of a build
# goes into reading the same library headers again for each source. NAME reads
# them once, for all targets that are compiled alike and call
# stillframe_precompiled(). Sources include what they use anyway: preset dev and
# clang-tidy read them without.
function(stillframe_headers target)
  if(NOT STILLFRAME_PCH)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "HEADERS;LIBS;OPTIONS" ${ARGN})
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${target}.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "")
  add_library(${target} OBJECT ${source})
  stillframe_target(${target})
  target_compile_options(${target} PRIVATE ${ARG_OPTIONS})
  target_link_libraries(${target} PRIVATE ${ARG_LIBS} fmt::fmt
    nlohmann_json::nlohmann_json tl::expected)
  target_precompile_headers(${target} PRIVATE
    <algorithm> <array> <atomic> <chrono> <condition_variable> <cstdint>
    <deque> <filesystem> <functional> <map> <memory> <mutex> <optional> <set>
    <span> <string> <string_view> <thread> <tuple> <unordered_map>
    <unordered_set> <utility> <variant> <vector>
    <fmt/format.h> <nlohmann/json.hpp> <tl/expected.hpp> ${ARG_HEADERS})
endfunction()

function(stillframe_precompiled target headers)
  if(STILLFRAME_PCH)
    target_precompile_headers(${target} REUSE_FROM ${headers})
  endif()
endfunction()

# What runs once for a container or for somebody who asks is made small, not fast: a
# third less of it. Precompiled headers are of one optimisation only.
set(STILLFRAME_SMALL_OPTIONS $<$<CONFIG:Release,RelWithDebInfo>:-Os>)

# stillframe_library(NAME [SMALL] SOURCES… LIBS…): a static library of ours.
function(stillframe_library target)
  cmake_parse_arguments(ARG "SMALL" "" "SOURCES;LIBS" ${ARGN})
  add_library(${target} STATIC ${ARG_SOURCES})
  stillframe_target(${target})
  if(ARG_SMALL)
    target_compile_options(${target} PRIVATE ${STILLFRAME_SMALL_OPTIONS})
    stillframe_precompiled(${target} stillframe_small_pch)
  else()
    stillframe_precompiled(${target} stillframe_pch)
  endif()
  target_link_libraries(${target} PUBLIC ${ARG_LIBS})
endfunction()

# Each test runs once: optimising it would take longer than running it. Sizes are
# checked in optimised code only.
set(STILLFRAME_TEST_OPTIONS -O0 -U_FORTIFY_SOURCE)

# stillframe_test_program(NAME LABEL): one ctest case, and one report for each TEST
# where GTEST_OUTPUT says. A process for each TEST took ten times as long as the tests.
function(stillframe_test_program target label)
  add_test(NAME ${target} COMMAND ${target})
  set_tests_properties(${target} PROPERTIES LABELS ${label} TIMEOUT 300)
endfunction()

# stillframe_unit_test(NAME SOURCES… LIBS…): a GoogleTest program.
function(stillframe_unit_test target)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${target} ${ARG_SOURCES})
  stillframe_target(${target})
  target_compile_options(${target} PRIVATE ${STILLFRAME_TEST_OPTIONS})
  stillframe_precompiled(${target} unit_test_pch)
  target_link_libraries(${target} PRIVATE ${ARG_LIBS} GTest::gmock GTest::gtest_main)
  target_compile_definitions(${target} PRIVATE
    STILLFRAME_FIXTURES="${CMAKE_SOURCE_DIR}/tests/fixtures")
  add_dependencies(unit_tests ${target})
  stillframe_test_program(${target} unit)
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
