# SPDX-License-Identifier: Apache-2.0
# The packages stillframe and stillframe-dbgsym, by `cpack` in a build's directory. Libraries
# differ between Debian's releases: a package is for the one that it was built on, which its
# version names.
file(STRINGS /etc/os-release release REGEX "^VERSION_ID=")
string(REGEX REPLACE "[^0-9.]" "" release "${release}")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME stillframe)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_DEBIAN_PACKAGE_RELEASE "1~deb${release}")
set(CPACK_PACKAGE_CONTACT "The Stillframe authors <stillframe@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY
    "which containers are still the image they were started from")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_STRIP_FILES OFF)  # is already, but for the symbols
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/arrange.cmake)

set(CPACK_COMPONENTS_ALL stillframe debug)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)

set(CPACK_DEBIAN_STILLFRAME_PACKAGE_NAME stillframe)
set(CPACK_DEBIAN_STILLFRAME_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_STILLFRAME_PACKAGE_SHLIBDEPS ON)
# deb-systemd-helper; the group is made by systemd-sysusers.
set(CPACK_DEBIAN_STILLFRAME_PACKAGE_DEPENDS "init-system-helpers (>= 1.54~), systemd")
set(CPACK_DEBIAN_STILLFRAME_PACKAGE_CONTROL_EXTRA
    ${CMAKE_CURRENT_LIST_DIR}/conffiles ${CMAKE_CURRENT_LIST_DIR}/postinst
    ${CMAKE_CURRENT_LIST_DIR}/prerm ${CMAKE_CURRENT_LIST_DIR}/postrm)
set(CPACK_DEBIAN_STILLFRAME_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_COMPONENT_STILLFRAME_DESCRIPTION
"A container is a snapshot: it is not updated, it is replaced. Stillframe is
an agent that watches the containers of a machine by eBPF, and shows which
of them were changed since, what changed, who did it, how and when. It
serves metrics for Prometheus, and brings alerts and dashboards.")

set(CPACK_DEBIAN_DEBUG_PACKAGE_NAME stillframe-dbgsym)
set(CPACK_DEBIAN_DEBUG_PACKAGE_SECTION debug)
set(CPACK_DEBIAN_DEBUG_PACKAGE_DEPENDS
    "stillframe (= ${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})")
set(CPACK_COMPONENT_DEBUG_DESCRIPTION
"Debug symbols: what debuggers and profilers want to know of the agent.")

include(CPack)
