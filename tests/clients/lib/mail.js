// The mails that the server under test sent.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { MAIL_URL } from "./env.js";
import { send } from "./http.js";

const DEADLINE_MS = 15_000;
const LOOK_AGAIN_MS = 20;

/** All mails to an address, oldest first: `{type, to, url, token}`. */
export async function mailsTo(address) {
  const lists = MAIL_URL.split(" ").map(async (url) => {
    const answer = await send(`${url}?to=${encodeURIComponent(address)}`);
    assert.equal(answer.status, 200);
    return answer.json;
  });
  return (await Promise.all(lists)).flat();
}

/**
 * The newest mail to an address whose link contains `part`, once at least `count` such mails are there.
 * A mail may be sent after the answer that promised it.
 */
export async function mailTo(address, part, count = 1) {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const mails = (await mailsTo(address)).filter(({ url }) => url.includes(part));
    if (mails.length >= count) return mails.at(-1);
    if (Date.now() > deadline) assert.fail(`no mail with ${part} for ${address}`);
    await pause(LOOK_AGAIN_MS);
  }
}

/** The path and query of a mailed link. */
export const linkOf = ({ url }) => url.slice(new URL(url).origin.length);
