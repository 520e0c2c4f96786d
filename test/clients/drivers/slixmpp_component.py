#!/usr/bin/python3
"""A component made with slixmpp, and a client of a user: what passes between them in both directions, and what becomes of it when the
component goes and comes back (XEP-0114).
apt-get install -y --no-install-recommends python3-slixmpp
usage: slixmpp_component.py HOST PORT CA JID PASSWORD COMPONENTPORT COMPONENT SECRET     prints ok/FAIL lines; exit status 0 when all is ok
"""
import asyncio
import sys

import slixmpp
from slixmpp.componentxmpp import ComponentXMPP
from slixmpp.exceptions import IqError

HOST, PORT, CA, JID, PASSWORD, COMPONENT_PORT, NAME, SECRET = sys.argv[1:9]
PATIENCE = 15
failed = 0


def result(what, ok):
    global failed
    failed += not ok
    print("ok" if ok else "FAIL", what, flush=True)


class Inbox:
    """Keeps what came until somebody waits for it."""

    def __init__(self):
        self.seen, self.news = [], asyncio.Condition()

    async def put(self, stanza):
        async with self.news:
            self.seen.append(stanza)
            self.news.notify_all()

    async def get(self, fits):
        async def found():
            async with self.news:
                while True:
                    for s in self.seen:
                        if fits(s):
                            self.seen.remove(s)
                            return s
                    await self.news.wait()
        return await asyncio.wait_for(found(), PATIENCE)


class Gateway(ComponentXMPP):
    def __init__(self):
        super().__init__(NAME, SECRET, HOST, int(COMPONENT_PORT))
        self.up, self.inbox = asyncio.Event(), Inbox()
        self.auto_authorize = self.auto_subscribe = None
        for plugin in ("xep_0030", "xep_0199", "xep_0092"):
            self.register_plugin(plugin)
        self["xep_0030"].add_identity(category="gateway", itype="irc", name="A gateway")
        self.add_event_handler("session_start", lambda _: self.up.set())
        self.add_event_handler("message", self.inbox.put)
        for kind in ("subscribe", "subscribed", "unsubscribe", "unsubscribed", "available", "unavailable", "probe"):
            self.add_event_handler("presence_" + kind, self.inbox.put)

    async def start(self):
        self.connect()
        await asyncio.wait_for(self.up.wait(), PATIENCE)
        return self


class Client(slixmpp.ClientXMPP):
    def __init__(self):
        super().__init__(JID + "/here", PASSWORD)
        self.ca_certs = CA
        self.up, self.inbox = asyncio.Event(), Inbox()
        self.auto_authorize = self.auto_subscribe = None
        for plugin in ("xep_0030", "xep_0199"):
            self.register_plugin(plugin)
        self.add_event_handler("session_start", self.started)
        self.add_event_handler("message", self.inbox.put)
        self.add_event_handler("message_error", self.inbox.put)
        for kind in ("subscribe", "subscribed", "unsubscribe", "unsubscribed", "available", "unavailable"):
            self.add_event_handler("presence_" + kind, self.inbox.put)

    async def started(self, _):
        await self.get_roster()
        self.send_presence()
        self.up.set()

    async def start(self):
        self.connect(address=(HOST, int(PORT)))
        await asyncio.wait_for(self.up.wait(), PATIENCE)
        return self


def condition(iq):
    """The library looks for errors in jabber:client, also on the stream of a component, and makes one of its own when it finds none."""
    return next(c.tag.split("}")[1] for c in iq.xml.iter() if "xmpp-stanzas" in c.tag)


def is_from(jid, kind):
    return lambda s: s["from"].bare == jid and s["type"] == kind


async def talk(gateway, user):
    bot = "bot@" + NAME
    items = await user["xep_0030"].get_items(jid=user.boundjid.domain)
    result("the component is listed", NAME in [i[0] for i in items["disco_items"]["items"]])
    info = await user["xep_0030"].get_info(jid=NAME)
    result("a user asks the component", ("gateway", "irc", None, "A gateway") in info["disco_info"]["identities"])
    info = await gateway["xep_0030"].get_info(jid=user.boundjid.domain, ifrom=NAME)
    result("the component asks the server", "urn:xmpp:ping" in info["disco_info"]["features"])
    info = await gateway["xep_0030"].get_info(jid=user.boundjid.full, ifrom=NAME)
    result("the component asks a client", bool(info["disco_info"]["features"]))

    user.send_message(mto=bot, mbody="hello", mtype="chat")
    got = await gateway.inbox.get(is_from(JID, "chat"))
    result("a message to the component", got["body"] == "hello" and got["from"] == user.boundjid.full and got["to"] == bot)
    gateway.send_message(mfrom=bot + "/x", mto=JID, mbody="<&'\" ü", mtype="chat")
    got = await user.inbox.get(is_from(bot, "chat"))
    result("a message from the component", got["body"] == "<&'\" ü" and got["from"].full == bot + "/x")


async def subscribe(gateway, user):
    bot = "bot@" + NAME
    user.send_presence_subscription(pto=bot)
    got = await gateway.inbox.get(is_from(JID, "subscribe"))
    result("a request reaches the component, from the bare address", got["from"].resource == "" and got["to"] == bot)
    gateway.send_presence(pfrom=bot, pto=JID, ptype="subscribed")
    await user.inbox.get(is_from(bot, "subscribed"))
    gateway.send_presence(pfrom=bot + "/x", pto=JID, pstatus="at work")
    got = await user.inbox.get(is_from(bot, "available"))
    result("the component's presence", got["status"] == "at work")
    gateway.send_presence(pfrom=bot, pto=JID, ptype="subscribe")
    await user.inbox.get(is_from(bot, "subscribe"))
    user.send_presence_subscription(pto=bot, ptype="subscribed")
    await gateway.inbox.get(is_from(JID, "subscribed"))
    got = await gateway.inbox.get(is_from(JID, "available"))
    result("the user's presence, when it is allowed", got["from"] == user.boundjid.full)
    user.send_presence(pstatus="away")
    got = await gateway.inbox.get(lambda s: s["type"] == "available" and s["status"] == "away")
    result("and each change of it", got["to"].bare == bot)
    gateway.send_presence(pfrom=bot, pto=JID, ptype="probe")
    got = await gateway.inbox.get(lambda s: s["type"] == "available" and s["status"] == "away")
    result("a probe is answered", got["from"] == user.boundjid.full)
    gateway.send_presence(pfrom="stranger@" + NAME, pto=JID, ptype="probe")
    got = await gateway.inbox.get(is_from(JID, "unsubscribed"))
    result("a stranger's probe is not", got["to"] == "stranger@" + NAME)


async def leave(gateway, user):
    """The component goes, and comes back while the user is away."""
    bot = "bot@" + NAME
    await gateway.disconnect()
    for _ in range(100):  # it is gone when the server has noticed
        user.send_message(mto=bot, mbody="anybody?", mtype="chat")
        try:
            got = await asyncio.wait_for(user.inbox.get(is_from(bot, "error")), 0.2)
            break
        except asyncio.TimeoutError:
            got = None
    result("who writes to a component that is away hears so", got is not None and got["error"]["condition"] == "remote-server-timeout"
           and got["error"]["type"] == "wait")
    try:
        await user["xep_0030"].get_info(jid=NAME)
        result("who asks it, too", False)
    except IqError as e:
        result("who asks it, too", e.condition == "remote-server-timeout")
    gateway = await Gateway().start()
    user.disconnect()
    await gateway.inbox.get(is_from(JID, "unavailable"))
    gone = None
    for _ in range(100):  # the client may answer until it has closed its stream
        try:
            await gateway["xep_0092"].get_version(JID + "/here", ifrom=NAME)
        except IqError as e:
            gone = condition(e.iq)
        if gone == "service-unavailable":
            break
        await asyncio.sleep(0.05)
    result("a client that is gone", gone == "service-unavailable")
    gateway.send_message(mfrom=bot, mto=JID, mbody="while you were away", mtype="chat")
    await gateway["xep_0199"].send_ping(JID.split("@")[1], ifrom=NAME)  # answered when the message has been handled
    user = await Client().start()
    got = await user.inbox.get(is_from(bot, "chat"))
    result("a message that waited", got["body"] == "while you were away" and got.xml.find("{urn:xmpp:delay}delay") is not None)
    got = await gateway.inbox.get(is_from(JID, "probe"))
    result("the user's server asks for the component's presence", got["to"] == bot)
    got = await gateway.inbox.get(is_from(JID, "available"))
    result("and shows the user's", True)
    user.del_roster_item(bot)
    await gateway.inbox.get(is_from(JID, "unsubscribed"))  # the other way the library has ended it: it knows no roster when it is probed
    result("the end of a subscription", True)


async def main():
    gateway, user = await Gateway().start(), await Client().start()
    await talk(gateway, user)
    await subscribe(gateway, user)
    await leave(gateway, user)


asyncio.get_event_loop().run_until_complete(main())
sys.exit(failed > 0)
