// SPDX-License-Identifier: Apache-2.0
// Remembers the upload that is under way, so that it can go on after the page was closed. A browser
// gives no page the file again by itself: the same one has to be chosen once more.

const KEY = "chunkscribe.upload";

export function remember(jobId, file) {
  const upload = { jobId, name: file.name, size: file.size, modified: file.lastModified };
  try {
    localStorage.setItem(KEY, JSON.stringify(upload));
  } catch {
    // Private windows may refuse; then nothing can be resumed.
  }
}

export function recall() {
  try {
    return JSON.parse(localStorage.getItem(KEY));
  } catch {
    return null;
  }
}

export function forget() {
  try {
    localStorage.removeItem(KEY);
  } catch {
    // Nothing was remembered, then.
  }
}

export function isSameFile(upload, file) {
  return upload?.name === file.name && upload.size === file.size && upload.modified === file.lastModified;
}
