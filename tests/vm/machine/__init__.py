# SPDX-License-Identifier: Apache-2.0
"""Boots another kernel in QEMU on the host's own root filesystem."""
