import assert from "node:assert/strict";
import { test } from "node:test";

import { createStore } from "#shared/store.js";
import { CurveLoader, shownTag } from "#sweeps/curve-loader.js";

const run = (name, state) => ({ run: name, state });
const TABLE = {
  objective: "accuracy/val",
  settings: [{ id: "1", runs: [run("ended", "finished"), run("live", "running"), run("later", "waiting")] }],
};
const curve = (...values) => ({ steps: values.map((_, i) => i), values, times: values.map(() => 0) });

/** A loader over a server that answers with `curves`, and the runs that it is asked for. */
function loaderOver(curves) {
  const asked = [];
  const store = createStore({ table: TABLE, folder: "f", picked: ["1"], matching: [], tags: null, tag: null });
  globalThis.fetch = (address) => {
    const query = new URLSearchParams(address.split("?")[1]);
    asked.push(query.getAll("runs"));
    const found = query.getAll("runs").filter((name) => curves[name]);
    return Promise.resolve(Response.json(Object.fromEntries(found.map((name) => [name, curves[name]]))));
  };
  return { store, asked, loader: new CurveLoader(store) };
}

test("curves are read again until they are whole", async (context) => {
  let now = 0;
  context.mock.method(Date, "now", () => now);
  const { store, asked, loader } = loaderOver({ ended: curve(1, "NaN"), live: curve(2) });
  await loader.loadCurves();
  assert.deepEqual(asked, [["ended", "live", "later"]]);
  assert.deepEqual([...store.get().curves.keys()], ["ended", "live"]);
  assert.ok(Number.isNaN(store.get().curves.get("ended").values[1]));
  now = 20_000; // TensorBoard may not have read all of it
  await loader.loadCurves();
  now = 40_000;
  await loader.loadCurves();
  await loader.loadCurves();
  assert.deepEqual(asked.slice(1), [
    ["ended", "live", "later"],
    ["ended", "live", "later"],
    ["live", "later"],
  ]);
});

test("another tag begins anew, and an answer to an earlier question is dropped", async () => {
  const { store, loader } = loaderOver({ ended: curve(1), live: curve(2) });
  const first = loader.loadCurves();
  store.set({ tag: "lr" });
  const second = loader.loadCurves();
  await Promise.all([first, second]);
  assert.equal(store.get().curvesOf, JSON.stringify(["f", "lr"]));
  store.set({ tag: "loss/val" });
  loader.loadCurves();
  assert.deepEqual([store.get().curves.size, store.get().curvesOf], [0, null]);
});

test("what the server cannot give is told; a server that is gone is told by the tab", async () => {
  const { store, loader } = loaderOver({});
  globalThis.fetch = () => Promise.resolve(Response.json({ error: "no such folder" }, { status: 404 }));
  await loader.loadCurves();
  assert.equal(store.get().curvesProblem, "no such folder");
  store.set({ curvesProblem: "" });
  globalThis.fetch = () => Promise.reject(new TypeError("refused"));
  await loader.loadCurves();
  assert.equal(store.get().curvesProblem, "");
});

test("the objective is shown unless another tag of the folder is chosen", () => {
  const shown = (tag, tags) => shownTag({ tag, tags, table: TABLE });
  assert.deepEqual(
    [shown(null, null), shown("lr", null), shown("lr", ["lr"]), shown("gone", ["accuracy/val", "lr"])],
    ["accuracy/val", "lr", "lr", "accuracy/val"],
  );
  assert.deepEqual([shown(null, ["lr"]), shown(null, []), shown("lr", [])], ["lr", "accuracy/val", "lr"]);
});
