/** What TensorBoard calls when the tab opens. */
export function render() {
  document.body.textContent = "Layers";
}
