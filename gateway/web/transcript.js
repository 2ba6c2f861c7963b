// SPDX-License-Identifier: Apache-2.0
// The ordered text, kept in parts by chunk: a retry replaces parts, never offsets of a string.

export class Transcript {
  #parts = []; // {from, to, text}, in order
  #whole = null; // the text as one, where the server sends no parts

  apply(event) {
    if (typeof event.partial_transcript === "string") {
      this.#whole = event.partial_transcript;
      return;
    }
    this.#whole = null;
    if (typeof event.replaces_from_chunk === "number")
      this.#parts = this.#parts.filter((part) => part.to < event.replaces_from_chunk);
    this.#parts.push({ from: event.from_chunk, to: event.to_chunk, text: event.delta });
  }

  finish(text) {
    this.#whole = text;
  }

  get text() {
    return this.#whole ?? this.#parts.map((part) => part.text).join("");
  }
}
