// SPDX-License-Identifier: Apache-2.0
// What the gateway is asked for.

const TRIES = 6;

export class ApiError extends Error {
  constructor(status, problem) {
    super(problem?.detail || problem?.title || `The server answered ${status}.`);
    this.status = status;
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Worth another try: no answer at all, too many requests, or a server in trouble; not a full store.
const isPassing = (error) =>
  !(error instanceof ApiError) ||
  error.status === 408 ||
  error.status === 429 ||
  (error.status >= 500 && error.status !== 507);

export async function withRetries(action, onFailure = () => {}) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      onFailure(error);
      if (attempt === TRIES || !isPassing(error)) throw error;
      await pause(Math.random() * Math.min(500 * 2 ** attempt, 15000));
    }
  }
}

async function answered(answer) {
  const value = await answer.json().catch(() => null);
  if (!answer.ok) throw new ApiError(answer.status, value);
  return value;
}

// The same key for every try: a repeated call is known as such.
function post(path, body) {
  const key = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  const headers = { "Content-Type": "application/json", "Idempotency-Key": key };
  return withRetries(async () =>
    answered(await fetch(path, { method: "POST", headers, body: JSON.stringify(body) })),
  );
}

export const createJob = (request) => post("/chunked-upload-stream", request);

// A job as this page may use it: as its owner, or as somebody with a shared link's token.
export class JobApi {
  constructor(id, token = null) {
    this.id = id;
    this.token = token;
  }

  #url(path, parameters) {
    const url = new URL(path, location.origin);
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    if (this.token) url.searchParams.set("token", this.token);
    return url;
  }

  streamUrl(lastId) {
    const place = lastId ? { last_event_id: lastId } : {};
    return this.#url(`/chunked-stream/${this.id}`, { partial: "delta", ...place });
  }

  transcriptUrl(format) {
    return this.#url("/chunked-transcript", { parent_job_id: this.id, format }).href;
  }

  async words() {
    return answered(await fetch(this.transcriptUrl("verbose_json")));
  }

  // A player cannot send headers, so it gets a link that is signed. Null: the link that this page
  // was opened with is without the recording.
  async audioUrl() {
    if (!this.token) return (await this.share({ expires_in_s: 86400 })).audio_url;
    if (!this.token.startsWith("listen.")) return null;
    return this.#url("/chunked-audio", { parent_job_id: this.id }).href;
  }

  complete(index, size) {
    return post("/chunk-upload-complete", { parent_job_id: this.id, chunk_index: index, actual_size: size });
  }

  resume() {
    return post("/chunked-upload-resume", { parent_job_id: this.id });
  }

  retry(indices) {
    return post("/chunked-upload-retry", { parent_job_id: this.id, ...(indices && { chunk_indices: indices }) });
  }

  cancel() {
    return post("/chunked-upload-cancel", { parent_job_id: this.id });
  }

  share(terms) {
    return post(`/jobs/${this.id}/share`, terms);
  }
}
