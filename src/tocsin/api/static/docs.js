// Draws the reference from openapi.json. Nothing from the document becomes markup: every text is a text node.
"use strict";

let spec = {};

function h(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

function find(thing) {
  if (!thing?.$ref) return thing ?? {};
  return thing.$ref.slice(2).split("/").reduce((place, name) => place[name], spec);
}

// `code`, **strong** and *emphasis* inside a line; paragraphs between empty lines.
function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*|\*[^*]+\*)/).filter(Boolean).map((piece) => {
    if (piece.startsWith("`")) return h("code", {}, piece.slice(1, -1));
    if (piece.startsWith("**")) return h("strong", {}, piece.slice(2, -2));
    if (piece.length > 2 && piece.startsWith("*") && piece.endsWith("*")) return h("em", {}, piece.slice(1, -1));
    return piece;
  });
}
const prose = (text) => (text ?? "").split("\n\n").filter(Boolean).map((part) => h("p", {}, inline(part)));
const badge = (text, more = "") => h("span", { class: `badge ${more}` }, text);
const origin = (thing) => (thing["x-origin"] === "extension" ? badge("extension") : null);

function typeName(schema) {
  if (schema.prefixItems) return "array";
  const type = Array.isArray(schema.type) ? schema.type.join(" or ") : schema.type;
  if (schema.enum) return schema.enum.join(" | ");
  return type === "array" && schema.items ? `array of ${typeName(find(schema.items))}` : type ?? "";
}

function fieldRow(name, schema, required, extra) {
  const full = find(schema);
  const inner = full.type === "array" && full.items ? find(full.items) : full;
  return h("div", {},
    h("dt", {}, name, h("small", {}, typeName(full))),
    h("dd", {}, required ? badge("required", "need") : null, origin(extra ?? full), h("p", {}, inline((extra ?? full).description ?? "")), deeper(inner)));
}

function deeper(schema) {
  if (schema.prefixItems) return h("dl", {}, schema.prefixItems.map((item, i) => fieldRow(`[${i}]`, item, false)));
  return schema.properties ? fields(schema) : null;
}

function fields(schema) {
  const needed = schema.required ?? [];
  return h("dl", {}, Object.entries(schema.properties ?? {}).map(([name, each]) => fieldRow(name, each, needed.includes(name))));
}

function exampleBox(title, examples) {
  const list = Object.values(examples ?? {});
  if (!list.length) return null;
  const code = h("pre", { tabindex: "0" });
  const show = (i) => { code.textContent = typeof list[i].value === "string" ? list[i].value : JSON.stringify(list[i].value, null, 2); };
  show(0);
  let head = list[0].summary;
  if (list.length > 1) {
    head = h("select", { "aria-label": `${title}: which` }, list.map((each, i) => h("option", { value: String(i) }, each.summary)));
    head.addEventListener("change", () => show(Number(head.value)));
  }
  return h("div", { class: "example" }, h("header", {}, h("span", {}, title), head), code);
}

function parameters(operation) {
  const all = (operation.parameters ?? []).map(find);
  return ["query", "header"].map((place) => {
    const some = all.filter((each) => each.in === place);
    if (!some.length) return null;
    const rows = some.map((each) => fieldRow(each.name, each.schema, each.required, each));
    return h("div", {}, h("h4", {}, place === "query" ? "Query" : "Headers"), h("dl", {}, rows));
  });
}

function body(operation) {
  const content = operation.requestBody?.content?.["application/json"];
  return content ? h("div", {}, h("h4", {}, "Body"), fields(find(content.schema))) : null;
}

// Codes that say the same stand in one row.
function responses(operation) {
  const rows = new Map();
  for (const [code, response] of Object.entries(operation.responses)) {
    const full = find(response);
    rows.set(full, [...(rows.get(full) ?? []), code]);
  }
  return [...rows].map(([full, codes]) => {
    const schema = find(Object.values(full.content ?? {})[0]?.schema);
    const shape = codes[0].startsWith("2") && schema.properties ? h("details", {}, h("summary", {}, "Fields"), fields(schema)) : null;
    return h("div", {}, h("dt", {}, codes.join(", ")), h("dd", {}, prose(full.description), shape));
  });
}

const exampleQuery = (operation) => (operation.parameters ?? []).map(find).filter((one) => one.example).map((one) => `${one.name}=${one.example}`);

function requestExamples({ operation, method, path }) {
  const body = operation.requestBody?.content?.["application/json"]?.examples;
  if (body) return body;
  const signed = operation.security ? [] : ["account=***", "sign=***", "datetime=***"];
  const query = [...signed, ...exampleQuery(operation)].join("&");
  return { line: { summary: "", value: `${method.toUpperCase()} ${path}${query && "?"}${query}` } };
}

function drawOperation(entry) {
  const { operation, method, path } = entry;
  const answer = find(operation.responses["200"]);
  const isHook = method === "webhook";
  return h("article", { class: "operation", id: operation.operationId },
    h("div", { class: "words" },
      h("h3", {}, operation.summary),
      h("div", { class: "route" }, h("span", { class: `method ${method}` }, isHook ? "POST" : method.toUpperCase()), h("span", {}, isHook ? "your URL" : path), origin(operation)),
      prose(operation.description), parameters(operation), body(operation),
      h("h4", {}, isHook ? "Your answer" : "Replies"), h("dl", {}, responses(operation))),
    h("div", { class: "examples" },
      exampleBox(isHook ? "What you receive" : "Request", requestExamples(entry)),
      exampleBox("Reply", answer.content?.["application/json"]?.examples)));
}

function listOperations() {
  const paths = Object.entries(spec.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ method, path, operation })));
  const hooks = Object.entries(spec.webhooks ?? {}).map(([path, methods]) => ({ method: "webhook", path, operation: methods.post }));
  return [...paths, ...hooks];
}

function drawStatuses() {
  const rows = spec.components.schemas.Status.oneOf.map((each) => h("tr", {}, h("td", {}, String(each.const)), h("td", {}, each.title)));
  return [h("h2", { id: "statuses" }, "Statuses"), ...prose("Of a reply, and of a number in `failData` and in reports. The text of a reply may have \": detail\" behind it."),
    h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, "status"), h("th", {}, "text"))), h("tbody", {}, rows))];
}

function tryable(entries) {
  const first = (examples) => Object.values(examples ?? {})[0]?.value;
  return entries.filter((each) => each.operation.tags[0] !== "Operations" && each.method !== "webhook").map((each) => {
    const example = first(each.operation.requestBody?.content?.["application/json"]?.examples);
    const start = each.method === "post" ? JSON.stringify(example ?? {}, null, 2) : exampleQuery(each.operation).join("&");
    return { label: each.operation.summary, method: each.method.toUpperCase(), path: each.path, start };
  }).sort((a, b) => (a.method === b.method ? 0 : a.method === "POST" ? -1 : 1));
}

function draw() {
  const entries = listOperations();
  const main = document.getElementById("content");
  const nav = document.getElementById("nav");
  const link = (id, text) => h("li", {}, h("a", { href: `#${id}` }, text));
  main.replaceChildren(h("div", { id: "top" }), h("h1", {}, spec.info.title), ...prose(spec.info.description), makeTry(tryable(entries), h));
  nav.replaceChildren(h("h2", {}, "Start"), h("ul", {}, link("top", "Sign, replies, bodies"), link("try", "Try it")));
  for (const tag of spec.tags) {
    const some = entries.filter((each) => each.operation.tags[0] === tag.name);
    main.append(h("h2", { id: `tag-${tag.name}` }, tag.name), ...prose(tag.description), ...some.map(drawOperation));
    nav.append(h("h2", {}, tag.name), h("ul", {}, some.map((each) => link(each.operation.operationId, each.operation.summary))));
  }
  main.append(...drawStatuses());
  nav.append(h("h2", {}, "Reference"), h("ul", {}, link("statuses", "Statuses"), h("li", {}, h("a", { href: "openapi.json" }, "openapi.json"))));
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

const menu = document.getElementById("menu");
function openMenu(open) {
  document.getElementById("nav").classList.toggle("open", open);
  menu.setAttribute("aria-expanded", String(open));
}
menu.addEventListener("click", () => openMenu(menu.getAttribute("aria-expanded") !== "true"));
document.getElementById("nav").addEventListener("click", (event) => { if (event.target.closest("a")) openMenu(false); });
fetch("openapi.json").then((answer) => answer.json()).then((found) => { spec = found; draw(); })
  .catch((error) => { document.getElementById("state").textContent = `openapi.json could not be read: ${error.message}`; });
