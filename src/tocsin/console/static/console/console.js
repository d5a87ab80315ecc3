// Copy buttons, questions before what cannot be undone, tables that keys can scroll. Listeners stand on the document: parts of
// pages are replaced.
(() => {
  const copy = async (source) => {
    const text = "value" in source ? source.value : source.textContent;
    if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
    const box = document.createElement("textarea");
    box.value = text;
    document.body.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await copy(document.querySelector(button.dataset.copy));
    const words = button.querySelector("span");
    const before = words.textContent;
    words.textContent = document.body.dataset.copied;
    setTimeout(() => { words.textContent = before; }, 1500);
  });
  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !confirm(question)) { event.preventDefault(); return; }
    if ("once" in event.target.dataset) setTimeout(() => { event.target.querySelector("button").disabled = true; });
  });
  const reach = () => {
    for (const table of document.querySelectorAll(".table-responsive")) {
      if (table.scrollWidth > table.clientWidth) table.tabIndex = 0;
      else table.removeAttribute("tabindex");
    }
  };
  reach();
  window.addEventListener("resize", reach);
  document.addEventListener("htmx:afterSettle", reach);
})();
