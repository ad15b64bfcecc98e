// What happens at Instagram shows in every open page, without asking.
import { after, test } from "node:test";
import { api, closeAll, connectInstagram, follow, happens, live, newAccount, person } from "../lib/live.js";

after(closeAll);

test("a direct message changes the contact list of two open pages", async () => {
  const owner = await person();
  const { username: account } = await newAccount();
  await connectInstagram(owner, account);
  const lists = [live(owner), live(owner)].map((client) => follow(client, api.contacts.fetchContacts));
  for (const list of lists) await list.becomes((rows) => rows.length === 0);
  await happens("dm", { account, person: "900000000000001", text: "hello there" });
  for (const list of lists) await list.becomes((rows) => rows.length === 1 && rows[0].lastMessage === "hello there");
});
