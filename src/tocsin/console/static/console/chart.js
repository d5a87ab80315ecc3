// The days of the overview as stacked bars, in the colours of the kit. They stand beside a table of the same numbers.
(() => {
  const canvas = document.getElementById("days");
  if (!canvas) return;
  const { labels, series } = JSON.parse(document.getElementById("days-data").textContent);
  const paint = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const chart = new Chart(canvas, {
    type: "bar",
    data: { labels, datasets: series.map((each) => ({
      label: each.label, data: each.values, borderRadius: 3, maxBarThickness: 36,
    })) },
    options: {
      maintainAspectRatio: false,
      animation: still ? false : { duration: 400 },
      interaction: { mode: "index", intersect: false },
      plugins: { legend: { position: "bottom", labels: { boxWidth: 12 } } },
      scales: {
        x: { stacked: true, grid: { display: false }, ticks: { maxRotation: 0, autoSkipPadding: 14 } },
        y: { stacked: true, beginAtZero: true, ticks: { precision: 0, maxTicksLimit: 6 } },
      },
    },
  });
  const dress = () => {
    const text = paint("--tblr-secondary") || "#667382";
    chart.data.datasets.forEach((each, turn) => { each.backgroundColor = paint(`--tblr-${series[turn].colour}`); });
    chart.options.plugins.legend.labels.color = text;
    chart.options.scales.x.ticks.color = text;
    chart.options.scales.y.ticks.color = text;
    chart.options.scales.y.grid = { color: "rgba(128,128,128,.18)" };
    chart.update("none");
  };
  dress();
  new MutationObserver(dress).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
})();
