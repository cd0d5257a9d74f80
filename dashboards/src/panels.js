// SPDX-License-Identifier: Apache-2.0
//
// Panels and variables in the one shape that this project uses.

import common from "@grafana/grafana-foundation-sdk/common";
import dashboard from "@grafana/grafana-foundation-sdk/dashboard";
import heatmap from "@grafana/grafana-foundation-sdk/heatmap";
import prometheus from "@grafana/grafana-foundation-sdk/prometheus";
import stat from "@grafana/grafana-foundation-sdk/stat";
import statetimeline from "@grafana/grafana-foundation-sdk/statetimeline";
import table from "@grafana/grafana-foundation-sdk/table";
import timeseries from "@grafana/grafana-foundation-sdk/timeseries";

const DATASOURCE = { type: "prometheus", uid: "$datasource" };
export const FULL_WIDTH = 24;
const HEIGHT = 8;

export function datasourceVariable() {
  return new dashboard.DatasourceVariableBuilder("datasource")
    .label("Data source")
    .type("prometheus");
}

export function labelVariable(name, label, metric, allValue) {
  return new dashboard.QueryVariableBuilder(name)
    .label(label)
    .datasource(DATASOURCE)
    .query(`label_values(${metric}, ${name})`)
    .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
    .sort(dashboard.VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue(allValue)
    .current({ selected: true, text: ["All"], value: ["$__all"] });
}

function target(query, index) {
  const built = new prometheus.DataqueryBuilder()
    .refId(String.fromCharCode("A".charCodeAt(0) + index))
    .datasource(DATASOURCE)
    .expr(query.expr);
  if (query.legend) built.legendFormat(query.legend);
  if (query.format) built.format(query.format);
  return query.instant ? built.instant() : built.range();
}

// `spec`: {title, description, unit, width, queries: [{expr, legend}]}.
function panel(builder, spec) {
  builder
    .title(spec.title)
    .description(spec.description)
    .unit(spec.unit)
    .datasource(DATASOURCE)
    .span(spec.width)
    .height(spec.height ?? HEIGHT);
  spec.queries.forEach((query, index) => {
    builder.withTarget(target(query, index));
  });
  return builder;
}

export function row(title) {
  return new dashboard.RowBuilder(title);
}

// `spec.steps`: [{value, color}], the first one with value null.
export function number(spec) {
  const queries = spec.queries.map((query) => ({ ...query, instant: true }));
  return panel(new stat.PanelBuilder(), { height: 4, ...spec, queries })
    .colorMode(common.BigValueColorMode.Value)
    .graphMode(common.BigValueGraphMode.None)
    .thresholds(
      new dashboard.ThresholdsConfigBuilder()
        .mode(dashboard.ThresholdsMode.Absolute)
        .steps(spec.steps ?? [{ value: null, color: "text" }]),
    );
}

function plot(spec) {
  return panel(new timeseries.PanelBuilder(), spec)
    .min(0)
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder()
        .mode(common.TooltipDisplayMode.Multi)
        .sort(common.SortOrder.Descending),
    );
}

export function lines(spec) {
  return plot(spec)
    .drawStyle(common.GraphDrawStyle.Line)
    .showPoints(common.VisibilityMode.Never)
    .fillOpacity(10);
}

export function bars(spec) {
  return plot(spec)
    .drawStyle(common.GraphDrawStyle.Bars)
    .fillOpacity(80)
    .lineWidth(0)
    .stacking(
      new common.StackingConfigBuilder().mode(common.StackingMode.Normal),
    );
}

// `spec.expr`: buckets by `le`.
export function heat(spec) {
  const queries = [
    {
      expr: spec.expr,
      legend: "{{le}}",
      format: prometheus.PromQueryFormat.Heatmap,
    },
  ];
  return panel(new heatmap.PanelBuilder(), { ...spec, queries }).yAxis(
    new heatmap.YAxisConfigBuilder().unit(spec.unit),
  );
}

// `spec.states`: {value: {text, color}}.
export function states(spec) {
  return panel(new statetimeline.PanelBuilder(), spec)
    .mappings([{ type: dashboard.MappingType.ValueToText, options: spec.states }])
    .showValue(common.VisibilityMode.Never)
    .thresholds(
      new dashboard.ThresholdsConfigBuilder()
        .mode(dashboard.ThresholdsMode.Absolute)
        .steps([{ value: null, color: "text" }]),
    );
}

// One row per label set, with a column for each query. `spec.columns`:
// {field: title}, in that order; other fields are hidden. `spec.units`:
// {title: unit}, where it is not the panel's.
export function rows(spec) {
  const queries = spec.queries.map((query) => ({
    ...query,
    instant: true,
    format: prometheus.PromQueryFormat.Table,
  }));
  const names = Object.keys(spec.columns);
  const built = panel(new table.PanelBuilder(), { ...spec, queries })
    .withTransformation({ id: "merge", options: {} })
    .withTransformation({
      id: "filterFieldsByName",
      options: { include: { names } },
    })
    .withTransformation({
      id: "organize",
      options: {
        renameByName: spec.columns,
        indexByName: Object.fromEntries(names.map((name, i) => [name, i])),
      },
    });
  for (const [column, unit] of Object.entries(spec.units ?? {})) {
    built.overrideByName(column, [{ id: "unit", value: unit }]);
  }
  return built;
}
