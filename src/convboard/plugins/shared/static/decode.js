/** Decodes the arrays embedded in a picture: zlib( header length | header as JSON | arrays, back to back ). */

let halves = null; // every float16 as a float32, made when the first is met

/**
 * @param {ArrayBuffer} compressed
 * @returns {Promise<{facts: Object, arrays: Object<string, {shape: number[], data: Float32Array|Uint8Array}>}>}
 * @throws {Error} What was wrong, in words.
 */
export async function decodeNumbers(compressed) {
  let content;
  try {
    const inflated = new Blob([compressed]).stream().pipeThrough(new DecompressionStream("deflate"));
    content = await new Response(inflated).arrayBuffer();
  } catch {
    throw new Error("The numbers in the picture are damaged.");
  }
  try {
    return parse(content);
  } catch {
    throw new Error("The numbers in the picture are in a form that this tab does not know.");
  }
}

function parse(content) {
  const length = new DataView(content).getUint32(0, true);
  const { arrays: heads, ...facts } = JSON.parse(new TextDecoder().decode(new Uint8Array(content, 4, length)));
  const arrays = {};
  let offset = 4 + length;
  for (const { name, dtype, shape } of heads) {
    const count = shape.reduce((product, side) => product * side, 1);
    const bytes = content.slice(offset, offset + count * WIDTH[dtype]);
    if (bytes.byteLength !== count * WIDTH[dtype]) throw new Error("cut off");
    offset += bytes.byteLength;
    arrays[name] = { shape, data: READ[dtype](bytes) };
  }
  return { facts, arrays };
}

const WIDTH = { float16: 2, float32: 4, uint8: 1 };
const READ = {
  float16: (bytes) => fromHalves(new Uint16Array(bytes)),
  float32: (bytes) => new Float32Array(bytes),
  uint8: (bytes) => new Uint8Array(bytes),
};

function fromHalves(words) {
  halves ??= Float32Array.from({ length: 1 << 16 }, (_, word) => half(word));
  const numbers = new Float32Array(words.length);
  for (let i = 0; i < words.length; i++) numbers[i] = halves[words[i]];
  return numbers;
}

/** IEEE 754 binary16: one bit of sign, five of exponent, ten of fraction. */
function half(word) {
  const sign = word & 0x8000 ? -1 : 1;
  const exponent = (word >> 10) & 31;
  const fraction = word & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
