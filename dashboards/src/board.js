// SPDX-License-Identifier: Apache-2.0
//
// What all dashboards have in common.

import dashboard from "@grafana/grafana-foundation-sdk/dashboard";

import { row } from "./panels.js";
import { chosenByLabels, linksToOthers } from "./variables.js";

// `spec`: {name, description, first, sections, variables, annotations}. `first`:
// the panels on top; `sections`: {title: panels}, a row each. `variables` come
// behind those that all have.
export function board(spec) {
  const built = new dashboard.DashboardBuilder(`Stillframe / ${spec.name}`)
    .uid(`stillframe-${spec.name.toLowerCase().replaceAll(" ", "-")}`)
    .description(spec.description)
    .tags(["stillframe"])
    .readonly()
    .timezone("browser")
    .refresh("30s")
    .time({ from: "now-6h", to: "now" })
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .links(linksToOthers())
    .variables([...chosenByLabels(), ...(spec.variables ?? [])]);
  if (spec.annotations) built.annotations(spec.annotations);
  for (const panel of spec.first) built.withPanel(panel);
  for (const [title, panels] of Object.entries(spec.sections)) {
    built.withRow(row(title));
    for (const panel of panels) built.withPanel(panel);
  }
  return built;
}
