# SPDX-License-Identifier: Apache-2.0
# static_library(NAME MODULE ARCHIVES…): NAME links the pkg-config MODULE by its
# archives, so that the program runs where that library has another version or is not
# installed; where the distribution ships no archive, by the shared library.
function(static_library name module)
  pkg_check_modules(${name}_module REQUIRED IMPORTED_TARGET ${module})
  add_library(${name} INTERFACE)
  set(archives)
  foreach(archive ${ARGN})
    find_library(${name}_${archive} NAMES ${archive})
    mark_as_advanced(${name}_${archive})
    if(NOT ${name}_${archive})
      target_link_libraries(${name} INTERFACE PkgConfig::${name}_module)
      return()
    endif()
    list(APPEND archives ${${name}_${archive}})
  endforeach()
  target_include_directories(${name} SYSTEM INTERFACE ${${name}_module_INCLUDE_DIRS})
  target_compile_options(${name} INTERFACE ${${name}_module_CFLAGS_OTHER})
  target_link_libraries(${name} INTERFACE ${archives})
endfunction()
