// SPDX-License-Identifier: Apache-2.0
//
// One panel: its queries, and the component that draws its type.

import React, { useEffect, useMemo, useState } from "react";
import {
  getFieldDisplayValues, renderTextPanelMarkdown,
} from "@grafana/data";
import { BigValue, PanelChrome, TimeSeries, useTheme2 } from "@grafana/ui";
import { TableNG } from "@grafana/ui/unstable";

import { Heatmap, Timeline } from "./cells.jsx";
import { prepared } from "./fields.js";
import { instant, series, table } from "./prometheus.js";
import { interpolate, stepTimes } from "./variables.js";

async function answered(panel, width, { known, range, scrapeSeconds }) {
  const points = panel.maxDataPoints ?? Math.round(width);
  const { seconds, times } = stepTimes(range, points, scrapeSeconds);
  const alone = panel.targets.length === 1;
  const frames = await Promise.all(panel.targets.map((target) => {
    const query = interpolate(target.expr, known, times);
    if (target.format === "table") return table(target, query, range, alone);
    if (target.instant) return instant(target, query, range);
    return series(target, query, range, seconds);
  }));
  return frames.flat();
}

function Stat({ panel, frames, width, height, replaceVariables, theme, timeZone }) {
  const [shown] = getFieldDisplayValues({
    fieldConfig: panel.fieldConfig, reduceOptions: { fields: "", ...panel.options.reduceOptions },
    data: frames, replaceVariables, theme, timeZone,
  });
  const { colorMode, graphMode, textMode, justifyMode } = panel.options;
  return (
    <BigValue value={shown.display} width={width} height={height} theme={theme}
      colorMode={colorMode} graphMode={graphMode} textMode={textMode ?? "auto"}
      justifyMode={justifyMode ?? "auto"} count={1} />
  );
}

function Table({ frames, width, height, panel, timeRange, theme }) {
  return (
    <TableNG data={frames[0]} width={width} height={height} structureRev={1}
      cellHeight="sm" fieldConfig={panel.fieldConfig} timeRange={timeRange}
      noValue={panel.fieldConfig.defaults.noValue} enableVirtualization={false} />
  );
}

function Series({ frames, width, height, panel, timeRange, timeZone }) {
  return (
    <TimeSeries frames={frames} width={width} height={height} structureRev={1}
      timeRange={timeRange} timeZone={timeZone} legend={panel.options.legend}
      options={panel.options} />
  );
}

const DRAWN_BY = {
  stat: Stat, table: Table, timeseries: Series, "state-timeline": Timeline,
  heatmap: Heatmap,
};

function Text({ panel, replaceVariables }) {
  const html = renderTextPanelMarkdown(replaceVariables(panel.options.content));
  return <div className="markdown-html" dangerouslySetInnerHTML={{ __html: html }} />;
}

// What Grafana shows where there is nothing to draw.
function Message({ text, height }) {
  return <div className="message" style={{ height }}>{text}</div>;
}

function Body({ panel, width, height, context, report }) {
  const theme = useTheme2();
  const { timeZone, known, range } = context;
  const replaceVariables = useMemo(
    () => (text) => interpolate(text ?? "", known), [known]);
  const [state, setState] = useState({});
  useEffect(() => {
    answered(panel, width, context)
      .then((frames) => prepared(panel, frames, { theme, timeZone, replaceVariables }))
      .then((frames) => {
        const drawable = panel.type === "stat" || frames.some((frame) => frame.length);
        setState({ frames, drawable });
        report(drawable
          ? { rows: frames.reduce((sum, frame) => sum + frame.length, 0) }
          : { message: panel.fieldConfig.defaults.noValue ?? "No data" });
      })
      .catch((error) => {
        setState({ error });
        report({ error: String(error) });
      });
  }, []);
  if (state.error) return <Message text={String(state.error)} height={height} />;
  if (!state.frames) return null;
  if (!state.drawable) {
    return <Message text={panel.fieldConfig.defaults.noValue} height={height} />;
  }
  const Drawn = DRAWN_BY[panel.type];
  return (
    <Drawn panel={panel} frames={state.frames} width={width} height={height}
      timeRange={range} timeZone={timeZone} theme={theme}
      replaceVariables={replaceVariables} />
  );
}

export function Panel({ panel, width, height, context, report }) {
  const text = panel.type === "text";
  useEffect(() => { if (text) report({ rows: 1 }); }, []);
  return (
    <PanelChrome title={panel.title} description={panel.description} width={width}
      height={height} padding={panel.type === "table" || panel.type === "stat" ? "none" : "md"}>
      {(innerWidth, innerHeight) => (text
        ? <Text panel={panel} replaceVariables={(t) => interpolate(t, context.known)} />
        : (
          <Body panel={panel} width={innerWidth} height={innerHeight} context={context}
            report={report} />))}
    </PanelChrome>
  );
}
