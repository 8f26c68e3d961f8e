// Lists and texts that change in place, so that focus, selection and scroll stay.

// Make the children of `parent` those of `items`: a node stays as long as its item.
export function keep(parent, items, { key, make, update }) {
  const wanted = new Set(items.map((item) => String(key(item))));
  const old = new Map();
  for (const node of [...parent.children]) {
    if (wanted.has(node.dataset.key)) old.set(node.dataset.key, node);
    else removeGently(node);
  }
  let place = parent.firstElementChild;
  for (const item of items) {
    const id = String(key(item));
    const node = old.get(id) ?? make(item);
    node.dataset.key = id;
    update(node, item);
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
}

// Where the node has the focus, its neighbour takes it.
function removeGently(node) {
  const neighbour = node.nextElementSibling ?? node.previousElementSibling;
  if (node.contains(document.activeElement)) neighbour?.querySelector("a, button")?.focus();
  node.remove();
}

export function setText(node, text) {
  if (node.textContent !== String(text)) node.textContent = text;
}

export function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}
