// The print button of a page.
document.addEventListener("click", (event) => { if (event.target.closest("[data-print]")) window.print(); });
