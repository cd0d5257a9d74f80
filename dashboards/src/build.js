// SPDX-License-Identifier: Apache-2.0
//
// Writes the dashboards into ../grafana, or into the directory named.

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

import { agentHealth } from "./agent-health.js";
import { container } from "./container.js";
import { fleetImmutability } from "./fleet-immutability.js";

const target =
  process.argv[2] ?? fileURLToPath(new URL("../grafana", import.meta.url));

for (const builder of [fleetImmutability(), container(), agentHealth()]) {
  const dashboard = builder.build();
  // Rows and panels share one numbering, which the SDK leaves to its users.
  dashboard.panels.forEach((panel, index) => {
    panel.id = index + 1;
  });
  writeFileSync(
    join(target, `${dashboard.uid.replace(/^stillframe-/, "")}.json`),
    `${JSON.stringify(dashboard, null, 2)}\n`,
  );
}
