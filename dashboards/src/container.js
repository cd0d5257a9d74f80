// SPDX-License-Identifier: Apache-2.0

import { alertsTable } from "./alerts-table.js";
import { board } from "./board.js";
import { BAD, GOOD, NONE_BAD, STATES, VERDICTS, WARN } from "./colors.js";
import {
  FULL_WIDTH, HALF, areas, bars, mapping, number, rows, timeline, words,
} from "./panels.js";
import {
  TARGETS, firing, growth, ofItsWorkload, ofThis, own, withShortId,
} from "./promql.js";
import { chosenContainer, linkTo } from "./variables.js";

const GONE = "No such container in this time";

const STATE = mapping({
  1: { text: "still", color: STATES.still },
  2: { text: "mutated", color: STATES.mutated },
  3: { text: "unknown", color: STATES.unknown },
});
const state = ["still", "mutated", "unknown"]
  .map((name, index) =>
    `${index + 1} * (${ofThis("stillframe_container_state", `state="${name}"`)} == 1)`)
  .join(" or ");
const yesNo = (bad) =>
  mapping({ 0: { text: "no", color: bad }, 1: { text: "yes", color: GOOD } });
const since = (metric) => `time() - max(${ofThis(metric)})`;

const overview = [
  number({
    title: "State",
    description:
      "still: compared with its image, and nothing violates the policy. mutated: something does. unknown: nobody could look.",
    unit: "short",
    width: 4,
    queries: [{ expr: `max(${state})` }],
    none: GONE,
    mappings: STATE,
  }),
  number({
    title: "Changed paths",
    description:
      "Paths that were changed against the policy; not directories that changed with what is in them alone.",
    unit: "short",
    width: 4,
    queries: [{ expr: `max(${ofThis("stillframe_container_mutated_paths")})` }],
    none: GONE,
    steps: NONE_BAD,
  }),
  number({
    title: "Mutated for",
    description: "How long ago it was first mutated.",
    unit: "s",
    decimals: 0,
    width: 4,
    queries: [{
      expr:
        `${since("stillframe_container_first_mutation_time_seconds")}` +
        ` or 0 * max(${ofThis("stillframe_container_info")})`,
    }],
    none: GONE,
    steps: [
      { value: null, color: GOOD },
      { value: 1, color: WARN },
      { value: 86400, color: BAD },
    ],
  }),
  number({
    title: "Age",
    description: "How long ago it started.",
    unit: "s",
    decimals: 0,
    width: 4,
    queries: [{ expr: since("stillframe_container_start_time_seconds") }],
    none: GONE,
  }),
  number({
    title: "Runs",
    description: "Whether it runs, or is stopped or gone.",
    unit: "short",
    width: 4,
    queries: [{ expr: `max(${ofThis("stillframe_container_running")})` }],
    none: GONE,
    mappings: yesNo(WARN),
  }),
  number({
    title: "All known",
    description:
      "Whether all that changed in it is known; if not, a scan is due, failed or reached a limit.",
    unit: "short",
    width: 4,
    queries: [{ expr: `max(${ofThis("stillframe_container_complete")})` }],
    none: GONE,
    mappings: yesNo(WARN),
  }),
];

const what = [
  timeline({
    title: "State over time",
    description: "Still, mutated or unknown.",
    unit: "short",
    width: FULL_WIDTH,
    height: 4,
    queries: [{ expr: `max(${state})`, legend: "state" }],
    none: GONE,
    mappings: STATE,
  }),
  timeline({
    title: "Violations by class and origin",
    description:
      "How many violations stood at each time, by what they change and who made them. A replaced container takes its own with it.",
    unit: "short",
    width: 14,
    height: 9,
    queries: [{
      expr: `sum by (class, origin) (${ofThis("stillframe_container_violations")})`,
      legend: "{{class}} by {{origin}}",
    }],
    none: "Nothing violates the policy",
    steps: NONE_BAD,
  }),
  words({
    title: "What to do next",
    description: "Commands for the node that runs it.",
    width: 10,
    height: 9,
    content: [
      "On its instance, as root:",
      "",
      "```sh",
      "# what was changed, by whom and when",
      "stillframe diff ${id}",
      "# each mutation and each session, in order",
      "stillframe events --container ${id}",
      "# how a path is judged, and by which rule",
      "stillframe policy explain --container ${id} PATH",
      "```",
      "",
      "Then bring what is needed into the image, and **replace** the container.",
    ].join("\n"),
  }),
  bars({
    title: "Its sessions",
    description:
      "Entries into it from outside, as by exec, when they came, whether they changed something or not. Those that did are in `stillframe diff`.",
    unit: "short",
    width: HALF,
    queries: [{
      expr: `sum(${growth(ofThis("stillframe_container_sessions_total"))})`,
      legend: "sessions",
    }],
    none: GONE,
  }),
  areas({
    title: "Changed paths by verdict",
    description:
      "How many paths differed at each time, by what the policy says of them: a violation, allowed by a rule, in a scratch place, or the runtime's own work.",
    unit: "short",
    decimals: 0,
    width: HALF,
    queries: [{
      expr: `sum by (verdict) (${ofThis("stillframe_container_changed_paths")})`,
      legend: "{{verdict}}",
    }],
    colors: VERDICTS,
    none: "Nothing was changed",
  }),
];

const around = [
  rows({
    title: "Who it is",
    description: "What the agent and the runtime know of it.",
    unit: "short",
    width: FULL_WIDTH,
    height: 4,
    none: GONE,
    queries: [{ expr: withShortId(ofThis("stillframe_container_info")) }],
    columns: {
      id: { title: "Id", width: 120 },
      name: { title: "Name" },
      namespace: { title: "Namespace" },
      pod: { title: "Pod" },
      workload: { title: "Workload" },
      image: { title: "Image" },
      runtime: { title: "Runtime", width: 95 },
      instance: {
        title: "Instance",
        link: linkTo("Agent", "stillframe-agent-health", "instance", "Instance"),
      },
    },
    sort: { field: "name" },
  }),
  alertsTable({
    title: "Its alerts",
    description: "Stillframe's alerts about this container that fire.",
    width: FULL_WIDTH,
    height: 6,
    none: "No alert fires for this container",
    queries: [{
      expr: firing("origin, class, tool, image", `${TARGETS}, container_id="$container"`),
    }],
  }, {
    origin: { title: "Who" },
    class: { title: "Class" },
    tool: { title: "Tool" },
    image: { title: "Image" },
  }),
  bars({
    title: "Mutations of its workload by verdict",
    description:
      "All mutations of containers of its workload on this node when they came, by what the policy said.",
    unit: "short",
    width: HALF,
    queries: [{
      expr: `sum by (verdict) (${ofItsWorkload(growth(own("stillframe_mutations_total")))})`,
      legend: "{{verdict}}",
    }],
    colors: VERDICTS,
    none: "Nothing was changed",
  }),
  bars({
    title: "Its workload's updates",
    description:
      "Updates in place of containers of its workload on this node, by tool, and replacements by another image.",
    unit: "short",
    width: HALF,
    queries: [
      {
        expr: `sum by (tool) (${ofItsWorkload(growth(own("stillframe_in_place_updates_total")))})`,
        legend: "in place by {{tool}}",
      },
      {
        expr: `sum(${ofItsWorkload(growth(own("stillframe_replacements_total", 'image_changed="true"')))})`,
        legend: "replaced",
      },
    ],
    colors: { replaced: GOOD },
    none: "Nothing was updated",
  }),
];

export const container = () => board({
  name: "Container",
  description:
    "One container: its state, what was changed in it, by whom and when, and what to do next.",
  variables: chosenContainer(),
  first: [...overview, ...what],
  sections: { "Around it": around },
});
