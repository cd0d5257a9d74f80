# SPDX-License-Identifier: Apache-2.0
"""Policies that an alert is about."""

EXPIRED = """version: 1
rules:
  - name: data-directory
    match: {namespace: x}
    allow: [{class: content, path: /data/**}]
    reason: no volume yet
    expires: 2020-01-31
"""
