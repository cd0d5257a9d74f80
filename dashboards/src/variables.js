// SPDX-License-Identifier: Apache-2.0
//
// What all dashboards choose by, and how they lead to each other.

import dashboard from "@grafana/grafana-foundation-sdk/dashboard";

import { DATASOURCE } from "./panels.js";
import { ofWorkloads, own } from "./promql.js";

const AGENTS = "stillframe_build_info";

function datasource() {
  return new dashboard.DatasourceVariableBuilder("datasource")
    .label("Data source")
    .type("prometheus");
}

function query(name, label, text) {
  return new dashboard.QueryVariableBuilder(name)
    .label(label)
    .datasource(DATASOURCE)
    .query(text)
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.AlphabeticalAsc);
}

// Without `allValue`, All is the list of the values that there are.
function label(name, title, metric, allValue) {
  const built = query(name, title, `label_values(${metric}, ${name})`)
    .multi(true)
    .includeAll(true)
    .current({ selected: true, text: ["All"], value: ["$__all"] });
  return allValue ? built.allValue(allValue) : built;
}

export function chosenByLabels() {
  return [
    datasource(),
    label("cluster", "Cluster", AGENTS, ".*"),
    // Whatever else this Prometheus scrapes is not an agent.
    label("job", "Job", `${AGENTS}{cluster=~"$cluster"}`),
    label("instance", "Instance", `${AGENTS}{cluster=~"$cluster", job=~"$job"}`, ".+"),
    // Containers outside of Kubernetes have no namespace, and some have no
    // workload: All has to match the empty label, too.
    label("namespace", "Namespace", own("stillframe_container_info"), ".*"),
    label(
      "workload", "Workload",
      own("stillframe_container_info", 'namespace=~"$namespace"'), ".*"),
  ];
}

// One container, by name for people and by id for queries; and the beginning of
// its id, for commands.
export function chosenContainer() {
  return [
    query(
      "container", "Container",
      `query_result(last_over_time(${ofWorkloads("stillframe_container_info")}[$__range]))`)
      .regex('/container_id="(?<value>[^"]+)".*?,name="(?<text>[^"]*)"/'),
    query(
      "id", "Id",
      `label_values(${own("stillframe_container_info", 'container_id="$container"')}, container_id)`)
      .regex("/.*\\/([^\\/]{1,12})/")
      .hide(dashboard.VariableHide.HideVariable),
  ];
}

export function linksToOthers() {
  return [
    new dashboard.DashboardLinkBuilder("Stillframe")
      .type(dashboard.DashboardLinkType.Dashboards)
      .tags(["stillframe"])
      .asDropdown(false)
      .keepTime(true)
      .includeVars(true),
  ];
}

// From a row of a table to its container or its agent.
export function linkTo(title, uid, variable, field) {
  return {
    title,
    url: `/d/${uid}?\${__url_time_range}&\${datasource:queryparam}` +
      `&\${cluster:queryparam}&\${job:queryparam}` +
      `&var-${variable}=\${__data.fields["${field}"]:percentencode}`,
  };
}
