// The print button of a page; paper is white, whatever the theme.
(() => {
  const root = document.documentElement;
  let theme = "";
  document.addEventListener("click", (event) => { if (event.target.closest("[data-print]")) window.print(); });
  addEventListener("beforeprint", () => { theme = root.getAttribute("data-bs-theme"); root.setAttribute("data-bs-theme", "light"); });
  addEventListener("afterprint", () => root.setAttribute("data-bs-theme", theme));
})();
