/** What a card of the view Inside says of its picture, and in place of that what is at the place that is pointed at. */

import { el } from "../../shared/static/dom.js";

export class AboutLine {
  constructor() {
    [this.said, this.place] = [el("span", { class: "said" }), el("b", { class: "place" })];
    this.node = el("p", { class: "quiet about" }, this.said, this.place);
  }

  say(...parts) {
    this.said.replaceChildren(...parts);
  }

  /** @param {string} text Empty: what is said of the picture is seen again. */
  showPlace(text) {
    this.place.textContent = text;
    this.node.classList.toggle("pointed", Boolean(text));
  }
}
