// What scrolls is reached by the keyboard; a cell without a word isn't a heading.
const WIDE = "pre, .table-wrapper, .cell_output .output, .cell_output table";
const mark = () => {
  for (const part of document.querySelectorAll(WIDE)) {
    const scrolls = part.scrollWidth > part.clientWidth && getComputedStyle(part).overflowX !== "visible";
    if (scrolls) part.tabIndex = 0;
    else part.removeAttribute("tabindex");
  }
};
for (const head of document.querySelectorAll("th")) {
  if (head.textContent.trim()) continue;
  const cell = document.createElement("td");
  cell.className = head.className;
  cell.colSpan = head.colSpan;
  head.replaceWith(cell);
}
mark();
addEventListener("resize", mark);
addEventListener("load", mark);
