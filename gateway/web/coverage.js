// SPDX-License-Identifier: Apache-2.0
// What became of the recording's time, as one bar: each chunk's own as soon as it is done, the job's
// in the end.

const KINDS = [
  ["text", "text"],
  ["silence", "silence"],
  ["filtered", "left out"],
  ["failed", "failed"],
  ["pending", "to come"],
];

const share = (ms, total) => `${((100 * ms) / total).toFixed(ms > 0 && ms < total / 100 ? 1 : 0)} %`;

export class CoverageBar {
  #root;
  #chunks = new Map();
  #count = 0;

  constructor(root) {
    this.#root = root;
    this.#root.replaceChildren();
  }

  begin(count) {
    this.#count = count;
    this.#chunks.clear();
    this.#show({});
  }

  chunkComplete(event) {
    this.#chunks.set(event.chunk_index, event.coverage);
    this.#show(this.#sums());
  }

  finish(coverage) {
    if (coverage) this.#show(coverage);
  }

  // Chunks that are not done yet are taken to be as long as those that are.
  #sums() {
    const sums = { text_ms: 0, silence_ms: 0, filtered_ms: 0, failed_ms: 0 };
    for (const coverage of this.#chunks.values())
      for (const name of Object.keys(sums)) sums[name] += coverage[name];
    const known = Object.values(sums).reduce((a, b) => a + b, 0);
    const done = this.#chunks.size;
    return { ...sums, pending_ms: done > 0 ? (known / done) * Math.max(0, this.#count - done) : 0 };
  }

  #show(sums) {
    const total = KINDS.reduce((sum, [kind]) => sum + (sums[`${kind}_ms`] ?? 0), 0);
    const parts = KINDS.filter(([kind]) => sums[`${kind}_ms`] > 0);
    this.#root.hidden = total === 0;
    this.#root.replaceChildren(
      ...parts.map(([kind]) => {
        const part = document.createElement("span");
        part.className = `coverage-${kind}`;
        part.style.flexGrow = sums[`${kind}_ms`];
        return part;
      }),
    );
    const says = parts.map(([kind, name]) => `${name} ${share(sums[`${kind}_ms`], total)}`).join(", ");
    this.#root.setAttribute("aria-label", `What became of the recording: ${says}`);
    this.#root.title = says;
  }
}
