/** The views of the tab, in the order of their buttons. */

import { curvesView } from "./curves-view.js";
import { insideView } from "./inside-view.js";
import { matteredView } from "./mattered-view.js";
import { tableView } from "./table-view.js";

/**
 * A view is made once, and draws only while it is the chosen one.
 * @type {{id: string, title: string, create: (store: Object, actions: Object) => HTMLElement}[]}
 */
export const VIEWS = [
  { id: "table", title: "Table", create: tableView },
  { id: "curves", title: "Curves", create: curvesView },
  { id: "mattered", title: "What mattered", create: matteredView },
  { id: "inside", title: "Inside", create: insideView },
];
