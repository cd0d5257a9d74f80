// SPDX-License-Identifier: Apache-2.0

import { BAD, GOOD, WARN } from "./colors.js";
import { mapping, rows } from "./panels.js";

const SEVERITIES = mapping({
  3: { text: "critical", color: BAD },
  2: { text: "warning", color: WARN },
  1: { text: "info", color: GOOD },
});

// Firing alerts, the gravest first. `columns`: {label: column}.
export function alertsTable(spec, columns) {
  return rows({
    unit: "short",
    none: "No alert fires",
    ...spec,
    columns: {
      Value: { title: "Severity", width: 90, mappings: SEVERITIES },
      // The longest name is one word, which cannot wrap.
      alertname: { title: "Alert", width: 340 },
      ...columns,
    },
    sort: { field: "Value", desc: true },
  });
}
