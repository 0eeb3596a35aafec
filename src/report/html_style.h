// The style sheet of the HTML report. Light and dark, from a phone to a wide screen.
#pragma once

#include <string_view>

namespace whet::report {

inline constexpr std::string_view kHtmlStyle = R"css(
:root{--paper:#fff;--soft:#f6f8fa;--ink:#1f2328;--muted:#59636e;--line:#d8dee4;--accent:#0072b2;
--pays:#00734f;--pays-bg:#dff5ec;--not:#a84300;--not-bg:#fdeadd;--tell:#4c5561;--tell-bg:#eceff2;
color-scheme:light dark}
@media (prefers-color-scheme:dark){:root{--paper:#14181d;--soft:#1b2027;--ink:#e6edf3;--muted:#9aa4ae;
--line:#313842;--accent:#6cb6f0;--pays:#4cd3a5;--pays-bg:#12372c;--not:#ff9d5c;--not-bg:#402413;
--tell:#b4bdc7;--tell-bg:#2a3038;
--c-1f2328:#e6edf3;--c-656d76:#9aa4ae;--c-e4e7eb:#2a313a;--c-afb8c1:#57606a;--c-009e73:#2fc39a;
--c-d55e00:#f58a42;--c-0072b2:#6cb6f0;--c-8cc6ec:#2f628c;--c-5aa5d6:#4a90c2}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",Helvetica,Arial,sans-serif}
main{max-width:1200px;margin:0 auto;padding:2rem 1.25rem 4rem}
h1{font-size:1.05rem;font-weight:600;color:var(--muted);margin:0 0 .6rem;overflow-wrap:anywhere}
h2{font-size:1.3rem;margin:3rem 0 .75rem;letter-spacing:-.01em}
h3{font-size:1rem;margin:0 0 .5rem}
p{margin:.4rem 0}
.headline{font-size:1.45rem;line-height:1.35;font-weight:650;letter-spacing:-.015em;margin:0 0 .6rem;
text-wrap:pretty}
.more{font-size:1.05rem;margin:.15rem 0}
.muted,figcaption{color:var(--muted)}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:10px;-webkit-overflow-scrolling:touch}
table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:.5rem .5rem;text-align:left;white-space:nowrap;border-bottom:1px solid var(--line)}
tr:last-child td,tr:last-child th{border-bottom:0}
thead th{font-weight:600;color:var(--muted);background:var(--soft);vertical-align:bottom}
thead small{display:block;font-weight:400}
.n{text-align:right}
tbody th{font-weight:600;position:sticky;left:0;background:var(--paper);white-space:normal;
min-width:6rem;max-width:16rem;overflow-wrap:break-word;hyphens:none}
@media (max-width:900px){td .i{display:block}.wide{display:none}}
thead th:first-child{position:sticky;left:0;z-index:1}
tr.control th,tr.control td,tr.baseline td{color:var(--muted)}
.i{color:var(--muted);font-size:.85em}
.pill{display:inline-block;padding:.1rem .6rem;border-radius:99px;font-weight:600;font-size:.85em;
background:var(--tell-bg);color:var(--tell)}
.pays{background:var(--pays-bg);color:var(--pays)}
.not{background:var(--not-bg);color:var(--not)}
.plain{background:none;padding:0;font-weight:400;color:var(--muted)}
ul.why{list-style:none;padding:0;margin:1rem 0 0;display:grid;gap:.5rem}
ul.why .pill{margin-right:.4rem}
ul.notes{padding-left:1.2rem;margin:.5rem 0}
.caveats{border-left:3px solid var(--line);padding:.2rem 0 .2rem 1rem;margin:1.25rem 0 0;font-size:.93rem}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,520px),1fr));gap:1.25rem}
figure{margin:0;border:1px solid var(--line);border-radius:10px;padding:1rem;min-width:0}
figure .picture{overflow-x:auto}
@media (min-width:1000px){figure:first-child{grid-column:1/-1;display:grid;grid-template-columns:minmax(0,700px) 1fr;
column-gap:2rem}figure:first-child h3{grid-column:1/-1}figure:first-child figcaption{font-size:.95rem;
align-self:center}}
figure svg{display:block;width:100%;min-width:500px;height:auto}
figcaption{font-size:.87rem;margin-top:.6rem}
details{border-bottom:1px solid var(--line)}
details details{border:0;border-top:1px solid var(--line)}
summary{cursor:pointer;padding:.55rem .75rem;overflow-wrap:anywhere}
summary:hover{background:var(--soft)}
.traces{border:1px solid var(--line);border-radius:10px;overflow:hidden}
.traces>details:last-child{border-bottom:0}
.trace{padding:.25rem .75rem 1rem 1.4rem}
.mark{display:inline-block;width:1.3em;font-weight:700}
.ok{color:var(--pays)}.bad{color:var(--not)}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--soft);border-radius:8px;padding:.7rem .9rem;
margin:.35rem 0 .9rem;font:.83rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.candidate{border-left:3px solid var(--line);padding-left:.8rem;margin:.6rem 0}
.candidate.chosen{border-color:var(--accent)}
.candidate p{margin:0;font-size:.88rem}
.label{font-size:.85rem;color:var(--muted);margin:.5rem 0 .15rem}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,340px),1fr));gap:1.5rem 2.5rem}
dl{display:grid;grid-template-columns:minmax(7rem,auto) 1fr;gap:.2rem 1rem;margin:0;font-size:.9rem}
dt{color:var(--muted)}dd{margin:0;overflow-wrap:anywhere}
footer{margin-top:3rem;color:var(--muted);font-size:.87rem}
@media (max-width:640px){main{padding:1.25rem .9rem 3rem}.headline{font-size:1.28rem}h2{margin-top:2.2rem}
th,td{padding:.45rem .55rem}tbody th{min-width:8.2rem;max-width:9rem}figure{padding:.7rem}
.trace{padding-left:.75rem}}
@media print{details>*{display:block}.scroll,.traces{border:0}}
)css";

}  // namespace whet::report
