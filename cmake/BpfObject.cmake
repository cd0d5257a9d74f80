# SPDX-License-Identifier: Apache-2.0
# bpf_object(NAME): compiles the CO-RE object NAME.bpf.c of the current directory for
# this machine's architecture, packs it by zstd, to a fifth, and puts it into the object
# library bpf_NAME, from bpf_NAME_begin to bpf_NAME_end.
# bpf_skeleton(NAME): compiles it, too, and makes its skeleton header. Links as bpf_NAME,
# which gives #include "NAME.skel.h".
enable_language(ASM)
find_program(BPF_CLANG NAMES clang-19 REQUIRED)
find_program(BPFTOOL bpftool PATHS /usr/sbin /sbin REQUIRED)
find_program(ZSTD zstd REQUIRED)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  set(BPF_TARGET_ARCH x86)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(BPF_TARGET_ARCH arm64)
else()
  message(FATAL_ERROR "no BPF target for ${CMAKE_SYSTEM_PROCESSOR}")
endif()

# -mcpu=v3: 32-bit jumps and atomics, understood since Linux 5.12 and by 5.10 except
# for fetching atomics, which we do not use.
set(BPF_FLAGS -O2 -g -mcpu=v3 -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter)

# All of them, for whoever reads sources without building them.
add_custom_target(bpf_skeletons)

# bpf_compiled(NAME): NAME/NAME.bpf.o in the current binary directory.
function(bpf_compiled name)
  set(dir ${CMAKE_CURRENT_BINARY_DIR}/${name})
  set(source ${name}.bpf.c)
  set(compiled ${dir}/${name}.debug.o)
  set(object ${dir}/${name}.bpf.o)
  file(MAKE_DIRECTORY ${dir})
  add_custom_command(
    OUTPUT ${compiled}
    COMMAND ${BPF_CLANG} -target bpf -D__TARGET_ARCH_${BPF_TARGET_ARCH}
            ${BPF_FLAGS}
            -I${CMAKE_SOURCE_DIR} -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
            -fdebug-prefix-map=${CMAKE_SOURCE_DIR}=.
            -MD -MF ${compiled}.d -MT ${compiled}
            -c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${compiled}
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${source}
    DEPFILE ${compiled}.d
    COMMENT "BPF ${name}"
    VERBATIM)
  # The linker drops what only a debugger reads, most of the size.
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${BPFTOOL} gen object ${object} ${compiled}
    DEPENDS ${compiled}
    VERBATIM)
  bpf_foreign_object(${name})
endfunction()

function(bpf_object name)
  bpf_compiled(${name})
  set(dir ${CMAKE_CURRENT_BINARY_DIR}/${name})
  set(packed ${dir}/${name}.bpf.o.zst)
  set(assembly ${dir}/${name}.S)
  add_custom_command(
    OUTPUT ${packed}
    COMMAND ${ZSTD} -q -f -19 ${dir}/${name}.bpf.o -o ${packed}
    DEPENDS ${dir}/${name}.bpf.o
    VERBATIM)
  # The last section: of objects without it the linker makes the stack executable.
  file(CONFIGURE OUTPUT ${assembly} @ONLY CONTENT [[
  .section .rodata
  .global bpf_@name@_begin, bpf_@name@_end
bpf_@name@_begin:
  .incbin "@packed@"
bpf_@name@_end:
  .section .note.GNU-stack, "", %progbits
]])
  set_source_files_properties(${assembly} PROPERTIES OBJECT_DEPENDS ${packed})
  add_library(bpf_${name} OBJECT ${assembly})
endfunction()

function(bpf_skeleton name)
  bpf_compiled(${name})
  set(dir ${CMAKE_CURRENT_BINARY_DIR}/${name})
  set(skeleton ${dir}/${name}.skel.h)
  add_custom_command(
    OUTPUT ${skeleton}
    COMMAND ${BPFTOOL} gen skeleton ${dir}/${name}.bpf.o name ${name} > ${skeleton}
    DEPENDS ${dir}/${name}.bpf.o
    VERBATIM)
  add_custom_target(bpf_${name}_skeleton DEPENDS ${skeleton})
  add_dependencies(bpf_skeletons bpf_${name}_skeleton)
  add_library(bpf_${name} INTERFACE)
  add_dependencies(bpf_${name} bpf_${name}_skeleton)
  target_include_directories(bpf_${name} SYSTEM INTERFACE ${dir})
endfunction()

# The same source for an architecture that this machine is not: that it compiles, with
# that architecture's system call numbers, is all that is known here. Target
# bpf_foreign, by name only; needs Debian's linux-libc-dev-arm64-cross.
add_custom_target(bpf_foreign)

function(bpf_foreign_object name)
  if(BPF_TARGET_ARCH STREQUAL "arm64")
    return()
  endif()
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}/arm64.o)
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${BPF_CLANG} -target bpf -D__TARGET_ARCH_arm64 ${BPF_FLAGS}
            -I${CMAKE_SOURCE_DIR} -isystem /usr/aarch64-linux-gnu/include
            -MD -MF ${object}.d -MT ${object}
            -c ${CMAKE_CURRENT_SOURCE_DIR}/${name}.bpf.c -o ${object}
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}.bpf.c
    DEPFILE ${object}.d
    COMMENT "BPF ${name} for arm64"
    VERBATIM)
  add_custom_target(bpf_${name}_foreign DEPENDS ${object})
  add_dependencies(bpf_foreign bpf_${name}_foreign)
endfunction()
