# SPDX-License-Identifier: Apache-2.0
# What only Debian has, or has in other places, or compressed (policy 12.1, 12.3, 12.5,
# 12.7): by gzip without a time, so that two builds are alike. Runs before the packages
# are made.
set(share ${CPACK_TEMPORARY_DIRECTORY}/stillframe/usr/share)
file(MAKE_DIRECTORY ${share}/zsh/vendor-completions)
file(RENAME ${share}/zsh/site-functions/_stillframe
     ${share}/zsh/vendor-completions/_stillframe)
file(REMOVE_RECURSE ${share}/zsh/site-functions)
file(RENAME ${share}/doc/stillframe/CHANGELOG.md ${share}/doc/stillframe/changelog)
configure_file(${CMAKE_CURRENT_LIST_DIR}/changelog.in
               ${share}/doc/stillframe/changelog.Debian @ONLY)
file(COPY ${CMAKE_CURRENT_LIST_DIR}/copyright DESTINATION ${share}/doc/stillframe)
file(MAKE_DIRECTORY ${share}/lintian/overrides)
file(COPY_FILE ${CMAKE_CURRENT_LIST_DIR}/lintian-overrides
     ${share}/lintian/overrides/stillframe)
file(GLOB_RECURSE pages ${share}/man/*.1 ${share}/man/*.5)
execute_process(
  COMMAND gzip -9nf ${pages} ${share}/doc/stillframe/changelog
          ${share}/doc/stillframe/changelog.Debian
  COMMAND_ERROR_IS_FATAL ANY)

# Debug symbols are of the same version, and share what is said of it.
set(documents ${CPACK_TEMPORARY_DIRECTORY}/debug/usr/share)
file(MAKE_DIRECTORY ${documents}/doc)
file(CREATE_LINK stillframe ${documents}/doc/stillframe-dbgsym SYMBOLIC)
file(MAKE_DIRECTORY ${documents}/lintian/overrides)
file(COPY_FILE ${CMAKE_CURRENT_LIST_DIR}/lintian-overrides-dbgsym
     ${documents}/lintian/overrides/stillframe-dbgsym)
