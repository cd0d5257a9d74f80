// SPDX-License-Identifier: Apache-2.0
//
// Draws dashboards in headless Chromium. Takes one JSON object on stdin:
// {chromium, page, dashboards, prometheus, scrape, drawings: [{dashboard, theme,
// width, from, to, variables, picture}]}; answers with one result per drawing on
// stdout: {panels: {title: {rows | message | error, clipped: […], box}}, errors}.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { text } from "node:stream/consumers";

import { chromium } from "playwright-core";

const PATIENCE_MS = 60000;
const HEIGHTS = { 1280: 800, 1920: 1080 };
// Grafana ships its fonts with its server. These are Debian's of the same families.
const FONTS = [
  ["inter/Inter-Medium", "opentype/inter/Inter-Medium.otf"],
  ["inter/", "opentype/inter/Inter-Regular.otf"],
  ["roboto/", "truetype/dejavu/DejaVuSansMono.ttf"],
];
const TYPES = {
  ".html": "text/html", ".js": "text/javascript", ".css": "text/css",
  ".json": "application/json", ".svg": "image/svg+xml",
};
// Two cores draw two pages at a time.
const AT_ONCE = 2;

const task = JSON.parse(await text(process.stdin));

function fileOf(pathname) {
  const within = (folder) =>
    pathname.startsWith(folder) && pathname.slice(folder.length);
  const font = within("/public/fonts/");
  if (font) {
    return join("/usr/share/fonts", FONTS.find(([name]) => font.startsWith(name))[1]);
  }
  const dashboard = within("/dashboards/");
  return dashboard ? join(task.dashboards, dashboard) : join(task.page, pathname);
}

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  const path = fileOf(pathname);
  try {
    response.setHeader("Cache-Control", "max-age=3600");
    response.setHeader("Content-Type", TYPES[extname(path)] ?? "text/plain");
    response.end(await readFile(path));
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const site = `http://127.0.0.1:${server.address().port}`;

// In the page: which texts of each panel are not shown to their end, and where
// the panel is. What a table has more of than fits is scrolled to.
function examined() {
  const textsOf = (section) => {
    const walker = document.createTreeWalker(section, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
      if (walker.currentNode.textContent.trim()) found.push(walker.currentNode);
    }
    return found;
  };
  const isCutOff = (text, section) => {
    const range = document.createRange();
    range.selectNodeContents(text);
    const box = range.getBoundingClientRect();
    if (!box.width) return false;
    const cell = text.parentElement.closest("[role=gridcell], [role=columnheader]")
      ?.getBoundingClientRect();
    if (cell && (box.top < cell.top - 1 || box.bottom > cell.bottom + 1)) return true;
    for (let around = text.parentElement; ; around = around.parentElement) {
      const edge = around.getBoundingClientRect();
      const hides = around === section || getComputedStyle(around).overflowX !== "visible";
      if (hides && (box.left < edge.left - 1 || box.right > edge.right + 1)) return true;
      if (around === section) return false;
    }
  };
  const found = {};
  for (const section of document.querySelectorAll("body section[data-title]")) {
    const panel = section.getBoundingClientRect();
    found[section.dataset.title] = {
      ...window.results[section.dataset.title],
      clipped: textsOf(section).filter((text) => isCutOff(text, section))
        .map((text) => text.textContent.slice(0, 80)),
      text: section.innerText,
      box: { top: panel.top + scrollY, bottom: panel.bottom + scrollY },
    };
  }
  return found;
}

async function drawn(context, drawing) {
  const page = await context.newPage();
  await page.setViewportSize({ width: drawing.width, height: HEIGHTS[drawing.width] });
  const errors = [];
  page.on("response", (response) => {
    if (response.status() >= 400) errors.push(`${response.status()} ${response.url()}`);
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  const variables = Object.entries(drawing.variables ?? {})
    .flatMap(([name, values]) => values.map((value) => [`var-${name}`, value]));
  const query = new URLSearchParams([
    ["dashboard", drawing.dashboard], ["theme", drawing.theme],
    ["from", drawing.from], ["to", drawing.to], ["scrape", task.scrape],
    ["prometheus", task.prometheus], ...variables,
  ]);
  await page.goto(`${site}/index.html?${query}`);
  await page.waitForFunction(
    () => window.done || window.failed, null, { timeout: PATIENCE_MS });
  const failed = await page.evaluate(() => window.failed);
  if (failed) errors.push(failed);
  await page.evaluate(() => document.fonts.ready);
  // Two frames: what was set last is laid out, and painted.
  await page.evaluate(() => new Promise((painted) =>
    requestAnimationFrame(() => requestAnimationFrame(painted))));
  const panels = await page.evaluate(examined);
  // As high as the page: what is scrolled to by a screenshot is not always painted.
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width: drawing.width, height });
  await page.screenshot({ path: drawing.picture });
  await page.close();
  return { panels, errors };
}

const browser = await chromium.launch({
  executablePath: task.chromium,
  args: ["--no-sandbox", "--font-render-hinting=none"],
});
// One for all: what the page is compiled to is kept.
const context = await browser.newContext();
const results = [];
const waiting = task.drawings.map((drawing, index) => ({ drawing, index }));
await Promise.all(Array.from({ length: AT_ONCE }, async () => {
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    results[next.index] = await drawn(context, next.drawing);
  }
}));
await browser.close();
server.close();
process.stdout.write(JSON.stringify(results));
