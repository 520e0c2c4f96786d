#!/usr/bin/python3
"""A person who answers "echo: TEXT" to every message, accepts every subscription and asks for one in return.
apt-get install -y --no-install-recommends python3-slixmpp python3-aiohttp
usage: echo.py HOST PORT CA JID PASSWORD SECONDS [CONTACT]     prints "up" when signed in; asks CONTACT for a subscription, and
prints "both" when each has the other's
"""
import asyncio
import sys

import slixmpp

HOST, PORT, CA, JID, PASSWORD, SECONDS = sys.argv[1:7]


class Echo(slixmpp.ClientXMPP):
    def __init__(self):
        super().__init__(JID + "/echo", PASSWORD)
        self.ca_certs = CA
        self.auto_authorize = self.auto_subscribe = True
        self.add_event_handler("session_start", self.started)
        self.add_event_handler("message", self.answer)
        self.add_event_handler("roster_update", self.looked)

    async def started(self, _):
        await self.get_roster()
        self.send_presence(pstatus="I answer")
        for contact in sys.argv[7:8]:
            self.send_presence_subscription(contact)
        print("up", flush=True)

    def looked(self, _):
        if any(self.client_roster[c]["subscription"] == "both" for c in sys.argv[7:8]):
            print("both", flush=True)

    def answer(self, m):
        if m["body"] and m["type"] in ("chat", "normal"):
            m.reply("echo: " + m["body"]).send()


client = Echo()
client.connect(address=(HOST, int(PORT)))
loop = asyncio.get_event_loop()
loop.call_later(float(SECONDS), loop.stop)
loop.run_forever()
