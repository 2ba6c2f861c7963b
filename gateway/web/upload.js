// SPDX-License-Identifier: Apache-2.0
// Talks to the gateway: makes a job, sends its chunks a few at a time, reports each one.

const TRIES = 6;

export class ApiError extends Error {
  constructor(status, problem) {
    super(problem?.detail || problem?.title || `The server answered ${status}.`);
    this.status = status;
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Worth another try: no answer at all, too many requests, or a server in trouble.
const isPassing = (error) =>
  !(error instanceof ApiError) || error.status === 408 || error.status === 429 || error.status >= 500;

async function withRetries(action) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      if (attempt === TRIES || !isPassing(error)) throw error;
      await pause(Math.random() * Math.min(500 * 2 ** attempt, 15000));
    }
  }
}

async function postJson(path, body, headers = {}) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  const value = await answer.json().catch(() => null);
  if (!answer.ok) throw new ApiError(answer.status, value);
  return value;
}

// The same key for every try: a repeated call gets the same job.
export function createJob(request) {
  const key = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  return withRetries(() => postJson("/chunked-upload-stream", request, { "Idempotency-Key": key }));
}

// XMLHttpRequest, because fetch cannot tell how much of a body has been sent.
function putOnce(url, blob, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", url);
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onerror = () => reject(new Error("The connection failed."));
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
    request.send(blob);
  });
}

async function sendChunk(job, file, target, view) {
  const index = target.chunk_index;
  const start = index * job.chunk_info.chunk_size_bytes;
  const blob = file.slice(start, start + target.expected_size);
  view.chunkUploading(index);
  await withRetries(() => putOnce(target.upload_url, blob, (sent) => view.chunkSent(index, sent)));
  view.chunkSent(index, blob.size);
  await withRetries(() =>
    postJson("/chunk-upload-complete", {
      parent_job_id: job.parent_job_id,
      chunk_index: index,
      actual_size: blob.size,
    }),
  );
  view.chunkUploaded(index);
}

// Sends all chunks, in the order the server likes best; those that could not be sent are told to the view and counted in the result.
export async function sendChunks(job, file, view) {
  const waiting = job.upload_order.map((index) => job.upload_urls[index]);
  let failed = 0;
  const lane = async () => {
    for (let target = waiting.shift(); target; target = waiting.shift()) {
      try {
        await sendChunk(job, file, target, view);
      } catch (error) {
        failed++;
        view.chunkNotSent(target.chunk_index, error.message);
      }
    }
  };
  const lanes = Math.max(1, job.chunk_info.max_concurrent_uploads || 3);
  await Promise.all(Array.from({ length: lanes }, lane));
  return failed;
}
