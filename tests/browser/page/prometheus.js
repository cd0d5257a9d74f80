// SPDX-License-Identifier: Apache-2.0
//
// Questions to the Prometheus named in the page's address, and answers as
// Grafana's data frames.

import { FieldType, createDataFrame } from "@grafana/data";

const base = new URLSearchParams(location.search).get("prometheus");

export async function ask(path, parameters) {
  const answer = await fetch(
    `${base}/api/v1/${path}?${new URLSearchParams(parameters)}`);
  const body = await answer.json();
  if (body.status !== "success") throw new Error(`${body.error}: ${parameters.query}`);
  return body.data.result ?? body.data;
}

export function values(label, selector, range) {
  return ask(`label/${label}/values`, {
    ...(selector ? { "match[]": selector } : {}),
    start: range.from.unix(),
    end: range.to.unix(),
  });
}

function legend(format, labels) {
  if (format) return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, key) => labels[key] ?? "");
  const { __name__ = "", ...rest } = labels;
  const text = Object.entries(rest).map(([key, value]) => `${key}="${value}"`).join(", ");
  return `${__name__}{${text}}`;
}

// One frame per series.
export async function series(target, query, range, step) {
  const found = await ask("query_range", {
    query,
    // Whole steps, as Grafana asks: a plot does not change by when it is drawn.
    start: Math.floor(range.from.unix() / step) * step,
    end: Math.floor(range.to.unix() / step) * step,
    step,
  });
  return found.map(({ metric, values: samples }) => createDataFrame({
    refId: target.refId,
    fields: [
      { name: "Time", type: FieldType.time, values: samples.map(([t]) => t * 1000),
        config: { interval: step * 1000 } },
      { name: "Value", type: FieldType.number, labels: metric,
        values: samples.map(([, value]) => Number(value)),
        config: { displayNameFromDS: legend(target.legendFormat, metric) } },
    ],
  }));
}

export async function instant(target, query, range) {
  const found = await ask("query", { query, time: range.to.unix() });
  return found.map(({ metric, value: [time, value] }) => createDataFrame({
    refId: target.refId,
    fields: [
      { name: "Time", type: FieldType.time, values: [time * 1000], config: {} },
      { name: "Value", type: FieldType.number, labels: metric, values: [Number(value)],
        config: { displayNameFromDS: legend(target.legendFormat, metric) } },
    ],
  }));
}

// One frame with a row per series and a column per label.
export async function table(target, query, range, alone) {
  const found = await ask("query", { query, time: range.to.unix() });
  const labels = [...new Set(found.flatMap(({ metric }) => Object.keys(metric)))].sort();
  if (!found.length) return [];
  return [createDataFrame({
    refId: target.refId,
    fields: [
      { name: "Time", type: FieldType.time, values: found.map((s) => s.value[0] * 1000),
        config: {} },
      ...labels.map((label) => ({
        name: label, type: FieldType.string, config: { filterable: true },
        values: found.map(({ metric }) => metric[label] ?? null),
      })),
      { name: alone ? "Value" : `Value #${target.refId}`, type: FieldType.number,
        config: {}, values: found.map((s) => Number(s.value[1])) },
    ],
  })];
}
