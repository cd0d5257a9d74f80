# SPDX-License-Identifier: Apache-2.0
"""Policies and web configurations, good and not."""

GOOD_POLICY = "version: 1\n"
BAD_POLICY = """version: 1
rules:
  - name: typing-error
    mach: {namespace: x}
"""
EXPIRED_POLICY = """version: 1
rules:
  - name: data-directory
    match: {namespace: x}
    allow: [{class: content, path: /data/**}]
    reason: no volume yet
    expires: 2020-01-31
"""

GOOD_WEB = """http_server_config:
  headers:
    X-Content-Type-Options: nosniff
"""
BAD_WEB = """http_server_config:
  headers:
    Server: none
"""
