"use strict";
// Draws the figures, and makes the files that the buttons offer from the JSON inside this page.
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const figures = read("figures");
  const tables = read("tables");
  const charts = new Map();

  for (const place of document.querySelectorAll(".chart")) {
    const { data, layout } = figures[place.dataset.key];
    charts.set(place.dataset.key, place);
    Plotly.newPlot(place, data, layout, { displayModeBar: false, responsive: true });
  }

  const save = (name, text, type) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const { chart, table, format } = button.dataset;
    if (chart) {
      const scale = format === "png" ? 2 : 1;
      const { width, height } = charts.get(chart)._fullLayout;
      Plotly.downloadImage(charts.get(chart), { format, filename: chart, width, height, scale });
    } else if (table) {
      save(`${table}.${format}`, tables[table][format], format === "csv" ? "text/csv" : "text/x-tex");
    } else {
      save("report.json", document.getElementById("record").textContent, "application/json");
    }
  });
})();
