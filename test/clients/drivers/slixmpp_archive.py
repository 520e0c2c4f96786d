#!/usr/bin/python3
"""Two slixmpp clients and their archives (XEP-0313, XEP-0441): off at first, turned on, read page by page and by person, from a
device that was not there, emptied.
apt-get install -y --no-install-recommends python3-slixmpp
usage: slixmpp_archive.py HOST PORT CA JID1 PASSWORD1 JID2 PASSWORD2     prints ok/FAIL lines; exit status 0 when all is ok
"""
import asyncio
import sys
from xml.etree import ElementTree

import slixmpp

HOST, PORT, CA, JID1, PASS1, JID2, PASS2 = sys.argv[1:8]
PATIENCE = 15
MESSAGES = 70
failed = 0


class Client(slixmpp.ClientXMPP):
    def __init__(self, jid, password, resource):
        super().__init__(jid + "/" + resource, password)
        self.ca_certs = CA
        self.up, self.got, self.last = asyncio.Event(), [], asyncio.Event()
        for plugin in ("xep_0030", "xep_0059", "xep_0199", "xep_0297", "xep_0313", "xep_0359", "xep_0441"):
            self.register_plugin(plugin)
        self.add_event_handler("session_start", self.started)
        self.add_event_handler("message", self.message)

    async def started(self, _):
        await self.get_roster()
        self.send_presence()
        self.up.set()

    def message(self, m):
        if m["body"]:
            self.got.append((m["body"], m["stanza_id"]["id"]))
            if len(self.got) == MESSAGES:
                self.last.set()

    async def sign_in(self):
        self.connect(address=(HOST, int(PORT)))
        await asyncio.wait_for(self.up.wait(), PATIENCE)


def result(what, ok):
    global failed
    failed += not ok
    print("ok" if ok else "FAIL", what, flush=True)


async def bodies(client, **filters):
    found = []
    async for m in client["xep_0313"].iterate(rsm={"max": 20}, **filters):
        r = m["mam_result"]
        found.append((r["forwarded"]["stanza"]["body"], r["id"]))
    return found


async def main():
    writer, reader = Client(JID1, PASS1, "desk"), Client(JID2, PASS2, "phone")
    await asyncio.gather(writer.sign_in(), reader.sign_in())
    info = await reader["xep_0030"].get_info(jid=reader.boundjid.bare, timeout=PATIENCE)
    result("the archive is announced", {"urn:xmpp:mam:2", "urn:xmpp:mam:2#extended"} <= set(info["disco_info"]["features"]))
    prefs = await reader["xep_0441"].get_preferences(timeout=PATIENCE)
    result("it is off at first", prefs[0] == "never")
    for c in (writer, reader):
        await c["xep_0441"].set_preferences(default="always", always=[], never=[], timeout=PATIENCE)
    for n in range(MESSAGES):
        writer.send_message(mto=reader.boundjid.bare, mbody="line %d" % n, mtype="chat")
    await asyncio.wait_for(reader.last.wait(), PATIENCE)
    want = ["line %d" % n for n in range(MESSAGES)]
    result("the reader's archive, in four pages, with the ids of the live copies", await bodies(reader) == reader.got)
    late = Client(JID1, PASS1, "laptop")
    await late.sign_in()
    result("the writer's archive on another device", [b for b, _ in await bodies(late, with_jid=reader.boundjid.bare)] == want)
    result("nothing with anybody else", await bodies(late, with_jid="nobody@example.org") == [])
    purge = reader.make_iq_set()
    purge.append(ElementTree.Element("{urn:protokoll:archive:0}purge"))
    await purge.send(timeout=PATIENCE)
    result("emptied", await bodies(reader) == [])
    result("the writer's is the writer's", len(await bodies(writer)) == MESSAGES)
    for c in (writer, reader, late):
        await c.disconnect()


asyncio.run(asyncio.wait_for(main(), 60))
sys.exit(failed > 0)
