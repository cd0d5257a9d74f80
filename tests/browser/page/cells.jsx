// SPDX-License-Identifier: Apache-2.0
//
// State timeline and heatmap. Grafana's own are part of its front end, which is in
// no package: these draw rows of cells on its plot, with its axes, time and theme.

import React, { useMemo } from "react";
import { getFieldDisplayName, getValueFormat, formattedValueToString } from "@grafana/data";
import { ScaleDirection, ScaleOrientation } from "@grafana/schema";
import { UPlotChart, UPlotConfigBuilder, VizLayout, VizLegend } from "@grafana/ui";
import { interpolateBlues } from "d3-scale-chromatic";

const FONT = "12px Inter, sans-serif";

// `rows`: [{label, cells: [{from, to, color, text, ink}]}], the first on top.
function Rows({ rows, labels, splits, width, height, timeRange, timeZone, theme }) {
  const config = useMemo(() => {
    const from = timeRange.from.valueOf();
    const to = timeRange.to.valueOf();
    const builder = new UPlotConfigBuilder(timeZone);
    builder.addScale({
      scaleKey: "x", isTime: true, orientation: ScaleOrientation.Horizontal,
      direction: ScaleDirection.Right, range: () => [from, to],
    });
    builder.addScale({
      scaleKey: "y", orientation: ScaleOrientation.Vertical,
      direction: ScaleDirection.Up, range: () => [0, rows.length],
    });
    builder.addAxis({
      scaleKey: "x", isTime: true, placement: "bottom", timeZone, theme,
      grid: { show: false },
    });
    const ink = document.createElement("canvas").getContext("2d");
    ink.font = FONT;
    builder.addAxis({
      scaleKey: "y", placement: "left", theme, grid: { show: false },
      splits: () => splits, values: () => labels,
      size: Math.ceil(Math.max(...labels.map((l) => ink.measureText(l).width))) + 24,
    });
    builder.addSeries({ scaleKey: "y", theme, pathBuilder: () => null, show: true });
    builder.addHook("draw", (u) => {
      const { ctx } = u;
      ctx.save();
      ctx.beginPath();
      ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
      ctx.clip();
      rows.forEach((row, index) => {
        const top = u.valToPos(rows.length - index - 0.1, "y", true);
        const bottom = u.valToPos(rows.length - index - 0.9, "y", true);
        for (const cell of row.cells) {
          const left = Math.max(u.valToPos(cell.from, "x", true), u.bbox.left);
          const right = u.valToPos(cell.to, "x", true);
          ctx.fillStyle = cell.color;
          ctx.fillRect(left, top, Math.max(right - left - (row.gap ?? 0), 1), bottom - top);
          ctx.font = FONT;
          if (cell.text && ctx.measureText(cell.text).width + 8 < right - left) {
            ctx.fillStyle = cell.ink;
            ctx.textAlign = "left";
            ctx.textBaseline = "middle";
            ctx.fillText(cell.text, left + 4, (top + bottom) / 2);
          }
        }
      });
      ctx.restore();
    });
    return builder;
  }, [rows, width, height]);
  const data = [[timeRange.from.valueOf(), timeRange.to.valueOf()], [0, rows.length]];
  return (
    <UPlotChart config={config} data={data} width={width} height={height}
      timeRange={timeRange} />
  );
}

export function Timeline({ panel, frames, width, height, timeRange, timeZone, theme }) {
  const rows = frames.map((frame) => {
    const [time, field] = frame.fields;
    const cells = [];
    time.values.forEach((from, index) => {
      const shown = field.display(field.values[index]);
      const to = Math.min(from + time.config.interval, timeRange.to.valueOf());
      const last = cells.at(-1);
      if (last && last.to === from && last.text === shown.text) last.to = to;
      else {
        cells.push({
          from, to, color: shown.color, text: shown.text,
          ink: theme.colors.getContrastText(shown.color),
        });
      }
    });
    return { label: getFieldDisplayName(field, frame, frames), cells };
  });
  const items = Object.values(panel.fieldConfig.defaults.mappings?.[0]?.options ?? {})
    .map(({ text, color }) => ({
      label: text, color: theme.visualization.getColorByName(color), yAxis: 1,
    }));
  const legend = panel.options.legend.showLegend
    ? (
      <VizLayout.Legend placement="bottom">
        <VizLegend placement="bottom" items={items} displayMode="list" readonly />
      </VizLayout.Legend>)
    : null;
  return (
    <VizLayout width={width} height={height} legend={legend}>
      {(innerWidth, innerHeight) => (
        <Rows rows={rows} labels={rows.map((row) => row.label)}
          splits={rows.map((_, index) => rows.length - index - 0.5)}
          width={innerWidth} height={innerHeight}
          timeRange={timeRange} timeZone={timeZone} theme={theme} />
      )}
    </VizLayout>
  );
}

// Buckets by `le` are cumulative.
export function Heatmap({ panel, frames, width, height, timeRange, timeZone, theme }) {
  const format = getValueFormat(panel.fieldConfig.defaults.unit);
  const buckets = frames
    .map((frame) => ({ bound: Number(frame.fields[1].labels.le.replace("+Inf", "Infinity")), frame }))
    .sort((a, b) => a.bound - b.bound);
  const counts = buckets.map(({ frame }) => new Map(
    frame.fields[0].values.map((time, index) => [time, frame.fields[1].values[index]])));
  const most = Math.max(1, ...counts.flatMap((count, index) =>
    [...count].map(([time, n]) => n - (counts[index - 1]?.get(time) ?? 0))));
  const rows = buckets.map(({ frame }, index) => ({
    gap: 1,
    cells: [...counts[index]].flatMap(([from, n]) => {
      const own = n - (counts[index - 1]?.get(from) ?? 0);
      return own <= 0 ? [] : [{
        from, to: from + frame.fields[0].config.interval,
        color: interpolateBlues(theme.isDark ? 0.7 - 0.7 * (own / most) : 0.3 + 0.7 * (own / most)),
      }];
    }),
  })).reverse();
  const bounds = buckets.map(({ bound }) =>
    Number.isFinite(bound) ? formattedValueToString(format(bound)) : "longer");
  return (
    <Rows rows={rows} labels={bounds} splits={bounds.map((_, index) => index + 1)}
      width={width} height={height} timeRange={timeRange} timeZone={timeZone}
      theme={theme} />
  );
}
