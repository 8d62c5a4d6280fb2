/** Light or dark, as TensorBoard is now; alone in a window, as the system is. */

import { mainWindow } from "./address.js";

/**
 * @param {(theme: "light"|"dark") => void} tell Called at once and whenever it changes.
 */
export function watchTheme(tell) {
  const main = mainWindow();
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const body = main === window ? null : main.document.body;
  const update = () => {
    const isDark = body ? body.classList.contains("dark-mode") : system.matches;
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    tell(isDark ? "dark" : "light");
  };
  system.addEventListener("change", update);
  if (body) new MutationObserver(update).observe(body, { attributes: true, attributeFilter: ["class"] });
  update();
}
