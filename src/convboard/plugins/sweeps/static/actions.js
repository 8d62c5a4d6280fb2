/** All that can be done in the tab, from the buttons, from the keyboard and by links. */

import { getImportance } from "./api.js";
import { nextSort } from "./columns.js";
import { passes } from "./filter.js";
import { Navigation } from "./navigation.js";
import { startPolling } from "./poller.js";
import { toggled } from "./selection.js";
import { VIEWS } from "./views.js";

/** @param {ReturnType<import("../../shared/static/store.js").createStore>} store */
export function createActions(store) {
  const navigation = new Navigation(store);
  const open = (wanted) => navigation.open(wanted);
  store.subscribe(["table", "filter"], ({ table, filter }) => {
    store.set({ matching: table ? table.settings.filter((setting) => passes(setting, filter)) : [] });
  });
  store.subscribe(["table", "view"], () => loadImportance(store));
  const without = (ids, id) => ids.filter((other) => other !== id);
  const put = (ids, id) => (ids.includes(id) ? without(ids, id) : [...ids, id]);
  return {
    open,
    follow: (wanted) => navigation.follow(wanted),
    chooseFolder: (folder) => navigation.chooseFolder(folder),
    poll: startPolling(store, open),

    chooseView: (view) => store.set({ view }),

    /** Go to the view that is some places further. */
    chooseViewAt: (index) => VIEWS[index] && store.set({ view: VIEWS[index].id }),

    /** Filter by a column; null takes its filter away. */
    setFilter(column, rule) {
      const { [column]: _, ...others } = store.get().filter;
      store.set({ filter: rule ? { ...others, [column]: rule } : others });
    },

    clearFilters: () => store.set({ filter: {} }),

    /** Sort by a column; again in the other direction, and then as the ranking. */
    sortBy: (column) => store.set({ sort: nextSort(store.get(), column) }),

    togglePicked: (id) => store.set({ picked: toggled(store.get().picked, id) }),
    clearPicked: () => store.set({ picked: [] }),
    togglePinned: (id) => store.set({ pinned: put(store.get().pinned, id) }),
    toggleExpanded: (id) => store.set({ expanded: put(store.get().expanded, id) }),
    showRun: (run) => store.set({ run }),
  };
}

/** Ask for the importance of the keys while the view that shows it is open: it may take the server a second. */
async function loadImportance(store) {
  const { view, table, folder } = store.get();
  if (view !== "mattered" || !table) return;
  try {
    const importance = await getImportance(folder);
    if (store.get().folder === folder) store.set({ importance });
  } catch (error) {
    if (!error.kind) throw error; // a mistake in this tab
    const nothing = { shares: {}, method: "", reason: error.message }; // asked for again with the next table
    if (store.get().folder === folder) store.set({ importance: store.get().importance ?? nothing });
  }
}
