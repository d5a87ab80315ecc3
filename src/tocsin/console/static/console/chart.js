// The days of the overview as stacked bars, in the colours of the kit.
(() => {
  const canvas = document.getElementById("days");
  const { labels, series } = JSON.parse(document.getElementById("days-data").textContent);
  const paint = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const text = paint("--tblr-secondary") || "#667382";
  const line = "rgba(128,128,128,.18)";
  new Chart(canvas, {
    type: "bar",
    data: { labels, datasets: series.map((each) => ({
      label: each.label, data: each.values, backgroundColor: paint(`--tblr-${each.colour}`), borderRadius: 3, maxBarThickness: 36,
    })) },
    options: {
      maintainAspectRatio: false,
      plugins: { legend: { position: "bottom", labels: { color: text, boxWidth: 12 } } },
      scales: {
        x: { stacked: true, grid: { display: false }, ticks: { color: text } },
        y: { stacked: true, beginAtZero: true, grid: { color: line }, ticks: { color: text, precision: 0 } },
      },
    },
  });
})();
