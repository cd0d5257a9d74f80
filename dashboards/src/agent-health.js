// SPDX-License-Identifier: Apache-2.0

import { alertsTable } from "./alerts-table.js";
import { board } from "./board.js";
import { BAD, GOOD, NONE_BAD, NONE_WARN, WARN } from "./colors.js";
import {
  FULL_WIDTH, HALF, THIRD, bars, lines, mapping, number, rows, timeline,
} from "./panels.js";
import {
  ANY_OR_NO_AGENT, firing, growth, orZero, own, rate,
} from "./promql.js";

// What the reasons of stillframe_events_lost_total mean.
const LOSSES = {
  ringbuf_full: "More at once than the kernel's buffer holds: give the agent CPU",
  roots_full: "More root filesystems than the kernel side can watch",
  inodes_full: "A container changes more files than its share: scans find its own",
  cgroups_full: "More containers than the kernel side can watch",
  processes_full: "A container has more processes than its share: sessions may be unknown",
  read_failed: "Memory of a process or of the kernel could not be read",
  walk_truncated: "A file lies deeper than the kernel side looks",
  mounts_full: "More mounts than the kernel side can watch",
  victims_full: "Many processes were written to at once",
  program_busy: "The kernel did not run a program, since another one was running there",
  mmap_busy: "The same for mapped libraries: mostly of no concern",
  undecodable: "Kernel side and agent are not of one build",
};

const up = own("up");

const overview = [
  number({
    title: "Agents up",
    description: "Of the agents that Prometheus knows, the share it can scrape.",
    unit: "percentunit",
    width: 4,
    queries: [{ expr: `avg(${up})` }],
    steps: [{ value: null, color: BAD }, { value: 1, color: GOOD }],
  }),
  number({
    title: "Not ready",
    description: "Agents whose sensors are not attached or whose first scan is not done.",
    unit: "short",
    width: 4,
    queries: [{ expr: `count(${own("stillframe_ready")}) - sum(${own("stillframe_ready")})` }],
    steps: NONE_WARN,
  }),
  number({
    title: "Blind sensors",
    description:
      "Sensors that see only that something changed, or nothing, counted over all agents.",
    unit: "short",
    width: 4,
    queries: [{
      expr: `sum(${own("stillframe_sensor_coverage", 'coverage!="events"')})`,
    }],
    steps: NONE_WARN,
  }),
  number({
    title: "Events lost",
    description:
      "In the time shown, but for those of mapped libraries. A scan makes up for what was changed, not for who did it.",
    unit: "short",
    width: 4,
    sum: true,
    decimals: 0,
    queries: [{
      expr: orZero(
        `sum(${growth(own("stillframe_events_lost_total", 'reason!="mmap_busy"'))})`),
    }],
    steps: NONE_WARN,
  }),
  number({
    title: "Refused policies",
    description: "Agents that could not load their policy and judge by the one before.",
    unit: "short",
    width: 4,
    queries: [{
      expr: `count(${own("stillframe_policy_load_success")} == 0) or 0 * sum(${own("stillframe_build_info")})`,
    }],
    steps: NONE_BAD,
  }),
  number({
    title: "Restarts",
    description: "Of agents in the time shown.",
    unit: "short",
    width: 4,
    queries: [{ expr: `sum(changes(${own("process_start_time_seconds")}[$__range]))` }],
    decimals: 0,
    steps: NONE_WARN,
  }),
];

const agents = [
  rows({
    title: "Agents",
    description:
      "Each agent: its version, sensors that give events, containers, and what it could not do in the time shown.",
    unit: "short",
    width: FULL_WIDTH,
    height: 6,
    queries: [
      { expr: `min by (cluster, job, instance) (${up})` },
      {
        expr: `sum by (cluster, job, instance) (${own("stillframe_sensor_coverage", 'coverage="events"')})`,
      },
      { expr: `sum by (cluster, job, instance) (${own("stillframe_containers")})` },
      {
        expr: `sum by (cluster, job, instance) (increase(${own("stillframe_scan_errors_total")}[$__range]))`,
      },
      {
        expr: `sum by (cluster, job, instance) (increase(${own("stillframe_log_messages_total")}[$__range]))`,
      },
      { expr: `time() - max by (cluster, job, instance) (${own("process_start_time_seconds")})` },
    ],
    columns: {
      instance: { title: "Instance" },
      "Value #A": {
        title: "Up",
        width: 80,
        mappings: mapping({
          0: { text: "down", color: BAD }, 1: { text: "up", color: GOOD },
        }),
      },
      "Value #F": { title: "Runs for", unit: "s", decimals: 0 },
      "Value #B": { title: "Sensors with events", unit: "short" },
      "Value #C": { title: "Containers", unit: "short" },
      "Value #D": { title: "Scan errors", unit: "short", decimals: 0 },
      "Value #E": { title: "Warnings and errors", unit: "short", decimals: 0 },
    },
    sort: { field: "Value #A" },
  }),
  alertsTable({
    title: "Firing alerts about agents",
    description: "Also those about agents that are down or missing.",
    width: HALF,
    height: 11,
    none: "No alert about agents fires",
    queries: [{
      expr: firing("instance, sensor, reason", `${ANY_OR_NO_AGENT}, container_id="", workload=""`),
    }],
  }, {
    instance: { title: "Instance" },
    sensor: { title: "Sensor" },
    reason: { title: "Reason" },
  }),
  rows({
    title: "Coverage by sensor",
    description:
      "Per sensor, on how many agents it gives events (who, how and when), state (that something changed), or nothing. `stillframe doctor` on a node says why, and what would help.",
    unit: "short",
    width: HALF,
    height: 11,
    queries: ["events", "state", "none"].map((coverage) => ({
      expr: `sum by (sensor) (${own("stillframe_sensor_coverage", `coverage="${coverage}"`)})`,
    })),
    columns: {
      sensor: { title: "Sensor" },
      "Value #A": { title: "Events", unit: "short" },
      "Value #B": { title: "State only", unit: "short" },
      "Value #C": { title: "Nothing", unit: "short" },
    },
    sort: { field: "sensor" },
  }),
];

const losses = [
  rows({
    title: "Losses and what they mean",
    description:
      "Events lost in the time shown, by reason. What changed is found by a scan anyway; who did it may not be known.",
    unit: "short",
    width: 15,
    none: "No event was lost",
    queries: [{
      expr: `label_replace(sum by (reason) (increase(${own("stillframe_events_lost_total")}[$__range])) > 0, "meaning", "$1", "reason", "(.*)")`,
    }],
    columns: {
      reason: { title: "Reason", width: 130 },
      meaning: {
        title: "Meaning",
        plain: true,
        mappings: mapping(Object.fromEntries(
          Object.entries(LOSSES).map(([reason, text]) => [reason, { text }]))),
      },
      Value: { title: "Events", unit: "short", decimals: 0, width: 90 },
    },
    sort: { field: "Value", desc: true },
  }),
  bars({
    title: "Events lost or held back",
    description:
      "Lost: by reason. Held back: a container was over its budget; it is scanned instead.",
    unit: "short",
    width: 9,
    queries: [
      {
        expr: `sum by (reason) (${growth(own("stillframe_events_lost_total"))}) > 0`,
        legend: "lost: {{reason}}",
      },
      {
        expr: `sum(${growth(own("stillframe_events_suppressed_total"))}) > 0`,
        legend: "held back",
      },
    ],
    none: "No event was lost or held back",
  }),
];

const perInstance = (counter) => [{
  expr: `sum by (instance) (${rate(own(counter))})`, legend: "{{instance}}",
}];

const work = [
  lines({
    title: "Events",
    description: "Received from the kernel.",
    unit: "cps",
    width: THIRD,
    queries: perInstance("stillframe_events_total"),
  }),
  lines({
    title: "Time spent in scans",
    description: "Seconds of scanning per second, apart from the event path.",
    unit: "percentunit",
    width: THIRD,
    queries: perInstance("stillframe_scan_seconds_total"),
  }),
  bars({
    title: "Errors",
    description:
      "Scans that met errors, container metadata that could not be read, files of the state directory that could not be understood, and journal entries that could not be written. The agent's log says more of each.",
    unit: "short",
    width: THIRD,
    queries: [
      ["stillframe_scan_errors_total", "scans"],
      ["stillframe_metadata_errors_total", "metadata"],
      ["stillframe_state_damaged_total", "state files"],
      ["stillframe_journal_write_errors_total", "journal"],
    ].map(([counter, legend]) => ({ expr: `sum(${growth(own(counter))})`, legend })),
    none: "No error",
  }),
  bars({
    title: "Journal entries",
    description: "Written to the agents' own journals.",
    unit: "short",
    decimals: undefined,
    width: THIRD,
    queries: [{
      expr: `sum(${growth(own("stillframe_journal_entries_total"))})`,
      legend: "entries",
    }],
    none: "No agent keeps a journal",
  }),
  lines({
    title: "Sessions",
    description:
      "Entries into running containers from outside, as by exec, whether they changed something or not.",
    unit: "cps",
    width: THIRD,
    queries: perInstance("stillframe_sessions_total"),
  }),
  timeline({
    title: "Ready",
    description: "Whether each agent's sensors are attached and its first scan is done.",
    unit: "short",
    width: THIRD,
    queries: [{ expr: `min by (instance) (${own("stillframe_ready")})`, legend: "{{instance}}" }],
    mappings: mapping({
      0: { text: "not ready", color: WARN }, 1: { text: "ready", color: GOOD },
    }),
  }),
];

const cost = [
  lines({
    title: "CPU of the agents",
    description: "CPU seconds per second: 1 is one core.",
    unit: "percentunit",
    width: THIRD,
    queries: perInstance("process_cpu_seconds_total"),
  }),
  lines({
    title: "Memory of the agents",
    description: "Resident memory.",
    unit: "bytes",
    width: THIRD,
    queries: [{ expr: own("process_resident_memory_bytes"), legend: "{{instance}}" }],
  }),
  lines({
    title: "Open files of the agents",
    description: "Of the descriptors that an agent may have, the share that is open.",
    unit: "percentunit",
    width: THIRD,
    queries: [{
      expr: `${own("process_open_fds")} / ${own("process_max_fds")}`,
      legend: "{{instance}}",
    }],
  }).max(1),
];

export const agentHealth = () => board({
  name: "Agent health",
  description:
    "Whether the agents see what they should, what they lost and what they cost.",
  first: [...overview, ...agents],
  sections: { Losses: losses, "What they do": work, "What they cost": cost },
});
