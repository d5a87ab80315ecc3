// The panel "Try it": signs a request in this page and sends it to this installation. The key leaves the page only as sign.
"use strict";

function makeTry(operations, h) {
  const account = h("input", { autocomplete: "off", spellcheck: "false", placeholder: "yn00001" });
  const key = h("input", { type: "password", autocomplete: "off", placeholder: "API key" });
  const choice = h("select", {}, ...operations.map((each, i) => h("option", { value: String(i) }, each.label)));
  const input = h("textarea", { spellcheck: "false", rows: "7" });
  const inputName = h("span", {});
  const said = h("span", { role: "status" });
  const curl = h("pre", { tabindex: "0" });
  const reply = h("pre", { tabindex: "0", hidden: "" });
  const send = h("button", { type: "button", class: "send" }, "Send");
  const copy = h("button", { type: "button" }, "Copy as curl");

  const chosen = () => operations[Number(choice.value)];
  const build = () => {
    const at = String(Math.floor(Date.now() / 1000));
    const query = new URLSearchParams({ account: account.value, sign: md5(account.value + key.value + at), datetime: at });
    const { method, path } = chosen();
    if (method === "GET") new URLSearchParams(input.value.trim()).forEach((value, name) => query.append(name, value));
    const base = new URL(".", document.baseURI).href.replace(/\/$/, "");
    return { method, url: `${base}${path}?${query}`, body: method === "POST" ? input.value : null };
  };
  const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const line = ({ url, body }) => `curl -s ${quote(url)}` + (body === null ? "" : ` \\\n  -H 'Content-Type: application/json' \\\n  -d ${quote(body)}`);
  const draw = () => { curl.textContent = line(build()); };
  const choose = () => {
    inputName.textContent = chosen().method === "POST" ? "Body" : "Query, beside account, sign and datetime";
    input.value = chosen().start;
    reply.hidden = true;
    said.textContent = "";
    draw();
  };
  const post = async () => {
    const { method, url, body } = build();
    said.className = "";
    said.textContent = "sent, waiting …";
    const began = performance.now();
    try {
      const headers = body === null ? {} : { "Content-Type": "application/json" };
      const answer = await fetch(url, { method, headers, body });
      const text = await answer.text();
      const took = `HTTP ${answer.status}, ${Math.round(performance.now() - began)} ms`;
      let shown = text;
      let good = answer.ok;
      try { const parsed = JSON.parse(text); shown = JSON.stringify(parsed, null, 2); good = parsed.status === 0; } catch { /* shown as it came */ }
      reply.textContent = shown.length > 20000 ? `${shown.slice(0, 20000)}\n…` : shown;
      reply.hidden = false;
      said.textContent = took;
      said.className = good ? "good" : "bad";
    } catch (error) {
      said.textContent = `no answer: ${error.message}`;
      said.className = "bad";
    }
  };
  for (const field of [account, key, input]) field.addEventListener("input", draw);
  choice.addEventListener("change", choose);
  send.addEventListener("click", post);
  copy.addEventListener("click", () => { draw(); navigator.clipboard?.writeText(curl.textContent).then(() => { said.textContent = "copied"; }); });
  choose();
  return h("section", { class: "try", id: "try" },
    h("h3", {}, "Try it"),
    h("p", {}, "Signs a request here, in this page, and sends it to this installation. What you send is real: it is charged and carried as the account's routes say."),
    h("div", { class: "fields" }, h("label", {}, "Account", account), h("label", {}, "API key", key), h("label", {}, "Request", choice)),
    h("label", {}, inputName, input),
    h("div", { class: "row" }, send, copy, said),
    reply,
    h("details", {}, h("summary", {}, "The same as a line of shell (valid for 30 minutes)"), curl));
}
