// SPDX-License-Identifier: Apache-2.0
//
// What a dashboard's variables stand for, as Grafana resolves them.

import { rangeUtil } from "@grafana/data";

import { ask, values } from "./prometheus.js";

const escape = (text) => text.replace(/[\\^$*+?.()|[\]{}]/g, "\\$&");

// All and several values are a regular expression's alternatives.
function asMatcher({ all, chosen }) {
  if (all !== undefined) return all;
  if (chosen.length === 1) return chosen[0];
  return `(${chosen.map(escape).join("|")})`;
}

// `known`: {name: {all, chosen}}; `times`: Grafana's own variables.
export function interpolate(text, known, times = {}) {
  return text.replace(/\$(?:\{(\w+)(?::\w+)?\}|(\w+))/g, (found, braced, bare) => {
    const name = braced ?? bare;
    if (name in times) return times[name];
    if (name in known) return asMatcher(known[name]);
    return found;
  });
}

export function rangeTimes(range) {
  const seconds = Math.round((range.to.valueOf() - range.from.valueOf()) / 1000);
  return { __range: `${seconds}s`, __range_s: String(seconds) };
}

export function stepTimes(range, points, scrapeSeconds) {
  const step = rangeUtil.calculateInterval(range, points, `${scrapeSeconds}s`);
  const seconds = Math.max(Math.round(step.intervalMs / 1000), scrapeSeconds);
  const rate = Math.max(seconds + scrapeSeconds, 4 * scrapeSeconds);
  return {
    seconds,
    times: {
      ...rangeTimes(range),
      __interval: `${seconds}s`,
      __interval_ms: String(seconds * 1000),
      __rate_interval: `${rate}s`,
    },
  };
}

function picked(found, expression) {
  if (!expression) return found.map((text) => ({ value: text, text }));
  const pattern = new RegExp(expression.replace(/^\/|\/$/g, ""));
  return found.flatMap((text) => {
    const match = pattern.exec(text);
    if (!match) return [];
    const value = match.groups?.value ?? match[1] ?? match[0];
    return [{ value, text: match.groups?.text ?? value }];
  });
}

async function options(variable, known, range) {
  const query = interpolate(variable.query, known, rangeTimes(range));
  const labels = /^label_values\((?:(.*),\s*)?(\w+)\)$/s.exec(query);
  if (labels) {
    return picked(await values(labels[2], labels[1], range), variable.regex);
  }
  const [, expression] = /^query_result\((.*)\)$/s.exec(query);
  const series = await ask("query", { query: expression, time: range.to.unix() });
  const shown = series.map(({ metric: { __name__, ...rest }, value }) => {
    const pairs = Object.entries(rest).map(([key, text]) => `${key}="${text}"`);
    return `${__name__ ?? ""}{${pairs.join(",")}} ${value[1]} ${value[0] * 1000}`;
  });
  return picked(shown, variable.regex);
}

// `wanted`: {name: [value, …]} where not the dashboard's own choice. A variable without
// a value is an error: Grafana would show an empty box, and panels without data.
export async function resolve(variables, wanted, range) {
  const known = {};
  for (const variable of variables) {
    if (variable.type !== "query") continue;
    const { name, includeAll, allValue } = variable;
    const found = await options(variable, known, range);
    if (includeAll && wanted[name] === undefined) {
      known[name] = {
        all: allValue, chosen: found.map(({ value }) => value), text: "All",
      };
    } else {
      const chosen = wanted[name] === undefined
        ? found.slice(0, 1) : found.filter(({ value }) => wanted[name].includes(value));
      known[name] = {
        chosen: chosen.map(({ value }) => value),
        text: chosen.length > 1 ? `${chosen.length} chosen` : chosen[0]?.text,
      };
    }
    if (known[name].all === undefined && !known[name].chosen.length) {
      throw new Error(`${name} offers ${found.map(({ value }) => value).join(", ")}`);
    }
  }
  return known;
}
