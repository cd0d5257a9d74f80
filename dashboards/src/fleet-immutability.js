// SPDX-License-Identifier: Apache-2.0

import dashboard from "@grafana/grafana-foundation-sdk/dashboard";

import {
  FULL_WIDTH, bars, datasourceVariable, heat, labelVariable, lines, number, row,
  rows, states,
} from "./panels.js";
import {
  TARGETS, growth, ofContainers, ofMutated, ofWorkloads, own, rate, recorded,
} from "./promql.js";

const HALF = FULL_WIDTH / 2;
const THIRD = FULL_WIDTH / 3;
const QUARTER = FULL_WIDTH / 4;
const EIGHTH = FULL_WIDTH / 8;
const RED_ABOVE_ZERO = [
  { value: null, color: "green" },
  { value: 1, color: "red" },
];

const MUTATED_FOR = `(time() - ${own("stillframe_container_first_mutation_time_seconds")})`;

const inState = (state) =>
  ofContainers(own("stillframe_container_state", `state="${state}"`));
const running = ofContainers(own("stillframe_container_running"));
const violations = (matchers) =>
  ofContainers(own("stillframe_container_violations", matchers));

function variables() {
  const filtered = `stillframe_container_info{${TARGETS}}`;
  return [
    datasourceVariable(),
    labelVariable("job", "Job", "stillframe_build_info", ".+"),
    labelVariable(
      "instance", "Instance", 'stillframe_build_info{job=~"$job"}', ".+"),
    // Containers outside of Kubernetes have no namespace, and some have no
    // workload: All has to match the empty label, too.
    labelVariable("namespace", "Namespace", filtered, ".*"),
    labelVariable(
      "workload", "Workload",
      `stillframe_container_info{${TARGETS}, namespace=~"$namespace"}`, ".*"),
  ];
}

const overview = [
  number({
    title: "Still",
    description:
      "Of the running containers, the share that is still: compared with the image it was started from, and nothing violates the policy.",
    unit: "percentunit",
    width: QUARTER,
    queries: [{ expr: `avg(${inState("still")})` }],
    steps: [
      { value: null, color: "red" },
      { value: 0.95, color: "orange" },
      { value: 1, color: "green" },
    ],
  }),
  number({
    title: "Containers",
    description: "Running containers that the agents watch.",
    unit: "short",
    width: EIGHTH,
    queries: [{ expr: `count(${running})` }],
  }),
  number({
    title: "Mutated",
    description: "Running containers that are no longer their image.",
    unit: "short",
    width: EIGHTH,
    queries: [{ expr: `sum(${inState("mutated")})` }],
    steps: RED_ABOVE_ZERO,
  }),
  number({
    title: "Unknown",
    description:
      "Running containers that could not be compared with their image: neither known to be still nor known to be mutated.",
    unit: "short",
    width: EIGHTH,
    queries: [{ expr: `sum(${inState("unknown")})` }],
    steps: [
      { value: null, color: "green" },
      { value: 1, color: "orange" },
    ],
  }),
  number({
    title: "Code or memory",
    description:
      "Violations in running containers that changed what is executed: code, memory or kernel settings.",
    unit: "short",
    width: EIGHTH,
    queries: [{
      expr: `sum(${violations('class=~"code|memory|kernel"')}) or 0 * count(${running})`,
    }],
    steps: RED_ABOVE_ZERO,
  }),
  number({
    title: "Longest mutated",
    description:
      "How long ago the running container that has been mutated for longest was first mutated. Empty while all are still.",
    unit: "s",
    width: EIGHTH,
    queries: [{
      expr: `max(${ofMutated(MUTATED_FOR)})`,
    }],
  }),
  number({
    title: "Agents up",
    description: "Of the agents that Prometheus knows, the share it can scrape.",
    unit: "percentunit",
    width: EIGHTH,
    queries: [{ expr: `avg(${own("up")})` }],
    steps: [
      { value: null, color: "red" },
      { value: 1, color: "green" },
    ],
  }),
];

const now = [
  rows({
    title: "Mutated now",
    description:
      "Running containers that are no longer their image. `stillframe diff NAME` on the instance shows what changed and who changed it.",
    unit: "short",
    width: FULL_WIDTH,
    height: 9,
    queries: [
      { expr: ofMutated(own("stillframe_container_mutated_paths")) },
      { expr: ofMutated(MUTATED_FOR) },
    ],
    columns: {
      name: "Name",
      namespace: "Namespace",
      workload: "Workload",
      image: "Image",
      instance: "Instance",
      container_id: "Container",
      "Value #A": "Changed paths",
      "Value #B": "Mutated for",
    },
    units: { "Mutated for": "s" },
  }),
  rows({
    title: "Firing alerts",
    description: "Alerts of Stillframe that fire. Empty when all is well.",
    unit: "short",
    width: FULL_WIDTH,
    height: 6,
    queries: [{
      expr: `sum by (alertname, severity, instance, name, workload) (${own("ALERTS", 'alertname=~"Stillframe.+", alertstate="firing"')})`,
    }],
    columns: {
      severity: "Severity",
      alertname: "Alert",
      name: "Name",
      workload: "Workload",
      instance: "Instance",
    },
  }),
];

const history = [
  lines({
    title: "Still containers",
    description:
      "Of the running containers of each instance, the share that is still its image.",
    unit: "percentunit",
    width: THIRD,
    queries: [{ expr: `avg by (instance) (${inState("still")})`, legend: "{{instance}}" }],
  }).max(1),
  lines({
    title: "Violations in running containers",
    description:
      "Violations by class and origin. A replaced container takes its violations with it.",
    unit: "short",
    width: THIRD,
    queries: [{
      expr: `sum by (class, origin) (${violations()})`,
      legend: "{{class}} by {{origin}}",
    }],
  }),
  bars({
    title: "New violations",
    description: "Mutations against the policy as they came, by class and origin.",
    unit: "short",
    width: THIRD,
    queries: [{
      expr: `sum by (class, origin) (${growth(ofWorkloads("stillframe_mutations_total", 'verdict="violation"'))})`,
      legend: "{{class}} by {{origin}}",
    }],
  }),
];

const updates = [
  bars({
    title: "In-place updates against replacements",
    description:
      "How running software was updated: in place, by tool, or by replacing the container with one of another image.",
    unit: "short",
    width: HALF,
    queries: [
      {
        expr: `sum by (tool) (${growth(ofWorkloads("stillframe_in_place_updates_total"))})`,
        legend: "in place by {{tool}}",
      },
      {
        expr: `sum (${growth(ofWorkloads("stillframe_replacements_total", 'image_changed="true"'))})`,
        legend: "replaced",
      },
    ],
  }),
  heat({
    title: "Lifetime of mutated containers",
    description:
      "How long containers lived on after their first mutation, when they were gone: the lower, the sooner they were replaced.",
    unit: "s",
    width: HALF,
    expr: `sum by (le) (increase(${own("stillframe_mutated_lifetime_seconds_bucket")}[$__rate_interval]))`,
  }),
  rows({
    title: "Updates per workload in a day",
    description:
      "Per workload, over all nodes: containers mutated now, updates in place, replacements by another image on the same node, and containers replaced on whatever node. From the recording rules.",
    unit: "short",
    width: FULL_WIDTH,
    queries: [
      { expr: recorded("namespace_workload:stillframe_container_mutated:sum") },
      { expr: recorded("namespace_workload:stillframe_in_place_updates:increase1d") },
      {
        expr: recorded(
          "namespace_workload_image_changed:stillframe_replacements:increase1d",
          'image_changed="true"',
        ),
      },
      { expr: recorded("namespace_workload:stillframe_containers_replaced:count1d") },
    ],
    columns: {
      namespace: "Namespace",
      workload: "Workload",
      "Value #A": "Mutated now",
      "Value #B": "In-place updates",
      "Value #C": "Replaced on its node",
      "Value #D": "Replaced anywhere",
    },
  }),
];

const agents = [
  states({
    title: "Sensor coverage",
    description:
      "What each sensor gives: events (who, how and when), state (that something changed), or nothing.",
    unit: "short",
    width: HALF,
    height: 10,
    queries: [{
      expr: `sum by (instance, sensor) (2 * ${own("stillframe_sensor_coverage", 'coverage="events"')} or ${own("stillframe_sensor_coverage", 'coverage="state"')})`,
      legend: "{{instance}} {{sensor}}",
    }],
    states: {
      0: { text: "none", color: "red" },
      1: { text: "state", color: "yellow" },
      2: { text: "events", color: "green" },
    },
  }),
  states({
    title: "Agent state",
    description:
      "Whether each agent is ready (sensors attached, first scan done) and judges by the policy file it was given.",
    unit: "short",
    width: HALF,
    height: 10,
    queries: [
      { expr: own("stillframe_ready"), legend: "{{instance}} ready" },
      { expr: own("stillframe_policy_load_success"), legend: "{{instance}} policy" },
    ],
    states: {
      0: { text: "no", color: "red" },
      1: { text: "yes", color: "green" },
    },
  }),
  lines({
    title: "Events",
    description: "Events received from the kernel.",
    unit: "cps",
    width: THIRD,
    queries: [{
      expr: `sum by (instance) (${rate(own("stillframe_events_total"))})`,
      legend: "{{instance}}",
    }],
  }),
  lines({
    title: "Events lost or held back",
    description:
      "Lost: the kernel had no room; a scan makes up for what, not for who. Held back: a container was over its budget.",
    unit: "cps",
    width: THIRD,
    queries: [
      {
        expr: `sum by (instance, reason) (${rate(own("stillframe_events_lost_total"))})`,
        legend: "{{instance}} lost: {{reason}}",
      },
      {
        expr: `sum by (instance) (${rate(own("stillframe_events_suppressed_total"))})`,
        legend: "{{instance}} held back",
      },
    ],
  }),
  lines({
    title: "Errors",
    description:
      "Scans that met errors, container metadata that could not be read, and what the agents logged as a warning or an error.",
    unit: "cps",
    width: THIRD,
    queries: [
      {
        expr: `sum by (instance) (${rate(own("stillframe_scan_errors_total"))})`,
        legend: "{{instance}} scans",
      },
      {
        expr: `sum by (instance) (${rate(own("stillframe_metadata_errors_total"))})`,
        legend: "{{instance}} metadata",
      },
      {
        expr: `sum by (instance, level) (${rate(own("stillframe_log_messages_total"))})`,
        legend: "{{instance}} logged: {{level}}",
      },
    ],
  }),
  lines({
    title: "Time spent in scans",
    description: "Seconds of scanning per second, apart from the event path.",
    unit: "percentunit",
    width: HALF,
    queries: [{
      expr: `sum by (instance) (${rate(own("stillframe_scan_seconds_total"))})`,
      legend: "{{instance}}",
    }],
  }),
  lines({
    title: "Sessions",
    description:
      "Entries into running containers from outside, as by exec, whether they changed something or not.",
    unit: "cps",
    width: HALF,
    queries: [{
      expr: `sum by (instance) (${rate(own("stillframe_sessions_total"))})`,
      legend: "{{instance}}",
    }],
  }),
  lines({
    title: "CPU of the agents",
    description: "CPU seconds per second.",
    unit: "percentunit",
    width: HALF,
    queries: [{
      expr: `sum by (instance) (${rate(own("process_cpu_seconds_total"))})`,
      legend: "{{instance}}",
    }],
  }),
  lines({
    title: "Memory of the agents",
    description: "Resident memory.",
    unit: "bytes",
    width: HALF,
    queries: [{
      expr: own("process_resident_memory_bytes"),
      legend: "{{instance}}",
    }],
  }),
];

export function fleetImmutability() {
  const built = new dashboard.DashboardBuilder("Stillframe / Fleet immutability")
    .uid("stillframe-fleet-immutability")
    .description(
      "Whether running containers are still their images, who changed those that are not, and whether the agents see it.",
    )
    .tags(["stillframe"])
    .readonly()
    .timezone("browser")
    .refresh("30s")
    .time({ from: "now-6h", to: "now" })
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .variables(variables());
  const sections = {
    Overview: overview,
    "Right now": now,
    "Over time": history,
    "In place or replaced": updates,
    Agents: agents,
  };
  for (const [title, panels] of Object.entries(sections)) {
    built.withRow(row(title));
    for (const panel of panels) built.withPanel(panel);
  }
  return built;
}
