import assert from "node:assert/strict";
import { test } from "node:test";

import { decodeNumbers } from "#shared/decode.js";

import { cases } from "./cases.js";

const bufferOf = (bytes) => bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);

test("arrays that Python packs are read with their values", { skip: cases === null }, async () => {
  const { bytes, facts, arrays } = cases.packed;
  const found = await decodeNumbers(bufferOf(Buffer.from(bytes, "base64")));
  assert.deepEqual(found.facts, facts);
  assert.deepEqual(Object.keys(found.arrays), Object.keys(arrays));
  for (const [name, { shape, data }] of Object.entries(arrays)) {
    assert.deepEqual(found.arrays[name].shape, shape);
    assert.deepEqual([...found.arrays[name].data], data);
  }
});

test("what is no zlib is damaged", async () => {
  await assert.rejects(decodeNumbers(bufferOf(Buffer.from("rubbish"))), /damaged/);
});

async function compressed(text) {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

test("what has another form is said to be unknown", async () => {
  await assert.rejects(decodeNumbers(await compressed("\x03\0\0\0[1]")), /does not know/);
});

test("an array that is cut off is not read", async () => {
  const header = JSON.stringify({ arrays: [{ name: "a", dtype: "uint8", shape: [9] }] });
  const length = String.fromCharCode(header.length, 0, 0, 0);
  await assert.rejects(decodeNumbers(await compressed(`${length}${header}12345678`)), /does not know/);
});
