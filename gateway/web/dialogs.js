// SPDX-License-Identifier: Apache-2.0
// What opens over the page: one chunk to read, and a link to give away.

const byId = (id) => document.getElementById(id);

function clock(ms) {
  const whole = Math.floor(ms / 1000);
  const two = (number) => String(number).padStart(2, "0");
  return `${two(Math.floor(whole / 3600))}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

export function setUpDialogs(player) {
  let playFrom = 0;
  let sharedJob = null;

  function preview(slot) {
    const isPlaced = slot.startMs !== null;
    byId("preview-title").textContent = `Chunk ${slot.index + 1}`;
    byId("preview-note").textContent = [slot.label, isPlaced ? `from ${clock(slot.startMs)}` : null, slot.error]
      .filter(Boolean)
      .join(" · ");
    byId("preview-text").textContent = slot.text || "No text yet.";
    byId("preview-play").hidden = !(isPlaced && player.isOpen);
    playFrom = (slot.startMs ?? 0) / 1000;
    byId("preview").showModal();
  }

  function share(job) {
    sharedJob = job;
    byId("share-link").value = "";
    byId("share-note").textContent = "";
    byId("share-copy").disabled = true;
    byId("sharing").showModal();
  }

  byId("preview-close").addEventListener("click", () => byId("preview").close());
  byId("preview-play").addEventListener("click", () => {
    byId("preview").close();
    player.play(playFrom);
  });

  byId("share-close").addEventListener("click", () => byId("sharing").close());
  byId("share-make").addEventListener("click", async () => {
    try {
      const answer = await sharedJob.share({
        expires_in_s: Number(byId("share-for").value),
        audio: byId("share-audio").checked,
      });
      byId("share-link").value = new URL(answer.share_url, location.href).href;
      byId("share-note").textContent = `Valid until ${new Date(answer.expires_at).toLocaleString()}.`;
      byId("share-copy").disabled = false;
      byId("share-link").select();
    } catch (error) {
      byId("share-note").textContent = error.message;
    }
  });
  byId("share-copy").addEventListener("click", async () => {
    await navigator.clipboard?.writeText(byId("share-link").value);
    byId("share-note").textContent = "Copied.";
  });

  return { preview, share };
}
