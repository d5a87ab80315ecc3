// Before anything is painted: the chosen theme, else the system's. The zone that the system is in goes along with requests.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const set = () => root.setAttribute("data-bs-theme", root.dataset.theme || (dark.matches ? "dark" : "light"));
  set();
  document.cookie = `tocsin_zone=${Intl.DateTimeFormat().resolvedOptions().timeZone}; path=/; max-age=31536000; samesite=lax`;
  dark.addEventListener("change", set);
})();
