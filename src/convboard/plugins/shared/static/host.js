/**
 * TensorBoard's messages to a tab in an iframe: that it has reloaded its data, by its button or by itself.
 *
 * It listens for the message `experimental.bootstrap` and speaks through the port that comes with it, in JSON; to each
 * of its messages it expects a reply.
 */

const RELOADED = "experimental.DataReloaded";

/** @param {() => void} react Called whenever TensorBoard has reloaded; never where there is no TensorBoard around. */
export function listenToReloads(react) {
  if (window.parent === window) return;
  const { port1: port, port2: given } = new MessageChannel();
  port.onmessage = ({ data }) => {
    const { type, id, isReply } = JSON.parse(data);
    if (isReply) return;
    port.postMessage(JSON.stringify({ type, id, payload: null, error: null, isReply: true }));
    if (type === RELOADED) react();
  };
  window.parent.postMessage("experimental.bootstrap", "*", [given]);
}
