// The days of the overview as stacked bars, in the colours of the kit. They stand beside a table of the same numbers.
(() => {
  const canvas = document.getElementById("days");
  if (!canvas) return;
  const { labels, series } = JSON.parse(document.getElementById("days-data").textContent);
  const paint = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const draw = (animation) => {
    const color = paint("--tblr-secondary") || "#667382";
    return new Chart(canvas, {
      type: "bar",
      data: { labels, datasets: series.map((each) => ({
        label: each.label, data: each.values, backgroundColor: paint(`--tblr-${each.colour}`), borderRadius: 3, maxBarThickness: 36,
      })) },
      options: {
        maintainAspectRatio: false,
        animation,
        interaction: { mode: "index", intersect: false },
        plugins: { legend: { position: "bottom", labels: { color, boxWidth: 12 } } },
        scales: {
          x: { stacked: true, grid: { display: false }, ticks: { color, maxRotation: 0, autoSkipPadding: 14 } },
          y: { stacked: true, beginAtZero: true, grid: { color: "rgba(128,128,128,.18)" }, ticks: { color, precision: 0, maxTicksLimit: 6 } },
        },
      },
    });
  };
  let chart = draw(still ? false : { duration: 400 });
  new MutationObserver(() => { chart.destroy(); chart = draw(false); })
    .observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
})();
