import assert from "node:assert/strict";
import { test } from "node:test";

import { fromLink } from "#layers/link.js";
import { readHash } from "#shared/address.js";
import { layersLink } from "#sweeps/layers-link.js";
import { useFakeDocument } from "./fake_document.js";

useFakeDocument();
globalThis.window = { parent: { location: { pathname: "/board/", search: "?a=b", hash: "#sweeps&p.sweeps.run=x" } } };

const RUN = "sweeps/a b&c=<i>/lr=0.1,seed=1";

test("a link leads to a run in the Layers tab, at the layer, step and image that are known", () => {
  const { href, target } = layersLink(RUN, "Layers", { layer: "block.conv:2", step: 0, image: 3 }).attributes;
  assert.ok(href.startsWith("/board/?a=b#layers&"));
  assert.equal(target, "_top");
  const { run, layer, step, image, unread } = fromLink(readHash(href.slice(href.indexOf("#")), "layers"));
  assert.deepEqual([run, layer, step, image, unread], [RUN, "block.conv:2", 0, 3, []]);
});

test("what is not known is left to the Layers tab", () => {
  const { href } = layersLink(RUN).attributes;
  assert.equal(href, `/board/?a=b#layers&p.layers.run=${encodeURIComponent(RUN)}`);
});
