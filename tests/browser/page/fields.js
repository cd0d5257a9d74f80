// SPDX-License-Identifier: Apache-2.0
//
// A panel's frames with its field configuration applied, by Grafana's own code.
// What it leaves to its front end is here: which options there are, and what a
// panel type takes where the dashboard says nothing.

import {
  Registry, applyFieldOverrides, cacheFieldDisplayNames, standardTransformers,
  standardTransformersRegistry, transformDataFrame,
} from "@grafana/data";
import { lastValueFrom } from "rxjs";

const STANDARD = [
  "unit", "min", "max", "decimals", "displayName", "noValue", "color", "thresholds",
  "mappings", "links",
];
const COLOR = {
  timeseries: { mode: "palette-classic" },
  stat: { mode: "thresholds" },
  table: { mode: "thresholds" },
  "state-timeline": { mode: "thresholds" },
};

const USED = [
  standardTransformers.mergeTransformer,
  standardTransformers.filterFieldsByNameTransformer,
  standardTransformers.organizeFieldsTransformer,
  standardTransformers.sortByTransformer,
];

standardTransformersRegistry.setInit(() =>
  USED.map((transformation) => ({
    id: transformation.id, name: transformation.name, transformation,
    editor: () => null, imageDark: "", imageLight: "",
  })));

function registryFor(panel) {
  const custom = new Set(Object.keys(panel.fieldConfig.defaults.custom ?? {}));
  for (const { properties } of panel.fieldConfig.overrides) {
    for (const { id } of properties) {
      if (id.startsWith("custom.")) custom.add(id.slice("custom.".length));
    }
  }
  const item = (id, path, isCustom) => ({
    id, path, isCustom, name: id, settings: {}, shouldApply: () => true,
    process: (value) => value, editor: () => null, override: () => null,
  });
  return new Registry(() => [
    ...STANDARD.map((id) => item(id, id, false)),
    ...[...custom].map((path) => item(`custom.${path}`, path, true)),
  ]);
}

// A threshold without a value is the lowest: null in JSON.
function withLowest(fieldConfig) {
  const copy = structuredClone(fieldConfig);
  for (const step of copy.defaults.thresholds?.steps ?? []) step.value ??= -Infinity;
  return copy;
}

export async function prepared(panel, frames, { theme, timeZone, replaceVariables }) {
  const transformed = panel.transformations?.length
    ? await lastValueFrom(transformDataFrame(panel.transformations, frames))
    : frames;
  const fieldConfig = withLowest(panel.fieldConfig);
  fieldConfig.defaults.color ??= COLOR[panel.type];
  const data = applyFieldOverrides({
    data: transformed, fieldConfig, theme, timeZone, replaceVariables,
    fieldConfigRegistry: registryFor(panel),
  });
  cacheFieldDisplayNames(data);
  return data;
}
