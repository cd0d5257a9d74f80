// SPDX-License-Identifier: Apache-2.0
//
// Draws the dashboard that the page's address names, on Grafana's grid. The result
// of each panel is in window.results, by its title; window.done when all are drawn.

import React, { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { ThemeContext, createTheme, dateTime } from "@grafana/data";
import { GlobalStyles, InlineLabel, PortalContainer } from "@grafana/ui";

import { Panel } from "./panel.jsx";
import { resolve } from "./variables.js";

const CELL = 30;
const GAP = 8;
const SIDE = 16;
const address = new URLSearchParams(location.search);
const theme = createTheme({ colors: { mode: address.get("theme") } });

function timeRange() {
  const from = dateTime(Number(address.get("from")) * 1000);
  const to = dateTime(Number(address.get("to")) * 1000);
  return { from, to, raw: { from, to } };
}

function Controls({ board, known }) {
  const shown = board.templating.list.filter(
    ({ type, hide }) => type === "query" && hide !== 2);
  return (
    <header>
      <h1>{board.title}</h1>
      <div className="controls">
        {shown.map((variable) => (
          <InlineLabel key={variable.name} width="auto" transparent={false}>
            {variable.label}: <b>{known[variable.name].text}</b>
          </InlineLabel>))}
      </div>
    </header>
  );
}

function Board({ board, context }) {
  const column = (innerWidth - 2 * SIDE + GAP) / 24;
  const bottom = Math.max(...board.panels.map(({ gridPos: p }) => p.y + p.h));
  const place = ({ x, y, w, h }) => ({
    position: "absolute", left: SIDE + x * column, top: y * (CELL + GAP),
    width: w * column - GAP, height: h * (CELL + GAP) - GAP,
  });
  return (
    <div style={{ position: "relative", height: bottom * (CELL + GAP) }}>
      {board.panels.map((panel) => {
        const style = place(panel.gridPos);
        if (panel.type === "row") {
          return <h2 key={panel.id} style={style}>{panel.title}</h2>;
        }
        return (
          <section key={panel.id} data-title={panel.title} style={style}>
            <Panel panel={panel} width={style.width} height={style.height}
              context={context} report={(result) => {
                window.results[panel.title] = result;
                const all = board.panels.filter(({ type }) => type !== "row").length;
                window.done = Object.keys(window.results).length === all;
              }} />
          </section>
        );
      })}
    </div>
  );
}

function Page() {
  const [loaded, setLoaded] = useState();
  useEffect(() => {
    (async () => {
      const board = await (await fetch(`/dashboards/${address.get("dashboard")}.json`)).json();
      const range = timeRange();
      const wanted = Object.fromEntries([...address.keys()]
        .filter((key) => key.startsWith("var-"))
        .map((key) => [key.slice("var-".length), address.getAll(key)]));
      const known = await resolve(board.templating.list, wanted, range);
      setLoaded({
        board, known, range, timeZone: "utc",
        scrapeSeconds: Number(address.get("scrape")),
      });
    })().catch((error) => { window.failed = String(error); });
  }, []);
  if (!loaded) return null;
  return (
    <>
      <Controls board={loaded.board} known={loaded.known} />
      <Board board={loaded.board} context={loaded} />
    </>
  );
}

window.results = {};
document.documentElement.style.background = theme.colors.background.canvas;
createRoot(document.getElementById("root")).render(
  <ThemeContext.Provider value={theme}>
    <GlobalStyles />
    <Page />
    <PortalContainer />
  </ThemeContext.Provider>,
);
