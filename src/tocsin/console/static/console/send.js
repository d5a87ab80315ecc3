// The send form: lists open in full when their field is entered, files that are too large are told before they travel.
(() => {
  document.addEventListener("focusin", (event) => {
    const field = event.target;
    if (!field.matches("[data-choose]") || !field.value) return;
    field.dataset.before = field.value;
    field.placeholder = field.value;
    field.value = "";
  });
  const restore = (field) => {
    if (field.matches("[data-choose]") && !field.value && field.dataset.before) field.value = field.dataset.before;
    field.dataset.before = "";
  };
  document.addEventListener("focusout", (event) => restore(event.target));
  document.addEventListener("submit", (event) => event.target.querySelectorAll("[data-choose]").forEach(restore));
  document.addEventListener("change", (event) => {
    const field = event.target;
    if (!field.matches("[type=file][data-most]")) return;
    const size = [...field.files].reduce((sum, file) => sum + file.size, 0);
    const fits = size <= Number(field.dataset.most);
    field.setCustomValidity(fits ? "" : field.dataset.fault);
    field.classList.toggle("is-invalid", !fits);
    if (!fits) { field.reportValidity(); field.value = ""; }
  });
})();
