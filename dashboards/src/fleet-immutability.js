// SPDX-License-Identifier: Apache-2.0

import dashboard from "@grafana/grafana-foundation-sdk/dashboard";

import { alertsTable } from "./alerts-table.js";
import { board } from "./board.js";
import {
  BAD, GOOD, NONE_BAD, NONE_WARN, ORIGINS, STATES, VERDICTS, WARN,
} from "./colors.js";
import {
  DATASOURCE, FULL_WIDTH, THIRD, areas, bars, heat, lines, number, rows, target,
} from "./panels.js";
import {
  ANY_OR_NO_AGENT, IDENTITY, WORKLOAD, firing, growth, ofContainers,
  ofMutated, ofWorkloads, orZero, own, recorded, withShortId,
} from "./promql.js";
import { linkTo } from "./variables.js";

const MUTATED_FOR = `(time() - ${own("stillframe_container_first_mutation_time_seconds")})`;
const UPDATES = ofWorkloads("stillframe_in_place_updates_total");
const UPDATED = ofWorkloads("stillframe_replacements_total", 'image_changed="true"');

const inState = (state) =>
  ofContainers(own("stillframe_container_state", `state="${state}"`));
const violations = (matchers) => own("stillframe_container_violations", matchers);

// Violations of mutated containers by class and origin. No metric of a container
// names tools: it is that by which its workload was updated in place most often.
const who = () => {
  const tools = `topk by (${WORKLOAD}) (1, ${UPDATES})`;
  return (
    `(${ofMutated(violations('origin!="unattributed"'))})` +
    ` * on (${WORKLOAD}) group_left (tool) (0 * ${tools} + 1)` +
    ` or on (${IDENTITY}, class, origin) ${ofMutated(violations())}`
  );
};

const overview = [
  number({
    title: "Still now",
    description:
      "Of the running containers, the share that is still: compared with the image it was started from, and nothing violates the policy.",
    unit: "percentunit",
    width: 3,
    queries: [{ expr: `avg(${inState("still")})` }],
    none: "No container runs",
    steps: [
      { value: null, color: BAD },
      { value: 0.95, color: WARN },
      { value: 1, color: GOOD },
    ],
  }),
  number({
    title: "Still, 30 days",
    description:
      "The same over 30 days: of the time that containers ran, the share in which they were still. Of the chosen agents, whatever the namespace and workload.",
    unit: "percentunit",
    width: 4,
    decimals: 2,
    queries: [{
      expr:
        `sum(sum_over_time(${own("stillframe_containers", 'state="still"')}[30d]))` +
        ` / (sum(sum_over_time(${own("stillframe_containers")}[30d])) > 0)`,
    }],
    none: "No container ran",
    steps: [
      { value: null, color: BAD },
      { value: 0.99, color: WARN },
      { value: 0.999, color: GOOD },
    ],
  }),
  number({
    title: "Mutated now",
    description: "Running containers that are no longer their image.",
    unit: "short",
    width: 4,
    queries: [{ expr: `sum(${inState("mutated")})` }],
    none: "No container runs",
    steps: NONE_BAD,
  }),
  number({
    title: "Code or memory",
    description:
      "Mutated containers in which what is executed was changed: code, memory or kernel settings.",
    unit: "short",
    width: 4,
    queries: [{
      expr: orZero(
        `count(count by (${IDENTITY}) (${ofMutated(violations('class=~"code|memory|kernel"'))}))`),
    }],
    steps: NONE_BAD,
  }),
  number({
    title: "Unknown",
    description:
      "Running containers that could not be compared with their image: neither known to be still nor known to be mutated.",
    unit: "short",
    width: 3,
    queries: [{ expr: `sum(${inState("unknown")})` }],
    none: "No container runs",
    steps: NONE_WARN,
  }),
  number({
    title: "Longest",
    description:
      "How long ago the running container that has been mutated for longest was first mutated.",
    unit: "s",
    width: 3,
    decimals: 0,
    queries: [{ expr: orZero(`max(${ofMutated(MUTATED_FOR)})`) }],
    steps: [
      { value: null, color: GOOD },
      { value: 1, color: WARN },
      { value: 86400, color: BAD },
    ],
  }),
  number({
    title: "Exceptions",
    description:
      "Rules of the policy that allow something and have not expired; of the agent that has most.",
    unit: "short",
    width: 3,
    queries: [{
      expr: `max(${own("stillframe_policy_rules")} - ${own("stillframe_policy_rules_expired")})`,
    }],
  }),
];

const now = [
  rows({
    title: "Mutated now: what, and by whom",
    description:
      "Running containers that are no longer their image, the latest first, by the origin and class of what was changed. A name leads to its container. Tool: by which the workload was updated in place most often since the agent started. `stillframe diff ID` on the instance names persons, commands and paths.",
    unit: "short",
    width: FULL_WIDTH,
    height: 8,
    none: "No container is mutated",
    queries: [
      { expr: withShortId(who()) },
      {
        expr: withShortId(
          `0 * (${who()}) + on (${IDENTITY}) group_left () ${MUTATED_FOR}`),
      },
    ],
    columns: {
      name: {
        title: "Name",
        link: linkTo("Container", "stillframe-container", "container", "container_id"),
      },
      namespace: { title: "Namespace" },
      image: { title: "Image" },
      origin: { title: "Who", width: 105 },
      tool: { title: "Tool", width: 85 },
      class: { title: "Class", width: 85 },
      "Value #A": { title: "Violations", unit: "short", width: 85 },
      "Value #B": { title: "Mutated for", unit: "s", decimals: 0, width: 105 },
      id: { title: "Id", width: 120 },
      instance: {
        title: "Instance",
        link: linkTo("Agent", "stillframe-agent-health", "instance", "Instance"),
      },
      container_id: { title: "container_id", hidden: true },
    },
    sort: { field: "Value #B" },
  }),
  alertsTable({
    title: "Firing alerts",
    description:
      "Stillframe's alerts that fire, the gravest first; also those about agents that are down or missing.",
    width: FULL_WIDTH,
    height: 7,
    queries: [{
      expr: firing(
        "instance, namespace, name, origin, workload",
        `${ANY_OR_NO_AGENT}, namespace=~"$namespace|", workload=~"$workload|"`),
    }],
  }, {
    name: { title: "Name" },
    namespace: { title: "Namespace" },
    workload: { title: "Workload" },
    origin: { title: "Who", width: 115 },
    instance: { title: "Instance" },
  }),
];

const history = [
  areas({
    title: "Containers by state",
    description: "Running containers that are still, mutated or unknown.",
    unit: "short",
    decimals: 0,
    width: THIRD,
    queries: ["still", "mutated", "unknown"].map((state) => (
      { expr: `sum(${inState(state)})`, legend: state })),
    colors: STATES,
    none: "No container runs",
  }),
  lines({
    title: "Still containers by instance",
    description:
      "Of the running containers of each instance, the share that is still its image.",
    unit: "percentunit",
    width: THIRD,
    queries: [{ expr: `avg by (instance) (${inState("still")})`, legend: "{{instance}}" }],
    none: "No container runs",
  }).max(1),
  bars({
    title: "New violations by origin",
    description:
      "Mutations against the policy when they came, by who made them. Each is counted once.",
    unit: "short",
    width: THIRD,
    queries: [{
      expr: `sum by (origin) (${growth(ofWorkloads("stillframe_mutations_total", 'verdict="violation"'))})`,
      legend: "{{origin}}",
    }],
    colors: ORIGINS,
    none: "Nothing violated the policy",
  }),
];

const updates = [
  bars({
    title: "In-place updates against replacements",
    description:
      "How running software was updated: in place, by tool, or by replacing the container with one of another image on the same node.",
    unit: "short",
    width: THIRD,
    queries: [
      { expr: `sum by (tool) (${growth(UPDATES)})`, legend: "in place by {{tool}}" },
      { expr: `sum(${growth(UPDATED)})`, legend: "replaced" },
    ],
    colors: { replaced: GOOD },
    none: "Nothing was updated",
  }),
  bars({
    title: "Mutations by verdict",
    description:
      "What the policy said of mutations: a violation, allowed by a rule, in a scratch place, by the runtime, or restored to what the image holds.",
    unit: "short",
    width: THIRD,
    queries: [{
      expr: `sum by (verdict) (${growth(ofWorkloads("stillframe_mutations_total"))})`,
      legend: "{{verdict}}",
    }],
    colors: VERDICTS,
    none: "Nothing was changed",
  }),
  heat({
    title: "Time to replacement",
    description:
      "How long containers lived on after their first mutation, when they were gone: the lower, the sooner they were replaced.",
    unit: "s",
    width: THIRD,
    expr: `sum by (le) (${growth(own("stillframe_mutated_lifetime_seconds_bucket"))})`,
  }),
  rows({
    title: "Most mutable workloads",
    description:
      "Per workload, over all nodes and within a day: containers mutated now, updates in place, their share of all updates, replacements by another image on the same node, and containers replaced on whatever node. From the recording rules.",
    unit: "short",
    width: FULL_WIDTH,
    none: "No workload, or the recording rules are missing",
    queries: [
      { expr: recorded("namespace_workload:stillframe_container_mutated:sum") },
      {
        expr:
          `${recorded("namespace_workload:stillframe_in_place_updates:increase1d")}` +
          ` or 0 * ${recorded("namespace_workload:stillframe_container_mutated:sum")}`,
      },
      { expr: recorded("namespace_workload:stillframe_in_place_updates:ratio1d") },
      {
        expr: recorded(
          "namespace_workload_image_changed:stillframe_replacements:increase1d",
          'image_changed="true"',
        ),
      },
      { expr: recorded("namespace_workload:stillframe_containers_replaced:count1d") },
    ],
    columns: {
      workload: { title: "Workload" },
      namespace: { title: "Namespace" },
      "Value #A": { title: "Mutated now", unit: "short" },
      "Value #B": { title: "In-place updates", unit: "short", decimals: 0 },
      "Value #C": { title: "Share in place", unit: "percentunit" },
      "Value #D": { title: "Replaced on its node", unit: "short", decimals: 0, none: "0" },
      "Value #E": { title: "Replaced anywhere", unit: "short", decimals: 0, none: "0" },
    },
    sort: { field: "Value #B", desc: true },
  }),
];

function annotations() {
  const each = (name, counter, color, text, tags) =>
    new dashboard.AnnotationQueryBuilder()
      .name(name)
      .datasource(DATASOURCE)
      .enable(true)
      .iconColor(color)
      .target(target({ expr: `sum by (${tags}) (${growth(counter, "1m", 60)}) > 0` }))
      .expr(`sum by (${tags}) (${growth(counter, "1m", 60)}) > 0`)
      .step("1m")
      .titleFormat(name)
      .textFormat(text)
      .tagKeys(tags);
  return [
    each("Replacements", UPDATED, GOOD, "{{namespace}} {{workload}}", "namespace, workload"),
    each(
      "In-place updates", UPDATES, BAD, "{{namespace}} {{workload}} by {{tool}}",
      "namespace, workload, tool"),
  ];
}

export const fleetImmutability = () => board({
  name: "Fleet immutability",
  description:
    "Whether running containers are still their images, what was changed in those that are not, and by whom.",
  annotations: annotations(),
  first: [...overview, ...now],
  sections: { "Over time": history, "In place or replaced": updates },
});
