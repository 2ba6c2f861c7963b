// SPDX-License-Identifier: Apache-2.0
// One chunk: its state, its text as soon as there is any, and what can be done about it.

const STATES = {
  pending: "waiting",
  uploading: "uploading",
  uploaded: "uploaded",
  processing: "listening",
  retrying: "trying again",
  complete: "done",
  failed: "failed",
};

// A later state is never overwritten by an earlier one: answers and events may cross.
const RANKS = ["pending", "uploading", "uploaded", "processing", "retrying"];

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

export class Slot {
  #windows = new Map(); // what was heard in each, while the chunk is not done
  #label;
  #bar;
  #text;
  #onRetry;

  constructor(index, size, { onPreview, onRetry }) {
    this.index = index;
    this.size = size;
    this.state = "pending";
    this.sent = 0;
    this.text = "";
    this.startMs = null;
    this.error = null;
    this.#onRetry = onRetry;
    this.root = element("li", "slot");
    const head = element("div", "slot-head");
    const title = element("button", "slot-title", `Chunk ${index + 1}`);
    title.type = "button";
    title.onclick = () => onPreview(this);
    this.#label = element("span", "slot-state", STATES.pending);
    head.append(title, this.#label);
    this.#bar = document.createElement("progress");
    this.#bar.max = Math.max(1, size);
    this.#bar.hidden = true;
    this.#bar.setAttribute("aria-label", `Upload of chunk ${index + 1}`);
    this.#text = element("p", "slot-text");
    this.root.append(head, this.#bar, this.#text);
  }

  get label() {
    return this.#label.textContent;
  }

  set(state, label = STATES[state]) {
    const isEnd = state === "complete" || state === "failed";
    const wasEnd = this.state === "complete" || this.state === "failed";
    if (!isEnd && (wasEnd || RANKS.indexOf(state) < RANKS.indexOf(this.state))) return;
    this.state = state;
    this.root.className = `slot slot-${state}`;
    this.#label.textContent = label;
    this.#bar.hidden = state !== "uploading";
  }

  setSent(bytes) {
    this.sent = bytes;
    this.#bar.value = bytes;
  }

  place(startMs) {
    this.startMs = startMs;
  }

  hear(event) {
    if (this.state === "complete") return;
    this.#windows.set(event.window_index, event.text);
    this.set("processing", `${STATES.processing}, ${this.#windows.size} of ${event.window_count}`);
    const order = [...this.#windows.keys()].sort((a, b) => a - b);
    this.#showText(order.map((key) => this.#windows.get(key)).join(" … "), true);
  }

  complete(event, label) {
    this.set("complete", label);
    if (typeof event.start_ms === "number") this.startMs = event.start_ms;
    this.#showError(null);
    this.#showText(event.text || "(silence)", !event.text);
  }

  tryAgain(attempt, error) {
    this.#windows.clear();
    if (this.state === "failed") this.reset();
    this.set("retrying", `${STATES.retrying} (attempt ${attempt})`);
    if (error) this.#showError(`${error.type}: ${error.message}`, false);
  }

  fail(message, label = STATES.failed) {
    this.set("failed", label);
    this.#showError(message, true);
  }

  // For one more try.
  reset() {
    this.state = "pending";
    this.#windows.clear();
    this.#showError(null);
    this.#showText("", false);
    this.set("pending");
  }

  #showText(text, isPartial) {
    this.text = text;
    this.#text.textContent = text;
    this.#text.classList.toggle("slot-partial", isPartial);
  }

  #showError(message, canRetry) {
    this.error = message;
    this.root.querySelector(".slot-error")?.remove();
    if (message === null) return;
    const box = element("div", "slot-error");
    if (canRetry && this.#onRetry) {
      const retry = element("button", "", "Retry");
      retry.type = "button";
      retry.setAttribute("aria-label", `Retry chunk ${this.index + 1}`);
      retry.onclick = this.#onRetry;
      box.append(retry);
    }
    const details = document.createElement("details");
    details.append(element("summary", "", "Error details"), element("code", "", message));
    box.append(details);
    this.root.append(box);
  }
}
