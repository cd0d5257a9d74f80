# SPDX-License-Identifier: Apache-2.0
# manual_pages(PAGE…): each docs/man/NAME.SECTION.scd, which is prose, becomes the manual
# page BUILD/man/NAME.SECTION, with what the program's grammar says of commands and
# options. Target `man` is part of a build.
find_program(SCDOC scdoc REQUIRED)

function(manual_pages)
  set(pages "")
  set(dir ${CMAKE_BINARY_DIR}/man)
  file(MAKE_DIRECTORY ${dir})
  foreach(page ${ARGN})
    string(REGEX REPLACE "^(.*)\\.([0-9])$" "\\1(\\2)" name ${page})
    set(prose ${CMAKE_SOURCE_DIR}/docs/man/${page}.scd)
    add_custom_command(
      OUTPUT ${dir}/${page}
      COMMAND manual_tool "${name}" ${prose} > ${dir}/${page}.scd
      COMMAND ${SCDOC} < ${dir}/${page}.scd > ${dir}/${page}
      DEPENDS manual_tool ${prose}
      COMMENT "manual page ${name}"
      VERBATIM)
    list(APPEND pages ${dir}/${page})
    string(REGEX MATCH "[0-9]$" section ${page})
    install(FILES ${dir}/${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endforeach()
  add_custom_target(man ALL DEPENDS ${pages})
endfunction()
