// Search of the reference: only what has all the words stays, in the index and on the page.
(() => {
  const box = document.getElementById("find");
  const articles = [...document.querySelectorAll("article.operation")].map((node) => [node, node.textContent.toLowerCase()]);
  const search = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const [node, text] of articles) {
      node.hidden = !words.every((word) => text.includes(word));
      document.querySelector(`a[data-names="${node.id}"]`).parentElement.hidden = node.hidden;
      found += node.hidden ? 0 : 1;
    }
    for (const heading of document.querySelectorAll("[data-holds]")) {
      heading.hidden = heading.dataset.holds.split(" ").every((id) => document.getElementById(id).hidden);
    }
    document.getElementById("none").hidden = found > 0;
  };
  box.addEventListener("input", search);
  search();
})();
