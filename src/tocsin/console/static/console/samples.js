// The language that was chosen among the samples stays so on the next visit.
(() => {
  const NAME = "tocsin-sample";
  const chosen = document.getElementById(localStorage.getItem(NAME) ?? "");
  if (chosen?.matches("#samples [data-bs-toggle]")) chosen.click();
  document.addEventListener("shown.bs.tab", (event) => {
    if (event.target.closest("#samples")) localStorage.setItem(NAME, event.target.id);
  });
})();
