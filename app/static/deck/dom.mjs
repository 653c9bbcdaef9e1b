/** Elements in one call. Text is set as text, never as markup. */

/**
 * @param {string} what tag and classes, such as `button.primary`
 * @param {object} [properties] of the element; `on…` in lower case are listeners, `data` its data attributes
 * @param {...(Node|string|null|false)} children
 * @returns {HTMLElement}
 */
export function el(what, properties = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name === "data") Object.assign(made.dataset, value);
    else if (name === "style") made.style.cssText = value;
    else if (name.startsWith("aria")) made.setAttribute(name.replace("aria", "aria-").toLowerCase(), value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== false && child !== undefined));
  return made;
}

/** A button that names its key. */
export function keyed(words, key, onclick, { kind = "", disabled = false, title = "", pressed } = {}) {
  const made = el(
    `button${kind ? `.${kind}` : ""}`,
    { type: "button", onclick, disabled, title, ariaLabel: words, tabIndex: -1 },
    el("span", {}, words),
    key ? el("kbd", { ariaHidden: "true" }, key) : null,
  );
  if (pressed !== undefined) made.setAttribute("aria-pressed", String(pressed));
  return made;
}
