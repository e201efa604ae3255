// What this browser remembers: language and theme. Nothing secret is ever kept here.

/**
 * @param {string} name
 * @returns {string | null}
 */
export function recall(name) {
  try {
    return localStorage.getItem(`myscheduler.${name}`);
  } catch {
    return null; // storage may be switched off
  }
}

/**
 * @param {string} name
 * @param {string} value
 */
export function keep(name, value) {
  try {
    localStorage.setItem(`myscheduler.${name}`, value);
  } catch {
    // it applies to this page only
  }
}

/** "light", "dark", or "" as the system has it. */
export function theme() {
  return recall("theme") ?? "";
}

/** @param {string} name */
export function setTheme(name) {
  keep("theme", name);
  applyTheme();
}

export function applyTheme() {
  document.documentElement.dataset.theme = theme();
}
