#!/usr/bin/python3
"""Two slixmpp clients: sign in over STARTTLS, add each other, chat, get offline messages, resume a lost connection.
apt-get install -y --no-install-recommends python3-slixmpp python3-aiohttp
usage: slixmpp_pair.py HOST PORT CA JID1 PASSWORD1 JID2 PASSWORD2     prints ok/FAIL lines; exit status 0 when all is ok
"""
import asyncio
import sys

import slixmpp

HOST, PORT, CA, JID1, PASS1, JID2, PASS2 = sys.argv[1:8]
PATIENCE = 15
failed = 0


class Client(slixmpp.ClientXMPP):
    def __init__(self, jid, password):
        super().__init__(jid, password)
        self.ca_certs = CA
        self.auto_authorize = True
        self.auto_subscribe = True
        self.got = asyncio.Queue()
        self.offline = []
        self.up, self.resumed, self.lost = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.register_plugin("xep_0030")
        self.register_plugin("xep_0198")
        self.register_plugin("xep_0199")
        self.register_plugin("xep_0203")
        self.register_plugin("xep_0280")
        self.add_event_handler("session_start", self.started)
        self.add_event_handler("session_resumed", lambda _: self.resumed.set())
        self.add_event_handler("disconnected", lambda _: self.lost.set())
        self.add_event_handler("failed_all_auth", lambda _: result("sign-in of " + self.boundjid.bare, False))
        self.add_event_handler("message", self.message)

    async def started(self, _):
        await self.get_roster()
        self.send_presence()
        self.up.set()

    def message(self, m):
        if m["type"] in ("chat", "normal") and m["body"]:
            if m["delay"]["stamp"]:
                self.offline.append(m["body"])
            self.got.put_nowait(m["body"])

    async def sign_in(self):
        self.up.clear()
        self.connect(address=(HOST, int(PORT)))
        await asyncio.wait_for(self.up.wait(), PATIENCE)

    async def sign_out(self):
        self.lost.clear()
        self.disconnect()
        await asyncio.wait_for(self.lost.wait(), PATIENCE)


def result(what, ok):
    global failed
    failed += not ok
    print("ok  " if ok else "FAIL", what, flush=True)


async def until(what, condition):
    for _ in range(PATIENCE * 20):
        if condition():
            break
        await asyncio.sleep(0.05)
    result(what, condition())


async def expect(client, bodies, what):
    got = []
    try:
        for _ in bodies:
            got.append(await asyncio.wait_for(client.got.get(), PATIENCE))
    except asyncio.TimeoutError:
        pass
    result(what if got == bodies else f"{what}: got {got}", got == bodies)


async def main():
    a, b = Client(JID1 + "/slix", PASS1), Client(JID2 + "/slix", PASS2)
    await a.sign_in()
    await b.sign_in()
    result("both signed in", True)
    a.send_presence_subscription(JID2)
    await until("subscription both", lambda: a.client_roster[JID2]["subscription"] == "both" and b.client_roster[JID1]["subscription"] == "both")
    await until("presence seen", lambda: bool(a.client_roster.presence(JID2)) and bool(b.client_roster.presence(JID1)))
    a.send_message(mto=JID2, mbody="ärger & <freude>", mtype="chat")
    await expect(b, ["ärger & <freude>"], "chat one way")
    b.send_message(mto=a.boundjid.full, mbody="back", mtype="chat")
    await expect(a, ["back"], "chat the other way")

    await b.sign_out()
    for text in ("first", "second", "third"):
        a.send_message(mto=JID2, mbody=text, mtype="chat")
    await a["xep_0199"].ping(a.boundjid.domain)
    b = Client(JID2 + "/slix", PASS2)
    await b.sign_in()
    await expect(b, ["first", "second", "third"], "offline messages in order")
    result("with their time", b.offline == ["first", "second", "third"])
    await b["xep_0199"].ping(b.boundjid.domain)

    b.lost.clear()
    b.transport.abort()
    await asyncio.wait_for(b.lost.wait(), PATIENCE)
    a.send_message(mto=JID2, mbody="while the line was cut", mtype="chat")
    await a["xep_0199"].ping(a.boundjid.domain)
    b.connect(address=(HOST, int(PORT)))
    await asyncio.wait_for(b.resumed.wait(), PATIENCE)
    result("session resumed", True)
    await expect(b, ["while the line was cut"], "what was sent meanwhile")
    await b["xep_0199"].ping(b.boundjid.domain)
    result("nothing twice", b.got.empty() and a.got.empty())
    await a.sign_out()
    await b.sign_out()


try:
    asyncio.get_event_loop().run_until_complete(asyncio.wait_for(main(), 80))
except (asyncio.TimeoutError, slixmpp.exceptions.XMPPError) as e:
    result(f"in time and without an error: {e!r}", False)
sys.exit(1 if failed else 0)
