// SPDX-License-Identifier: Apache-2.0
// The page: a file becomes a job, its chunks go up, its events come down.

import { createJob, sendChunks } from "./upload.js";
import { Transcript } from "./transcript.js";
import { View } from "./view.js";

const byId = (id) => document.getElementById(id);
const DONE = ["final_result", "job_failed", "cancelled", "expired"];

// Sizes of all chunks, from the job's first event.
function chunkSizes({ total_chunks: count, total_size: total, chunk_size_bytes: size }) {
  return Array.from({ length: count }, (_, k) => Math.min(size, total - k * size));
}

class Job {
  constructor(view) {
    this.view = view;
    this.transcript = new Transcript();
  }

  follow(url) {
    const address = new URL(url, location.href);
    address.searchParams.set("partial", "delta");
    this.source = new EventSource(address);
    const on = (type, call) =>
      this.source.addEventListener(type, (message) => call(JSON.parse(message.data)));
    on("initialized", (event) => this.view.isEmpty && this.view.begin(chunkSizes(event)));
    on("progress_update", (event) => this.view.progress(event));
    on("chunk_partial", (event) => this.view.chunkPartial(event));
    on("chunk_complete", (event) => this.view.chunkComplete(event));
    on("chunk_failed", (event) => this.view.chunkFailed(event));
    on("chunk_retrying", (event) => this.view.chunkRetrying(event));
    on("retry_started", (event) => this.view.retryStarted(event));
    on("partial_transcript", (event) => this.#showTranscript(event));
    for (const type of DONE) on(type, (event) => this.#finish(type, event));
    this.source.onerror = () => {
      if (this.source.readyState === EventSource.CLOSED)
        this.view.say("The server has no more events of this job.", true);
    };
  }

  #showTranscript(event) {
    this.transcript.apply(event);
    this.view.showText(this.transcript.text, event.available_chunks, event.total_chunks);
  }

  #finish(type, event) {
    this.source.close();
    this.view.finish({ progress: 100, ...event });
    if (type === "final_result" && !event.truncated) {
      this.transcript.finish(event.final_transcript);
      this.view.showText(this.transcript.text, event.completed_chunks, event.total_chunks);
    }
    if (type !== "final_result")
      this.view.say(event.error?.message ?? `The job has ended: ${type.replace("_", " ")}.`, true);
  }
}

async function start(file) {
  const view = new View();
  const job = new Job(view);
  view.say("Preparing …");
  const language = byId("language").value.trim();
  const answer = await createJob({
    filename: file.name,
    total_size: file.size,
    chunk_size_mb: Number(byId("chunk-size").value),
    ...(language && { language }),
  });
  view.begin(answer.upload_urls.map((target) => target.expected_size));
  view.say("Uploading; text appears as soon as a chunk is done.");
  history.replaceState(null, "", `#${answer.parent_job_id}`);
  job.follow(answer.stream_url);
  const failed = await sendChunks(answer, file, view);
  if (failed > 0) view.say(`${failed} chunks could not be uploaded.`, true);
}

byId("start").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  const file = byId("file").files[0];
  button.disabled = true;
  try {
    await start(file);
  } catch (error) {
    new View().say(error.message, true);
  } finally {
    button.disabled = false;
  }
});

byId("copy").addEventListener("click", () => navigator.clipboard?.writeText(byId("transcript").textContent));

byId("save").addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([byId("transcript").textContent], { type: "text/plain" }));
  link.download = "transcript.txt";
  link.click();
  URL.revokeObjectURL(link.href);
});

// A reloaded page goes on showing its job: the stream tells everything from the beginning.
if (/^#[0-9a-f-]{36}$/.test(location.hash)) {
  const view = new View({ isLive: false });
  view.say("Following the job of this page's address.");
  new Job(view).follow(`/chunked-stream/${location.hash.slice(1)}`);
}
