// SPDX-License-Identifier: Apache-2.0
//
// The PromQL that panels share.

// `cluster` is a label that some give their targets; without it, it is empty.
export const AGENT = "cluster, job, instance";
export const IDENTITY = `${AGENT}, container_id`;
export const WORKLOAD = `${AGENT}, namespace, workload`;
const FLEET = 'cluster=~"$cluster", job=~"$job"';
export const TARGETS = `${FLEET}, instance=~"$instance"`;
const CHOSEN = 'namespace=~"$namespace", workload=~"$workload"';

const NAMES = "name, namespace, pod, container, image, workload";

function select(metric, ...matchers) {
  return `${metric}{${matchers.filter(Boolean).join(", ")}}`;
}

// A metric of one agent.
export function own(metric, matchers = "") {
  return select(metric, TARGETS, matchers);
}

// A metric per namespace and workload.
export function ofWorkloads(metric, matchers = "") {
  return select(metric, TARGETS, CHOSEN, matchers);
}

// A value per container, for the running containers of the chosen workloads,
// with the labels that say which container that is.
export function ofContainers(value) {
  return (
    `${value}` +
    ` * on (${IDENTITY})` +
    ` group_left (${NAMES})` +
    ` ${ofWorkloads("stillframe_container_info")}` +
    ` and on (${IDENTITY}) ${own("stillframe_container_running")} == 1`
  );
}

// The same for those of them that are mutated.
export function ofMutated(value) {
  return (
    `${ofContainers(value)}` +
    ` and on (${IDENTITY}) ${own("stillframe_container_mutated")} == 1`
  );
}

// A metric of the one container that is chosen. It may be gone.
export function ofThis(metric, matchers = "") {
  return select(metric, TARGETS, 'container_id="$container"', matchers);
}

// A metric of the workload of the container that is chosen.
export function ofItsWorkload(value) {
  return `${value} and on (${WORKLOAD}) ${ofThis("stillframe_container_info")}`;
}

// The id as command lines take it, in the label `id`: a metric's has the runtime
// before it and more digits than a person compares.
export function withShortId(value) {
  return `label_replace(${value}, "id", "$1", "container_id", ".*/([^/]{1,12})[^/]*")`;
}

// What a recording rule made of the entire fleet: it has no instance. Summed, so
// that no metric name is left by which a table would keep its rows apart.
export function recorded(metric, matchers = "") {
  return (
    "sum by (cluster, job, namespace, workload) " +
    `(${select(metric, FLEET, CHOSEN, matchers)})`
  );
}

export function rate(counter) {
  return `rate(${counter}[$__rate_interval])`;
}

// What a counter grew by since one step before: each increment falls into one
// step, and the steps add up to the truth. `increase()` would miss the series
// that are born with their first increment, as those per workload are. A series
// that is new counts from 0 only if its agent was scraped before, or has started
// since; else it is only new to Prometheus.
export function growth(counter, step = "$__interval", seconds = "$__interval_ms / 1000") {
  return (
    `((${counter} - ${counter} offset ${step}) >= 0` +
    ` or (${counter} and on (${AGENT}) (` +
    `${own("stillframe_build_info")} offset ${step}` +
    ` or ${own("process_start_time_seconds")} > time() - ${seconds})))`
  );
}

// Firing alerts, by rank: 3 critical, 2 warning, 1 information. That there is no
// agent at all is an alert without a job.
export function firing(labels, matchers) {
  const alerts = (severity) =>
    select(
      "ALERTS", 'alertname=~"Stillframe.+"', 'alertstate="firing"',
      `severity="${severity}"`, matchers,
    );
  return (
    `max by (alertname, ${labels}) (3 * ${alerts("critical")}` +
    ` or 2 * ${alerts("warning")} or ${alerts("info")})`
  );
}
export const ANY_OR_NO_AGENT =
  'cluster=~"$cluster", job=~"$job|", instance=~"$instance|"';

// 0 where there is none, but only while there is an agent to say so.
export function orZero(value) {
  return `${value} or 0 * sum(${own("stillframe_build_info")})`;
}
