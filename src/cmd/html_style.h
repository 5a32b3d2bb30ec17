/* SPDX-License-Identifier: Apache-2.0
 *
 * How the report page looks and what it can do: a style for light and dark, wide and narrow; tables that sort by the
 * column that is clicked.
 */
#ifndef CMD_HTML_STYLE_H
#define CMD_HTML_STYLE_H

static const char html_style[] =
    ":root{--bg:#f6f7f6;--card:#fff;--ink:#1b2220;--soft:#5d6a66;--line:#dfe5e2;--whole:#0d7a68;"
    "--alone:#c2571a;--area:#9fcfc4;--cut:#f3b4a4;--warn:#fff4dc;--warnline:#e2b95a;color-scheme:"
    "light dark}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#121615;--card:#1b211f;--ink:#e6ecea;--soft:"
    "#9aa8a3;--line:#2d3633;--whole:#46c6ae;--alone:#ee9055;--area:#2a6458;--cut:#7c3a2c;--warn:"
    "#352c16;--warnline:#8a6d25}}\n"
    "*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 "
    "system-ui,sans-serif}\n"
    "main{max-width:1120px;margin:0 auto;padding:28px 18px 60px}\n"
    "h1{font-size:27px;line-height:1.2;margin:0 0 4px;overflow-wrap:anywhere}\n"
    "h2{font-size:18px;margin:38px 0 4px}p{margin:4px 0 14px}\n"
    ".soft{color:var(--soft)}code{font:13px ui-monospace,monospace;overflow-wrap:anywhere}\n"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:16px "
    "18px}"
    "\n"
    ".facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(128px,1fr));gap:12px;margin:"
    "20px 0}\n"
    ".facts .card{padding:12px 14px}.facts b{display:block;font-size:19px;line-height:1.3}.facts "
    "span{color:var(--soft);font-size:13px}\n"
    ".warn{background:var(--warn);border-color:var(--warnline);margin:12px 0}.warn ul{margin:6px 0 "
    "0;padding-left:20px}\n"
    ".worst{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,430px),1fr));gap:"
    "14px"
    "}\n"
    ".worst p{margin:6px 0}.worst code{font-weight:600}\n"
    ".pairs{display:grid;gap:14px}.pair{display:grid;grid-template-columns:1fr 1fr;gap:10px}\n"
    "figure{margin:0}figcaption{font-size:13px;color:var(--soft);padding-top:4px}\n"
    "img{display:block;width:100%;height:auto;border-radius:8px}\n"
    ".scroll{overflow-x:auto}svg{display:block}svg.histogram{width:100%;height:auto;margin-top:8px}"
    "\n"
    "svg.small{width:150px;height:34px}svg.chart{width:100%;min-width:680px;height:auto}\n"
    "svg text{fill:var(--soft);font:12px system-ui,sans-serif}\n"
    ".area{fill:var(--area)}.thr{stroke:var(--alone);stroke-width:1.5;fill:none}.cut{fill:var(--"
    "cut)"
    "}\n"
    ".axis,.grid{stroke:var(--line);fill:none}polyline.whole{fill:none;stroke:var(--whole);stroke-"
    "width:2}\n"
    "circle.whole{fill:var(--whole)}circle.alone{fill:var(--alone)}\n"
    ".key i{display:inline-block;width:10px;height:10px;border-radius:5px;margin:0 6px 0 14px}.key "
    "i:first-child{margin-left:0}\n"
    "table{border-collapse:collapse;width:100%;font-size:13px}th,td{padding:5px "
    "9px;border-bottom:1px "
    "solid var(--line);text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}\n"
    "td:first-child{white-space:normal;min-width:210px}th:first-child,td:first-child{text-align:"
    "left}"
    "th{color:var(--soft);font-weight:600}\n"
    "table.sorts th{cursor:pointer}table.sorts th:hover{color:var(--ink)}td.bad{color:var(--alone);"
    "font-weight:600}\n"
    "@media(max-width:560px){main{padding:18px 12px 40px}.pair{grid-template-columns:1fr}.card{"
    "padding:12px}}\n";

/* Without the characters that XML reserves. */
static const char html_script[] =
    "document.querySelectorAll('table.sorts').forEach(function(table){\n"
    "  table.querySelectorAll('th').forEach(function(head,column){\n"
    "    var sign=-1;\n"
    "    head.addEventListener('click',function(){\n"
    "      sign=-sign;\n"
    "      var key=function(row){return "
    "row.cells[column].dataset.v||row.cells[column].textContent;};\n"
    "      var order=function(a,b){\n"
    "        var p=key(a),q=key(b),d=Number(p)-Number(q);\n"
    "        return sign*(isNaN(d)?p.localeCompare(q):d);\n"
    "      };\n"
    "      var rows=Array.from(table.tBodies[0].rows).sort(order);\n"
    "      rows.forEach(function(row){table.tBodies[0].appendChild(row);});\n"
    "    });\n"
    "  });\n"
    "});\n";

#endif
