// SPDX-License-Identifier: Apache-2.0
// The recording beside its words: the one that is heard is marked, and one that is chosen is heard.

// More elements than this make browsers slow; then whole segments are marked.
const WORDS_MAX = 30000;

export class Player {
  #audio;
  #box;
  #parts = []; // {start, end, element}, in order; seconds
  #current = null;

  constructor(audio, box) {
    this.#audio = audio;
    this.#box = box;
    audio.ontimeupdate = () => this.#mark();
    box.onclick = (event) => this.#chosen(event.target);
  }

  // A file of this computer, or a link. Null hides the player.
  open(source) {
    if (this.#audio.src.startsWith("blob:")) URL.revokeObjectURL(this.#audio.src);
    this.#audio.hidden = source === null;
    if (source === null) this.#audio.removeAttribute("src");
    else this.#audio.src = source instanceof Blob ? URL.createObjectURL(source) : source;
  }

  get isOpen() {
    return !this.#audio.hidden;
  }

  play(seconds) {
    this.#audio.currentTime = seconds;
    return this.#audio.play().catch(() => {}); // nothing to hear: a format that the browser lacks
  }

  // The text is plain again.
  clear() {
    this.#parts = [];
    this.#current = null;
  }

  // Puts the words of a transcript into its text, which they must be: false if they are not.
  show({ text, words, segments }) {
    const units = words.length <= WORDS_MAX ? words : segments;
    const nodes = document.createDocumentFragment();
    const parts = [];
    let at = 0;
    for (const unit of units) {
      const said = unit.word ?? unit.text;
      const found = text.indexOf(said, at);
      if (found < 0) return false;
      const element = document.createElement("span");
      element.textContent = said;
      element.dataset.part = parts.length;
      nodes.append(text.slice(at, found), element);
      parts.push({ start: unit.start, end: unit.end, element });
      at = found + said.length;
    }
    nodes.append(text.slice(at));
    this.#box.replaceChildren(nodes);
    this.#parts = parts;
    this.#current = null;
    return true;
  }

  #mark() {
    const time = this.#audio.currentTime;
    let low = 0;
    let high = this.#parts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#parts[middle].start <= time) low = middle + 1;
      else high = middle;
    }
    const part = this.#parts[low - 1];
    const element = part && time < part.end + 0.3 ? part.element : null;
    if (element === this.#current) return;
    this.#current?.classList.remove("heard");
    element?.classList.add("heard");
    this.#current = element;
    if (element && !this.#audio.paused) this.#keepInSight(element);
  }

  #keepInSight(element) {
    const box = this.#box;
    const top = element.offsetTop - box.offsetTop;
    if (top < box.scrollTop || top > box.scrollTop + box.clientHeight - 32)
      box.scrollTop = top - box.clientHeight / 3;
  }

  #chosen(target) {
    const part = this.#parts[target.dataset?.part];
    if (part && this.isOpen) this.play(part.start);
  }
}
