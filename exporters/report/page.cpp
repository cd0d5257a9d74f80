// SPDX-License-Identifier: Apache-2.0
#include "exporters/report/page.h"

#include <fmt/format.h>

#include <string_view>

#include "agent/base/sha256.h"
#include "agent/journal/signature.h"
#include "exporters/report/svg.h"

namespace stillframe::report {
namespace {

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;
--text:#1a2027;--dim:#5a6673;--line:#d5dbe1;--back:#fff;--panel:#f5f7f9;
--still:#4477aa;--mutated:#c8372d;--unknown:#e0a32e;--unwatched:#aab3bd;
--good:#1f7a3d;--bad:#b3261e;
--workload:#66a3d2;--exec:#c8372d;--host:#7d4fa3;--container:#b86e1f;
--runtime:#5f8f5f;--unattributed:#8a939c}
@media(prefers-color-scheme:dark){:root{
--text:#e3e8ed;--dim:#9aa6b2;--line:#39424c;--back:#14191f;--panel:#1d242c;
--still:#6699cc;--mutated:#e8655b;--unknown:#e6b655;--unwatched:#5b6670;
--good:#6cc98a;--bad:#f08a82;
--workload:#7fb8e6;--exec:#e8655b;--host:#b08ad6;--container:#dc9a55;
--runtime:#8fbf8f;--unattributed:#9aa3ac}}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,"Liberation Sans","DejaVu Sans",sans-serif;
color:var(--text);background:var(--back);margin:0 auto;max-width:1180px;
padding:24px 32px}
h1{font-size:26px;margin:0 0 4px}
h2{font-size:19px;margin:36px 0 8px;border-bottom:1px solid var(--line);
padding-bottom:4px}
h3{font-size:16px;margin:24px 0 4px;overflow-wrap:anywhere}
p{margin:6px 0;max-width:75em}
.dim{color:var(--dim)}.good{color:var(--good)}.bad{color:var(--bad)}
code,.mono{font-family:ui-monospace,"Liberation Mono","DejaVu Sans Mono",
monospace;font-size:13px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));
gap:12px;margin:18px 0}
.card{background:var(--panel);border:1px solid var(--line);border-radius:6px;
padding:10px 14px}
.card b{display:block;font-size:22px;line-height:1.25}
.card span{color:var(--dim);font-size:13px}
table{border-collapse:collapse;width:100%;margin:8px 0;font-size:13.5px}
th,td{text-align:left;vertical-align:top;padding:5px 10px 5px 0;
border-bottom:1px solid var(--line)}
td.w{overflow-wrap:anywhere}
th{color:var(--dim);font-weight:600;vertical-align:bottom}
th button{all:unset;cursor:pointer}
th button:hover{color:var(--text);text-decoration:underline}
th button:focus-visible{outline:2px solid var(--still)}
th[aria-sort=ascending] button::after{content:" \2191";opacity:1}
th[aria-sort=descending] button::after{content:" \2193";opacity:1}
td.n,th.n{text-align:right;padding-right:16px}td.n{white-space:nowrap}
td.t{min-width:5.6em}
svg{width:100%;height:auto;display:block;margin:6px 0}
svg text{font:12px system-ui,"Liberation Sans","DejaVu Sans",sans-serif;
fill:var(--text)}
svg .tick{fill:var(--dim);font-size:11px}
svg .grid{stroke:var(--line);stroke-width:1}
.c-still{fill:var(--still)}.c-mutated{fill:var(--mutated)}
.c-unknown{fill:var(--unknown)}.c-unwatched{fill:var(--unwatched)}
.c-stopped{fill:var(--panel);stroke:var(--line)}
.o-workload{fill:var(--workload)}.o-exec{fill:var(--exec)}
.o-host{fill:var(--host)}.o-container{fill:var(--container)}
.o-runtime{fill:var(--runtime)}.o-unattributed{fill:var(--unattributed)}
.u-in-place{fill:var(--mutated)}.u-replaced{fill:var(--still)}
.legend{color:var(--dim);font-size:13px}
.legend svg{display:inline-block;width:12px;height:12px;margin:0 5px 0 14px;
vertical-align:-1px}
article{break-inside:auto}
@media print{:root{color-scheme:light;
--text:#000;--dim:#444;--line:#bbb;--back:#fff;--panel:#fff;
--still:#4477aa;--mutated:#c8372d;--unknown:#e0a32e;--unwatched:#aab3bd;
--good:#1f7a3d;--bad:#b3261e;
--workload:#66a3d2;--exec:#c8372d;--host:#7d4fa3;--container:#b86e1f;
--runtime:#5f8f5f;--unattributed:#8a939c}
@page{margin:14mm}
body{padding:0;max-width:none;font-size:11px}
table{font-size:9.5px}code,.mono{font-size:9px}td.t{white-space:normal}
th,td{padding-right:7px}td.n,th.n{padding-right:9px}
.legend{font-size:10px}.card b{font-size:17px}.card span{font-size:10px}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
thead{display:table-header-group}tr,svg,.card{break-inside:avoid}
h2,h3{break-after:avoid}}
)";

// Tables are sorted by their heads; without scripts they stay as they are.
constexpr std::string_view kScript = R"(
for (const table of document.querySelectorAll("table.sort")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = row => {
        const cell = row.cells[column];
        return cell.dataset.n === undefined ? cell.textContent
                                            : Number(cell.dataset.n);
      };
      const rows = [...table.tBodies[0].rows].sort((a, b) => {
        const x = key(a), y = key(b);
        return (typeof x === "number" ? x - y : x.localeCompare(y)) *
               (down ? -1 : 1);
      });
      table.tBodies[0].append(...rows);
    });
  });
}
)";

// A source of a content security policy (W3C CSP 3, 2.3.1).
std::string csp_hash(std::string_view content) {
  const std::string hex = sha256_hex(content);
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return "'sha256-" + journal::to_base64(bytes) + "'";
}

}  // namespace

std::string page(const std::string& title, const std::string& body) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
      "'none'; style-src {}; script-src {}; base-uri 'none'; form-action "
      "'none'\"><meta name=\"viewport\" content=\"width=device-width, "
      "initial-scale=1\"><title>{}</title><style>{}</style></head>\n<body>{}"
      "<script>{}</script></body></html>\n",
      csp_hash(kStyle), csp_hash(kScript), html_text(title), kStyle, body,
      kScript);
}

}  // namespace stillframe::report
