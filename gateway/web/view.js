// SPDX-License-Identifier: Apache-2.0
// Both displays: a slot for each chunk, which shows speed, and the ordered text, which reads well.

import { CoverageBar } from "./coverage.js";
import { Slot } from "./slot.js";

const byId = (id) => document.getElementById(id);

const seconds = (ms) => (ms < 100 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10000 ? 1 : 0)} s`);
const mebibytes = (bytes) => (bytes / 1048576).toFixed(1);

function duration(ms) {
  const whole = Math.max(0, Math.round(ms / 1000));
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
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
  #onRetry;
  #onPreview;
  #coverage = new CoverageBar(byId("coverage"));

  // A job that is only looked at again has been timed by nobody. `onRetry` gets chunk indices, or
  // null where this page may change nothing; `onPreview` gets a slot.
  constructor({ isLive = true, onRetry = null, onPreview = () => {} } = {}) {
    this.#isLive = isLive;
    this.#onRetry = onRetry;
    this.#onPreview = onPreview;
    for (const element of document.querySelectorAll(".owner")) element.hidden = onRetry === null;
  }

  begin(sizes) {
    this.#slots = sizes.map(
      (size, index) =>
        new Slot(index, size, {
          onPreview: this.#onPreview,
          onRetry: this.#onRetry && (() => this.#onRetry([index])),
        }),
    );
    byId("chunks").replaceChildren(...this.#slots.map((slot) => slot.root));
    byId("job").hidden = false;
    byId("failures").hidden = true;
    this.showText("", 0);
    this.#coverage.begin(sizes.length);
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
    if (this.#slots[index].state === "failed") this.#slots[index].reset();
    this.#slots[index].set("uploading");
    this.#showFailures();
  }

  chunkSent(index, bytes) {
    this.#slots[index].setSent(bytes);
    this.#showUpload();
  }

  chunkUploaded(index) {
    this.chunkSent(index, this.#slots[index].size);
    this.#slots[index].set("uploaded");
  }

  chunkNotSent(index, message) {
    this.#slots[index].fail(message, "not uploaded");
    this.#showFailures();
  }

  speed(bytesPerSecond, lanes) {
    if (bytesPerSecond > 0) byId("speed").textContent = `${mebibytes(bytesPerSecond)} MiB/s`;
    byId("lanes").textContent = `${lanes} at a time`;
  }

  #showUpload() {
    const total = this.#slots.reduce((sum, slot) => sum + slot.size, 0);
    const sent = this.#slots.reduce((sum, slot) => sum + slot.sent, 0);
    const uploaded = Math.max(
      this.#progress.uploaded_chunks ?? 0,
      this.#slots.filter((slot) => slot.sent === slot.size).length,
    );
    const counted = `${uploaded} of ${this.#slots.length} chunks uploaded`;
    byId("upload-note").textContent =
      sent > 0 ? `${counted}, ${mebibytes(sent)} of ${mebibytes(total)} MiB` : counted;
    if (sent > 0) byId("upload").value = Math.max(byId("upload").value, (100 * sent) / total);
  }

  // --- what the server tells

  chunkPartial(event) {
    this.#slots[event.chunk_index]?.hear(event);
  }

  chunkComplete(event) {
    const slot = this.#slots[event.chunk_index];
    if (!slot) return;
    slot.complete(event, event.processing_time >= 0 ? `done in ${seconds(event.processing_time)}` : "done");
    this.#spentMs += Math.max(0, event.processing_time || 0);
    this.#coverage.chunkComplete(event);
    this.#completed++;
    this.#firstResultAt ??= performance.now();
    this.#showMetrics();
    this.#showFailures();
  }

  chunkFailed(event) {
    const { type = "error", message = "unknown" } = event.error ?? {};
    this.#slots[event.chunk_index]?.fail(`${type}: ${message}`);
    this.#showFailures();
  }

  chunkRetrying(event) {
    this.#slots[event.chunk_index]?.tryAgain(event.attempt, event.error);
    this.#showFailures();
  }

  retryStarted(event) {
    this.#finishedAt = null;
    for (const index of event.chunk_indices) this.#slots[index]?.reset();
    byId("cancel").disabled = false;
    this.#showFailures();
    this.say("Trying the failed chunks once more.");
  }

  placed(places) {
    for (const { chunk_index: index, start_ms: start } of places ?? []) this.#slots[index]?.place(start);
  }

  progress(event) {
    this.#progress = event;
    const { total_chunks: total, completed_chunks: done, failed_chunks: failed } = event;
    byId("upload").value = Math.max(byId("upload").value, event.upload_progress);
    byId("processing").value = event.processing_progress;
    byId("overall").value = event.progress;
    this.#showUpload();
    byId("processing-note").textContent = `${done + failed} of ${total} chunks processed`;
    byId("overall-note").textContent =
      done + failed > 0 ? `${Math.round(event.success_rate)} % successful` : `${Math.round(event.progress)} %`;
    this.#showMetrics();
  }

  showText(text, available, total) {
    const box = byId("transcript");
    const wasAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 8;
    box.textContent = text;
    if (wasAtEnd) box.scrollTop = box.scrollHeight;
    byId("copy").disabled = text === "";
    byId("save").setAttribute("aria-disabled", text === "");
    if (total) byId("transcript-note").textContent = `Showing ${available} of ${total} chunks in order.`;
  }

  finish(event) {
    this.#finishedAt = performance.now();
    this.progress({
      ...this.#progress,
      ...event,
      upload_progress: this.#progress.upload_progress ?? 100,
      processing_progress: 100,
    });
    byId("time-left").textContent = "–";
    this.#coverage.finish(event.coverage);
    byId("cancel").disabled = true;
    this.#showFailures();
    this.say(event.failed_chunks > 0 ? "Done, with gaps." : "Done.");
  }

  // --- both

  get failedIndices() {
    return this.#slots.filter((slot) => slot.state === "failed").map((slot) => slot.index);
  }

  #showFailures() {
    const failed = this.failedIndices.length;
    const total = this.#slots.length;
    byId("failures").hidden = failed === 0;
    if (failed === 0) return;
    const what = failed === 1 ? "1 chunk failed" : `${failed} chunks failed`;
    byId("failures-text").textContent =
      this.#completed > 0
        ? `Completed ${total - failed} of ${total} chunks. ${what}, but a partial transcript is available.`
        : `${what}.`;
  }

  #showMetrics() {
    const now = this.#finishedAt ?? performance.now();
    const elapsed = now - this.#startedAt;
    if (!this.#isLive) return;
    if (this.#firstResultAt !== null)
      byId("first-result").textContent = seconds(this.#firstResultAt - this.#startedAt);
    if (this.#completed === 0) return;
    byId("rate").textContent = `${((60000 * this.#completed) / elapsed).toFixed(1)} /min`;
    byId("efficiency").textContent = `${Math.round((100 * this.#spentMs) / elapsed)} %`;
    const left = this.#slots.length - this.#completed - (this.#progress.failed_chunks || 0);
    byId("time-left").textContent = left > 0 ? duration((elapsed / this.#completed) * left) : "–";
  }
}
