// SPDX-License-Identifier: Apache-2.0
// The page: a file becomes a job, its chunks go up, its events come down.

import { JobApi, createJob } from "./api.js";
import { setUpDialogs } from "./dialogs.js";
import { forget, isSameFile, recall, remember } from "./interrupted.js";
import { Player } from "./player.js";
import { Transcript } from "./transcript.js";
import { Sender, automaticChunkSize } from "./upload.js";
import { View } from "./view.js";

const byId = (id) => document.getElementById(id);
const ENDS = ["final_result", "job_failed", "cancelled", "expired"];

const player = new Player(byId("audio"), byId("transcript"));
const dialogs = setUpDialogs(player);
let current = null; // the job that is shown

// Sizes of all chunks, from the job's first event.
function chunkSizes({ total_chunks, total_size, chunk_size_bytes, first_chunk_bytes }) {
  let left = total_size;
  let size = first_chunk_bytes;
  return Array.from({ length: total_chunks }, () => {
    const own = Math.min(size, left);
    left -= own;
    size = Math.min(2 * size, chunk_size_bytes);
    return own;
  });
}

class Job {
  #source = null;
  #lastId = "";
  #transcript = new Transcript();
  #sender = null;
  #file;

  // `file` is null where the job is only looked at.
  constructor(api, file = null) {
    this.api = api;
    this.#file = file;
    this.view = new View({
      isLive: file !== null,
      onRetry: api.token ? null : (indices) => this.retry(indices),
      onPreview: (slot) => dialogs.preview(slot),
    });
  }

  follow() {
    this.#source?.close();
    this.#source = new EventSource(this.api.streamUrl(this.#lastId));
    const on = (type, call) =>
      this.#source.addEventListener(type, (message) => {
        if (message.lastEventId) this.#lastId = message.lastEventId;
        call(JSON.parse(message.data));
      });
    on("initialized", (event) => this.view.isEmpty && this.view.begin(chunkSizes(event)));
    on("progress_update", (event) => this.view.progress(event));
    on("chunk_partial", (event) => this.view.chunkPartial(event));
    on("chunk_complete", (event) => this.view.chunkComplete(event));
    on("chunk_failed", (event) => this.view.chunkFailed(event));
    on("chunk_retrying", (event) => this.view.chunkRetrying(event));
    on("retry_started", (event) => this.#onRetryStarted(event));
    on("partial_transcript", (event) => this.#showTranscript(event));
    for (const type of ENDS) on(type, (event) => this.#finish(type, event));
    this.#source.onerror = () => {
      if (this.#source.readyState === EventSource.CLOSED)
        this.view.say("The server has no more events of this job.", true);
    };
  }

  leave() {
    this.#source?.close();
    this.#sender?.stop();
    player.open(null);
    player.clear();
  }

  async upload(chunkInfo, targets) {
    remember(this.api.id, this.#file);
    player.open(this.#file);
    this.#sender ??= new Sender(this.api, this.#file, chunkInfo, this.view);
    const failed = await this.#sender.send(targets);
    if (failed > 0) this.view.say(`${failed} chunks could not be uploaded.`, true);
    else forget();
  }

  // Failed chunks once more. One that never arrived goes on as an interrupted upload does.
  async retry(indices) {
    try {
      const { status, upload_urls: targets, chunk_info: info } = this.#sender
        ? await this.api.resume()
        : { upload_urls: [] };
      const missing = targets.filter((target) => indices.includes(target.chunk_index));
      if (missing.length > 0) await this.upload(info, missing);
      const failed = indices.filter((index) => !missing.some((target) => target.chunk_index === index));
      if (failed.length === 0 || status === "cancelled") return;
      const answer = await this.api.retry(failed);
      this.follow();
      if (answer.upload_urls.length > 0 && this.#sender) await this.#sender.send(answer.upload_urls);
      else if (answer.upload_urls.length > 0)
        this.view.say("Some chunks are not stored any more: choose the file again to upload them.", true);
    } catch (error) {
      this.view.say(error.message, true);
    }
  }

  async cancel() {
    this.#sender?.stop();
    forget();
    await this.api.cancel();
  }

  #onRetryStarted(event) {
    player.clear();
    this.view.retryStarted(event);
  }

  #showTranscript(event) {
    this.#transcript.apply(event);
    player.clear();
    this.view.placed(event.placed);
    this.view.showText(this.#transcript.text, event.available_chunks, event.total_chunks);
  }

  #finish(type, event) {
    this.#source.close();
    this.view.finish({ progress: 100, ...event });
    if (type !== "final_result") {
      this.view.say(event.error?.message ?? `The job has ended: ${type.replace("_", " ")}.`, true);
      return;
    }
    if (!event.truncated) {
      this.#transcript.finish(event.final_transcript);
      this.view.showText(this.#transcript.text, event.completed_chunks, event.total_chunks);
    }
    this.#showWords();
  }

  // The words with their times, once nothing moves any more, and the recording if it can be had.
  async #showWords() {
    try {
      if (!player.isOpen) player.open(await this.api.audioUrl());
      if (!player.isOpen) return;
      const words = await this.api.words();
      if (current === this && words.text === this.#transcript.text) player.show(words);
    } catch {
      // The text is there all the same.
    }
  }
}

function show(job) {
  current?.leave();
  current = job;
  byId("cancel").disabled = false;
  showSecret(null);
  showSaveLink();
  return job;
}

function showSecret(secret) {
  byId("secret").hidden = !secret;
  byId("secret-text").textContent = secret ?? "";
}

// What a server may not have is only asked for if it was chosen: it says so if it has not.
function chosenOptions() {
  const language = byId("language").value.trim();
  const mode = byId("correction").value;
  const webhook = byId("webhook").value.trim();
  return {
    ...(language && { language }),
    ...(mode && { use_llm: true, llm_mode: mode }),
    ...(webhook && { webhook_url: webhook }),
  };
}

async function startNew(file) {
  const answer = await createJob({
    filename: file.name,
    total_size: file.size,
    chunk_size_mb: Number(byId("chunk-size").value) || automaticChunkSize(file.size),
    ramp: true,
    ...chosenOptions(),
  });
  const job = show(new Job(new JobApi(answer.parent_job_id), file));
  job.view.begin(answer.upload_urls.map((target) => target.expected_size));
  job.view.say("Uploading; text appears as soon as a chunk is done.");
  showSecret(answer.webhook_secret);
  history.replaceState(null, "", `#${answer.parent_job_id}`);
  job.follow();
  const liked = answer.upload_order.map((index) => answer.upload_urls[index]);
  await job.upload(answer.chunk_info, liked);
}

async function goOn(interrupted, file) {
  const api = new JobApi(interrupted.jobId);
  const answer = await api.resume();
  const info = answer.chunk_info;
  const job = show(new Job(api, file));
  job.view.begin(chunkSizes({ ...info, total_size: file.size }));
  for (const index of answer.stored_chunks) job.view.chunkUploaded(index);
  job.view.say(`Going on: ${answer.stored_chunks.length} of ${info.total_chunks} chunks are there already.`);
  history.replaceState(null, "", `#${api.id}`);
  job.follow();
  await job.upload(info, answer.upload_urls);
}

function showInterrupted() {
  const upload = recall();
  byId("interrupted").hidden = !upload;
  if (upload)
    byId("interrupted-text").textContent =
      `The upload of “${upload.name}” was interrupted. Choose the file again to go on where it stopped.`;
}

byId("start").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button[type=submit]");
  const file = byId("file").files[0];
  const interrupted = recall();
  const say = (text, isError) => (byId("message").textContent = text, byId("message").classList.toggle("error", isError));
  button.disabled = true;
  byId("interrupted").hidden = true;
  say("Preparing …", false);
  try {
    await (isSameFile(interrupted, file) ? goOn(interrupted, file) : startNew(file));
  } catch (error) {
    say(error.message, true);
    if (error.status === 404 || error.status === 409) forget();
  } finally {
    button.disabled = false;
  }
});

byId("forget").addEventListener("click", () => {
  forget();
  showInterrupted();
});

byId("cancel").addEventListener("click", async () => {
  byId("cancel").disabled = true;
  try {
    await current.cancel();
  } catch (error) {
    current.view.say(error.message, true);
  }
});

byId("retry-all").addEventListener("click", () => current.retry(current.view.failedIndices));

byId("copy").addEventListener("click", async () => {
  await navigator.clipboard?.writeText(byId("transcript").textContent);
  current.view.say("The transcript was copied.");
});

// A link like any other, so that it can be opened, saved and copied as the browser likes.
function showSaveLink() {
  const link = byId("save");
  link.href = current.api.transcriptUrl(byId("format").value);
  link.download = "";
}

byId("format").addEventListener("change", () => current && showSaveLink());
byId("share").addEventListener("click", () => dialogs.share(current.api));

// A reloaded page goes on showing its job, a shared link shows somebody else's: the stream tells
// everything from the beginning.
function openFromAddress() {
  const [, id, token] = /^#([0-9a-f-]{36})(?:&token=([\w.-]+))?$/.exec(location.hash) ?? [];
  if (!id || current?.api.id === id) return;
  const job = show(new Job(new JobApi(id, token)));
  job.view.say(token ? "This job was shared with you." : "Following the job of this page's address.");
  job.follow();
}

window.addEventListener("hashchange", openFromAddress);
showInterrupted();
openFromAddress();
