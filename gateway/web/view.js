// SPDX-License-Identifier: Apache-2.0
// Both displays: a slot for each chunk, which shows speed, and the ordered text, which reads well.

const byId = (id) => document.getElementById(id);

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

const seconds = (ms) => `${(ms / 1000).toFixed(ms < 10000 ? 1 : 0)} s`;

function duration(ms) {
  const whole = Math.max(0, Math.round(ms / 1000));
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

class Slot {
  constructor(index, size) {
    this.size = size;
    this.state = "pending";
    this.sent = 0;
    this.windows = new Map();
    this.root = element("li", "slot");
    const head = element("div", "slot-head");
    head.append(element("span", "", `Chunk ${index + 1}`));
    this.label = element("span", "", STATES.pending);
    head.append(this.label);
    this.bar = document.createElement("progress");
    this.bar.max = Math.max(1, size);
    this.bar.hidden = true;
    this.bar.setAttribute("aria-label", `Upload of chunk ${index + 1}`);
    this.text = element("p", "slot-text");
    this.root.append(head, this.bar, this.text);
  }

  set(state, label = STATES[state]) {
    const isEnd = state === "complete" || state === "failed";
    const wasEnd = this.state === "complete" || this.state === "failed";
    if (!isEnd && (wasEnd || RANKS.indexOf(state) < RANKS.indexOf(this.state))) return;
    this.state = state;
    this.root.className = `slot slot-${state}`;
    this.label.textContent = label;
    this.bar.hidden = state !== "uploading";
  }

  reset() {
    this.state = "pending";
    this.windows.clear();
    this.root.querySelector("details")?.remove();
    this.text.textContent = "";
  }

  showText(text, isPartial) {
    this.text.textContent = text;
    this.text.classList.toggle("slot-partial", isPartial);
  }

  showError(message) {
    this.root.querySelector("details")?.remove();
    const details = document.createElement("details");
    details.append(element("summary", "", "Details"), element("code", "", message));
    this.root.append(details);
  }
}

export class View {
  #slots = [];
  #progress = {};
  #startedAt = performance.now();
  #firstResultAt = null;
  #finishedAt = null;
  #spentMs = 0;
  #completed = 0;
  #isLive;

  // A job that is only looked at again has been timed by nobody.
  constructor({ isLive = true } = {}) {
    this.#isLive = isLive;
  }

  begin(sizes) {
    this.#slots = sizes.map((size, index) => new Slot(index, size));
    byId("chunks").replaceChildren(...this.#slots.map((slot) => slot.root));
    byId("job").hidden = false;
    this.showText("", 0);
    this.#showUpload();
  }

  get isEmpty() {
    return this.#slots.length === 0;
  }

  say(message, isError = false) {
    byId("message").textContent = message;
    byId("message").classList.toggle("error", isError);
  }

  // --- what this page does

  chunkUploading(index) {
    this.#slots[index].set("uploading");
  }

  chunkSent(index, bytes) {
    const slot = this.#slots[index];
    slot.sent = bytes;
    slot.bar.value = bytes;
    this.#showUpload();
  }

  chunkUploaded(index) {
    this.#slots[index].set("uploaded");
  }

  chunkNotSent(index, message) {
    this.#slots[index].set("failed", "not uploaded");
    this.#slots[index].showError(message);
  }

  #showUpload() {
    const total = this.#slots.reduce((sum, slot) => sum + slot.size, 0);
    const sent = this.#slots.reduce((sum, slot) => sum + slot.sent, 0);
    if (sent === 0) return;
    byId("upload").value = (100 * sent) / total;
    byId("upload-note").textContent = `${(sent / 1048576).toFixed(1)} of ${(total / 1048576).toFixed(1)} MiB`;
  }

  // --- what the server tells

  chunkPartial(event) {
    const slot = this.#slots[event.chunk_index];
    if (!slot || slot.state === "complete") return;
    slot.windows.set(event.window_index, event.text);
    slot.set("processing", `${STATES.processing}, ${slot.windows.size} of ${event.window_count}`);
    const order = [...slot.windows.keys()].sort((a, b) => a - b);
    slot.showText(order.map((key) => slot.windows.get(key)).join(" … "), true);
  }

  chunkComplete(event) {
    const slot = this.#slots[event.chunk_index];
    if (!slot) return;
    const took = event.processing_time;
    slot.set("complete", took >= 0 ? `${STATES.complete} in ${seconds(took)}` : STATES.complete);
    slot.root.querySelector("details")?.remove();
    slot.showText(event.text || "(silence)", !event.text);
    this.#spentMs += Math.max(0, took || 0);
    this.#completed++;
    this.#firstResultAt ??= performance.now();
    this.#showMetrics();
  }

  chunkFailed(event) {
    const slot = this.#slots[event.chunk_index];
    slot?.set("failed");
    slot?.showError(`${event.error?.type ?? "error"}: ${event.error?.message ?? "unknown"}`);
  }

  chunkRetrying(event) {
    const slot = this.#slots[event.chunk_index];
    slot?.windows.clear();
    slot?.set("retrying", `${STATES.retrying} (attempt ${event.attempt})`);
    if (slot && event.error) slot.showError(`${event.error.type}: ${event.error.message}`);
  }

  retryStarted(event) {
    this.#finishedAt = null;
    for (const index of event.chunk_indices) this.#slots[index]?.reset();
  }

  progress(event) {
    this.#progress = event;
    const { total_chunks: total, completed_chunks: done, failed_chunks: failed } = event;
    byId("upload").value = Math.max(byId("upload").value, event.upload_progress);
    byId("processing").value = event.processing_progress;
    byId("overall").value = event.progress;
    byId("processing-note").textContent = `${done} of ${total} chunks`;
    byId("overall-note").textContent =
      done + failed > 0 ? `${Math.round(event.success_rate)} % successful` : `${Math.round(event.progress)} %`;
    this.#showMetrics();
  }

  showText(text, available, total) {
    const box = byId("transcript");
    const wasAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 8;
    box.textContent = text;
    if (wasAtEnd) box.scrollTop = box.scrollHeight;
    byId("copy").disabled = byId("save").disabled = text === "";
    if (total) byId("transcript-note").textContent = `Showing ${available} of ${total} chunks in order.`;
  }

  finish(event) {
    this.#finishedAt = performance.now();
    const total = this.#slots.length;
    this.progress({
      ...this.#progress,
      ...event,
      upload_progress: this.#progress.upload_progress ?? 100,
      processing_progress: 100,
    });
    byId("time-left").textContent = "–";
    if (event.failed_chunks > 0 && event.completed_chunks > 0)
      this.say(`${event.completed_chunks} of ${total} chunks were transcribed; ${event.failed_chunks} failed and are marked as gaps.`);
    else this.say("Done.");
  }

  #showMetrics() {
    const now = this.#finishedAt ?? performance.now();
    const elapsed = now - this.#startedAt;
    if (!this.#isLive) return;
    if (this.#firstResultAt !== null)
      byId("first-result").textContent = seconds(this.#firstResultAt - this.#startedAt);
    if (this.#completed === 0) return;
    byId("rate").textContent = ((60000 * this.#completed) / elapsed).toFixed(1);
    byId("speed-up").textContent = `${(this.#spentMs / elapsed).toFixed(1)} ×`;
    const left = this.#slots.length - this.#completed - (this.#progress.failed_chunks || 0);
    byId("time-left").textContent = left > 0 ? duration((elapsed / this.#completed) * left) : "–";
  }
}
