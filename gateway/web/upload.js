// SPDX-License-Identifier: Apache-2.0
// Sends the chunks of a file, as many at a time as serve the connection best.

import { ApiError, withRetries } from "./api.js";

const MIB = 1048576;
const CHUNKS_MAX = 9990; // of 10,000: a ramp takes some more
const WINDOW_MS = 4000;

// A chunk should take some ten seconds to upload: small enough to be lost cheaply, large enough not
// to be all overhead; the first ones are smaller, for an early text (`ramp`). Browsers that do not
// know their speed get 5 MiB.
export function automaticChunkSize(fileSize, megabitsPerSecond = navigator.connection?.downlink) {
  const wanted = megabitsPerSecond ? Math.round((megabitsPerSecond / 8) * 10) : 5;
  const needed = Math.ceil(fileSize / MIB / CHUNKS_MAX);
  return Math.min(100, Math.max(1, needed, Math.min(wanted, 25)));
}

// How many uploads run at a time: one more while that makes it faster, half as many when the
// connection or the server complains. Pure, but for the clock it is given.
export class Lanes {
  constructor(most, now = () => performance.now()) {
    this.most = Math.max(1, most);
    this.count = Math.min(2, this.most);
    this.bytesPerSecond = 0;
    this.now = now;
    this.#begin();
  }

  #begin() {
    this.since = this.now();
    this.bytes = 0;
  }

  // As it is now, before a window is full.
  get speed() {
    return this.bytesPerSecond || (1000 * this.bytes) / Math.max(1, this.now() - this.since);
  }

  sent(bytes) {
    this.bytes += bytes;
    const elapsed = this.now() - this.since;
    if (elapsed < WINDOW_MS) return;
    const speed = (1000 * this.bytes) / elapsed;
    if (speed > 1.1 * this.bytesPerSecond) this.count = Math.min(this.count + 1, this.most);
    else if (speed < 0.7 * this.bytesPerSecond) this.count = Math.max(1, this.count - 1);
    this.bytesPerSecond = speed;
    this.#begin();
  }

  failed() {
    this.count = Math.max(1, Math.floor(this.count / 2));
    this.#begin();
  }
}

// XMLHttpRequest, because fetch cannot tell how much of a body has been sent.
function putOnce(url, blob, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", url);
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onerror = () => reject(new Error("The connection failed."));
    request.onabort = () => reject(new ApiError(0, { detail: "The upload was cancelled." }));
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) {
        resolve();
        return;
      }
      let problem = null;
      try {
        problem = JSON.parse(request.responseText);
      } catch {
        // An object store answers in XML; the status says enough.
      }
      reject(new ApiError(request.status, problem));
    };
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(blob);
  });
}

export class Sender {
  #api;
  #file;
  #view;
  #waiting = [];
  #active = 0;
  #failed = 0;
  #lanes;
  #stop = new AbortController();
  #idle = null; // resolves send()

  constructor(api, file, chunkInfo, view) {
    this.#api = api;
    this.#file = file;
    this.#view = view;
    this.#lanes = new Lanes(chunkInfo.max_concurrent_uploads);
  }

  stop() {
    this.#stop.abort();
    this.#waiting = [];
  }

  // Gives the number of chunks that could not be sent; each of them was told to the view.
  send(targets) {
    this.#waiting.push(...targets);
    this.#failed = 0;
    return new Promise((resolve) => {
      this.#idle = resolve;
      this.#fill();
    });
  }

  #fill() {
    while (this.#active < this.#lanes.count && this.#waiting.length > 0) {
      this.#active++;
      this.#sendChunk(this.#waiting.shift()).finally(() => {
        this.#active--;
        this.#fill();
      });
    }
    if (this.#active === 0 && this.#waiting.length === 0) this.#idle?.(this.#failed);
  }

  async #sendChunk(target) {
    const index = target.chunk_index;
    const blob = this.#file.slice(...target.chunk_range);
    this.#view.chunkUploading(index);
    try {
      await withRetries(() => this.#put(target, blob), () => this.#lanes.failed());
      this.#view.chunkSent(index, blob.size);
      await this.#api.complete(index, blob.size);
      this.#view.chunkUploaded(index);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#failed++;
      this.#view.chunkNotSent(index, error.message);
    }
  }

  #put(target, blob) {
    let seen = 0;
    const onProgress = (sent) => {
      this.#lanes.sent(sent - seen);
      seen = sent;
      this.#view.chunkSent(target.chunk_index, sent);
      this.#view.speed(this.#lanes.speed, this.#active);
    };
    return putOnce(target.upload_url, blob, onProgress, this.#stop.signal);
  }
}
