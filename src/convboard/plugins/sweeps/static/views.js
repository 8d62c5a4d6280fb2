/** The views of the tab, in the order of their buttons. */

import { tableView } from "./table-view.js";

/**
 * A view is made once, and draws only while it is the chosen one.
 * @type {{id: string, title: string, create: (store: Object, actions: Object) => HTMLElement}[]}
 */
export const VIEWS = [{ id: "table", title: "Table", create: tableView }];

/** What the views keep in the state beside what all share, and how it is written in a link. */
export const VIEW_DEFAULTS = {};
export const viewFromLink = () => ({});
export const viewToLink = () => ({});
