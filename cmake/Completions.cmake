# SPDX-License-Identifier: Apache-2.0
# Target `completions`: code that completes `stillframe` in shells, as
# BUILD/completions/SHELL. Where each shell looks for it is where it is installed.
set(completions_dir ${CMAKE_BINARY_DIR}/completions)
file(MAKE_DIRECTORY ${completions_dir})
foreach(shell bash zsh fish)
  add_custom_command(
    OUTPUT ${completions_dir}/${shell}
    COMMAND stillframe completion ${shell} > ${completions_dir}/${shell}
    DEPENDS stillframe
    COMMENT "completion in ${shell}"
    VERBATIM)
  list(APPEND completions ${completions_dir}/${shell})
endforeach()
add_custom_target(completions ALL DEPENDS ${completions})

install(FILES ${completions_dir}/bash RENAME stillframe
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${completions_dir}/zsh RENAME _stillframe
        DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${completions_dir}/fish RENAME stillframe.fish
        DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
