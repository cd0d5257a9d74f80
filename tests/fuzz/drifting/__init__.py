# SPDX-License-Identifier: Apache-2.0
"""Random changes of containers, and what must be said of them."""
