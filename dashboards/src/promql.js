// SPDX-License-Identifier: Apache-2.0
//
// The PromQL that panels share.

export const TARGETS = 'job=~"$job", instance=~"$instance"';

const IDENTITY = "job, instance, container_id";
const CHOSEN = `${TARGETS}, namespace=~"$namespace", workload=~"$workload"`;

// A metric of one agent.
export function own(metric, matchers = "") {
  return `${metric}{${TARGETS}${matchers && `, ${matchers}`}}`;
}

// A metric per namespace and workload.
export function ofWorkloads(metric, matchers = "") {
  return `${metric}{${CHOSEN}${matchers && `, ${matchers}`}}`;
}

// A value per container, for the running containers of the chosen workloads,
// with the labels that say which container that is.
export function ofContainers(value) {
  return (
    `${value}` +
    ` * on (${IDENTITY})` +
    " group_left (name, namespace, pod, container, image, workload)" +
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

// What a recording rule made of the entire fleet: it has no instance. Summed, so
// that no metric name is left by which a table would keep its rows apart.
export function recorded(metric, matchers = "") {
  const chosen = 'job=~"$job", namespace=~"$namespace", workload=~"$workload"';
  return (
    "sum by (job, namespace, workload) " +
    `(${metric}{${chosen}${matchers && `, ${matchers}`}})`
  );
}

export function rate(counter) {
  return `rate(${counter}[$__rate_interval])`;
}

// What counters grew by, their birth included: most series per workload are
// born at 1, stay there, and increase() would never show them.
export function growth(counter) {
  return (
    `(${counter} unless ${counter} offset $__rate_interval)` +
    ` or increase(${counter}[$__rate_interval])`
  );
}
