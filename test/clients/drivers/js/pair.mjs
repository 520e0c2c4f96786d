// Two people with @xmpp/client, over STARTTLS and over direct TLS.
// usage: NODE_EXTRA_CA_CERTS=ca.pem node pair.mjs HOST PORT TLSPORT JID1 PASSWORD1 JID2 PASSWORD2     prints ok/FAIL lines
import { webcrypto } from "node:crypto";
import { client, jid, xml } from "@xmpp/client";

globalThis.crypto ??= webcrypto; // Node 18 has it, but not there
const [host, port, tlsPort, jid1, password1, jid2, password2] = process.argv.slice(2);
const patience = 30_000;
let failed = 0;

// What is wanted now or soon, or an error that names it.
function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error("waited in vain for " + what)), patience); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function step(what, f) {
  try {
    await f();
    console.log("ok  ", what);
  } catch (e) {
    failed++;
    console.log("FAIL", what + ":", e.condition || e.message || e);
  }
}

// A person who is signed in, with everything that came.
class Person {
  constructor(service, address, password) {
    this.address = address;
    this.came = [];
    this.waiting = [];
    const { local, domain } = jid(address);
    this.client = client({ service, domain, username: local, password });
    this.client.on("error", (e) => { this.error = e; });
    this.client.on("stanza", (s) => { this.came.push(s); this.look(); });
  }

  look() {
    this.waiting = this.waiting.filter(({ wanted, resolve }) => {
      const s = this.came.find(wanted);
      if (s) resolve(s);
      return !s;
    });
  }

  await(wanted, what) {
    return within(new Promise((resolve) => { this.waiting.push({ wanted, resolve }); this.look(); }), what);
  }

  body(text) {
    return this.await((s) => s.is("message") && s.getChildText("body") === text, `"${text}"`);
  }

  presence(from, type) {
    return this.await((s) => s.is("presence") && s.attrs.type === type && jid(s.attrs.from).bare().toString() === from,
      `presence ${type || "available"} from ${from}`);
  }

  async up() {
    await within(this.client.start(), "the sign-in").catch((e) => { throw this.error || e; });
    await this.client.send(xml("presence"));
    return this;
  }

  roster() {
    return this.client.iqCaller.request(xml("iq", { type: "get" }, xml("query", { xmlns: "jabber:iq:roster" })));
  }

  say(to, text) {
    return this.client.send(xml("message", { to, type: "chat" }, xml("body", {}, text)));
  }

  ask(to, type) {
    return this.client.send(xml("presence", { to, type }));
  }
}

const starttls = `xmpp://${host}:${port}`, direct = `xmpps://${host}:${tlsPort}`;
const one = new Person(starttls, jid1, password1);
let two = new Person(starttls, jid2, password2);

await step("two people sign in over STARTTLS", async () => { await one.up(); await two.up(); });
if (failed === 0) {
  await step("contacts of each other", async () => {
    await one.ask(jid2, "subscribe");
    await two.presence(jid1, "subscribe");
    await two.ask(jid1, "subscribed");
    await two.ask(jid1, "subscribe");
    await one.presence(jid2, "subscribe");
    await one.ask(jid2, "subscribed");
    await one.presence(jid2);
    await two.presence(jid1);
    const items = (await one.roster()).getChild("query").getChildren("item");
    if (items.length !== 1 || items[0].attrs.subscription !== "both") throw new Error("the roster is " + items.join());
  });
  await step("chat both ways", async () => {
    await one.say(jid2, "wherefore");
    await two.body("wherefore");
    await two.say(jid1, "art thou");
    await one.body("art thou");
  });
  await step("a token in place of the password", async () => {
    if (!(await one.client.fast.fetch())) throw new Error("none was given");
  });
  await step("a lost connection is resumed, nothing is lost", async () => {
    const resumed = within(new Promise((resolve) => two.client.streamManagement.once("resumed", resolve)), "resumption");
    two.client.socket.socket.destroy();
    await one.say(jid2, "into the gap");
    await resumed;
    await two.body("into the gap");
  });
  await step("what was said while away, over direct TLS", async () => {
    await two.client.stop();
    await one.presence(jid2, "unavailable");
    await one.say(jid2, "parting is such sweet sorrow");
    await one.roster(); // an answer to what came behind the message
    two = await new Person(direct, jid2, password2).up();
    const late = await two.body("parting is such sweet sorrow");
    if (!late.getChild("delay", "urn:xmpp:delay")) throw new Error("it does not say when it was sent");
  });
  await step("both sign out", async () => { await one.client.stop(); await two.client.stop(); });
}
process.exit(failed === 0 ? 0 : 1);
