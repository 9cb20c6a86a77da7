// Elements, made and changed. Whatever people wrote goes in as text, never as HTML.

/** element('p', {class: 'x', data: {kind: 'y'}}, 'text', child): an element with attributes and children. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  change(made, attributes);
  made.append(...children.filter((child) => child !== null && child !== false));
  return made;
}

/** Sets attributes; those that are undefined or false go. on… are listeners, data is the dataset. */
export function change(target, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'data') Object.assign(target.dataset, value);
    else if (name.startsWith('on')) target.addEventListener(name.slice(2), value);
    else if (value === undefined || value === false) target.removeAttribute(name);
    else target.setAttribute(name, value === true ? '' : value);
  }
}

/**
 * Makes a parent's children those of a list: each has a key, those that stay are
 * kept as they are unless their version is another.
 */
export function children(parent, list, { key, version, make }) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let at = parent.firstElementChild;
  list.forEach((item, i) => {
    const name = key(item);
    const now = version(item, i);
    let child = old.get(name);
    old.delete(name);
    if (child?.dataset.version !== now) {
      const made = make(item, i);
      made.dataset.key = name;
      made.dataset.version = now;
      if (child === at) at = child?.nextElementSibling ?? null;
      child?.remove();
      child = made;
    }
    if (child === at) at = at.nextElementSibling;
    else parent.insertBefore(child, at);
  });
  for (const child of old.values()) child.remove();
}
