// SPDX-License-Identifier: Apache-2.0
//
// Panels in the one shape that this project uses.

import common from "@grafana/grafana-foundation-sdk/common";
import dashboard from "@grafana/grafana-foundation-sdk/dashboard";
import heatmap from "@grafana/grafana-foundation-sdk/heatmap";
import prometheus from "@grafana/grafana-foundation-sdk/prometheus";
import stat from "@grafana/grafana-foundation-sdk/stat";
import statetimeline from "@grafana/grafana-foundation-sdk/statetimeline";
import table from "@grafana/grafana-foundation-sdk/table";
import text from "@grafana/grafana-foundation-sdk/text";
import timeseries from "@grafana/grafana-foundation-sdk/timeseries";

import { PLAIN } from "./colors.js";

export const DATASOURCE = { type: "prometheus", uid: "$datasource" };
export const FULL_WIDTH = 24;
export const HALF = FULL_WIDTH / 2;
export const THIRD = FULL_WIDTH / 3;
const HEIGHT = 8;
// So many bars fit a third of a small screen.
const BARS = 48;

export function target(query, index = 0) {
  const built = new prometheus.DataqueryBuilder()
    .refId(String.fromCharCode("A".charCodeAt(0) + index))
    .datasource(DATASOURCE)
    .expr(query.expr);
  if (query.legend) built.legendFormat(query.legend);
  if (query.format) built.format(query.format);
  return query.instant ? built.instant() : built.range();
}

function thresholds(steps) {
  return new dashboard.ThresholdsConfigBuilder()
    .mode(dashboard.ThresholdsMode.Absolute)
    .steps(steps);
}

function fixed(color) {
  return { id: "color", value: { mode: "fixed", fixedColor: color } };
}

// `spec`: {title, description, unit, width, queries: [{expr, legend}], none}.
// `none` is what an empty panel says, in place of "No data".
function panel(builder, spec) {
  builder
    .title(spec.title)
    .description(spec.description)
    .unit(spec.unit)
    .noValue(spec.none ?? "No agent was scraped")
    .datasource(DATASOURCE)
    .span(spec.width)
    .height(spec.height ?? HEIGHT);
  spec.queries.forEach((query, index) => {
    builder.withTarget(target(query, index));
  });
  if (spec.decimals !== undefined) builder.decimals(spec.decimals);
  if (spec.mappings) builder.mappings(spec.mappings);
  return builder;
}

// {value: {text, color}} as Grafana has it.
export function mapping(options) {
  return [{
    type: dashboard.MappingType.ValueToText,
    options: Object.fromEntries(
      Object.entries(options).map(([value, shown], index) =>
        [value, { ...shown, index }])),
  }];
}

export function row(title) {
  return new dashboard.RowBuilder(title);
}

// `spec.steps`: [{value, color}], the first one with value null; with them, the
// color fills the panel. `spec.sum`: adds up all steps of the time range.
// `spec.lines`: plots the value behind it.
export function number(spec) {
  const queries = spec.queries.map((query) => ({ ...query, instant: !spec.sum }));
  const built = panel(new stat.PanelBuilder(), { height: 4, ...spec, queries })
    .colorMode(
      spec.steps || spec.mappings
        ? common.BigValueColorMode.BackgroundSolid
        : common.BigValueColorMode.None)
    .graphMode(common.BigValueGraphMode.None)
    .reduceOptions(
      new common.ReduceDataOptionsBuilder()
        .calcs([spec.sum ? "sum" : "lastNotNull"]))
    .thresholds(thresholds(spec.steps ?? [{ value: null, color: PLAIN }]));
  if (spec.label) built.textMode(common.BigValueTextMode.Name);
  return spec.sum ? built.maxDataPoints(BARS) : built;
}

// `spec.colors`: {legend: color}, where the meaning has one.
function plot(spec) {
  const built = panel(new timeseries.PanelBuilder(), spec)
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
  for (const [name, color] of Object.entries(spec.colors ?? {})) {
    built.overrideByName(name, [fixed(color)]);
  }
  return built;
}

function stacked() {
  return new common.StackingConfigBuilder().mode(common.StackingMode.Normal);
}

export function lines(spec) {
  return plot(spec)
    .drawStyle(common.GraphDrawStyle.Line)
    .showPoints(common.VisibilityMode.Never)
    .fillOpacity(10);
}

// What adds up to a meaningful whole.
export function areas(spec) {
  return lines(spec)
    .lineInterpolation(common.LineInterpolation.StepAfter)
    .fillOpacity(60)
    .lineWidth(0)
    .stacking(stacked());
}

export function bars(spec) {
  return plot({ decimals: 0, ...spec })
    .maxDataPoints(BARS)
    .drawStyle(common.GraphDrawStyle.Bars)
    .fillOpacity(80)
    .lineWidth(0)
    .stacking(stacked());
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
  return panel(new heatmap.PanelBuilder(), { ...spec, queries })
    .maxDataPoints(BARS)
    // One hue by lightness: nothing in it depends on telling hues apart.
    .color(
      new heatmap.HeatmapColorOptionsBuilder()
        .mode(heatmap.HeatmapColorMode.Scheme)
        .scheme("Blues")
        .steps(32))
    .filterValues(new heatmap.FilterValueRangeBuilder().le(1e-9))
    .yAxis(new heatmap.YAxisConfigBuilder().unit(spec.unit));
}

// `spec.mappings`: by mapping(); or `spec.steps`, where a value is a number.
export function timeline(spec) {
  return panel(new statetimeline.PanelBuilder(), spec)
    .showValue(common.VisibilityMode.Auto)
    .mergeValues(true)
    .rowHeight(0.8)
    .colorScheme(
      new dashboard.FieldColorBuilder().mode(dashboard.FieldColorModeId.Thresholds))
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(Boolean(spec.mappings)))
    .thresholds(thresholds(spec.steps ?? [{ value: null, color: PLAIN }]));
}

// One row per label set, with a column for each query. `spec.columns`:
// {field: {title, unit, decimals, width, mappings, link, hidden}}, in that order;
// other fields are left out. `spec.sort`: {field, desc}. Long texts wrap: an SRE
// copies them, and what is cut off cannot be.
export function rows(spec) {
  const queries = spec.queries.map((query) => ({
    ...query,
    instant: true,
    format: prometheus.PromQueryFormat.Table,
  }));
  const names = Object.keys(spec.columns);
  const titles = Object.fromEntries(
    Object.entries(spec.columns).map(([name, column]) => [name, column.title]));
  const built = panel(new table.PanelBuilder(), { ...spec, queries })
    .withTransformation({ id: "merge", options: {} })
    .withTransformation({
      id: "filterFieldsByName",
      options: { include: { names } },
    })
    .withTransformation({
      id: "organize",
      options: {
        renameByName: titles,
        indexByName: Object.fromEntries(names.map((name, i) => [name, i])),
      },
    })
    .withTransformation({
      id: "sortBy",
      options: {
        fields: {},
        sort: [{ field: titles[spec.sort.field], desc: Boolean(spec.sort.desc) }],
      },
    });
  for (const column of Object.values(spec.columns)) {
    const properties = Object.entries({
      unit: column.unit,
      decimals: column.decimals,
      mappings: column.mappings,
      noValue: column.none ?? "–",
      links: column.link && [column.link],
      "custom.width": column.width,
      "custom.minWidth": column.width ? undefined : 90,
      "custom.align": column.unit ? "right" : "left",
      // The first by tables before Grafana 13.
      "custom.hidden": column.hidden,
      "custom.hideFrom": column.hidden && { viz: true, legend: false, tooltip: false },
      "custom.wrapText": column.unit ? undefined : true,
      // Colour marks the cell, and the cell says what it means in words.
      "custom.cellOptions": column.mappings?.[0].type === "value" && !column.plain
        ? { type: "color-background", mode: "basic", wrapText: true }
        : column.unit ? undefined : { type: "auto", wrapText: true },
    })
      .filter(([, value]) => value !== undefined)
      .map(([id, value]) => ({ id, value }));
    built.overrideByName(column.title, properties);
  }
  return built;
}

export function words(spec) {
  return new text.PanelBuilder()
    .title(spec.title)
    .description(spec.description)
    .span(spec.width)
    .height(spec.height ?? HEIGHT)
    .mode(text.TextMode.Markdown)
    .content(spec.content);
}
