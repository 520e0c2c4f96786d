#!/usr/bin/python3
"""Two slixmpp clients: one uploads a file and the other gets it (XEP-0363); one sends bytes to the other through the proxy (XEP-0065)
and in band (XEP-0047).
apt-get install -y --no-install-recommends python3-slixmpp python3-aiohttp
usage: slixmpp_transfer.py HOST PORT CA JID1 PASSWORD1 JID2 PASSWORD2     prints ok/FAIL lines; exit status 0 when all is ok
"""
import asyncio
import io
import os
import ssl
import sys

import aiohttp
import slixmpp

HOST, PORT, CA, JID1, PASS1, JID2, PASS2 = sys.argv[1:8]
os.environ["SSL_CERT_FILE"] = CA  # for aiohttp, which the plugin uses
PATIENCE = 15
failed = 0


class Client(slixmpp.ClientXMPP):
    def __init__(self, jid, password, resource):
        super().__init__(jid + "/" + resource, password)
        self.ca_certs = CA
        self.up, self.bytes, self.ended = asyncio.Event(), bytearray(), asyncio.Event()
        for plugin in ("xep_0030", "xep_0047", "xep_0065", "xep_0363"):
            self.register_plugin(plugin)
        self["xep_0065"].auto_accept = True
        self["xep_0047"].auto_accept = True
        self.add_event_handler("session_start", self.started)
        self.add_event_handler("socks5_data", self.bytes.extend)
        self.add_event_handler("socks5_closed", lambda _: self.ended.set())
        self.add_event_handler("ibb_stream_data", lambda s: self.bytes.extend(s.recv_queue.get_nowait()))
        self.add_event_handler("ibb_stream_end", lambda _: self.ended.set())

    async def started(self, _):
        await self.get_roster()
        self.send_presence()
        self.up.set()

    async def sign_in(self):
        self.connect(address=(HOST, int(PORT)))
        await asyncio.wait_for(self.up.wait(), PATIENCE)


def result(what, ok):
    global failed
    failed += not ok
    print("ok" if ok else "FAIL", what, flush=True)


async def service(client):
    """The plugin's own search does not work with Python 3.11: it hands coroutines to asyncio.wait."""
    items = await client["xep_0030"].get_items(client.boundjid.domain)
    for item in items["disco_items"]["items"]:
        info = await client["xep_0030"].get_info(item[0])
        if "urn:xmpp:http:upload:0" in info["disco_info"]["features"]:
            return info["from"]


async def upload(sender):
    sender["xep_0363"].upload_service = await service(sender)
    content = os.urandom(300_000)
    url = await sender["xep_0363"].upload_file("très cool.jpg", size=len(content), content_type="image/jpeg", input_file=io.BytesIO(content))
    async with aiohttp.ClientSession() as web:
        async with web.get(url, ssl=ssl.create_default_context(cafile=CA)) as answer:
            got = await answer.read()
            result("upload and download over HTTPS", answer.status == 200 and got == content and answer.content_type == "image/jpeg")


async def proxied(sender, receiver):
    content = os.urandom(300_000)
    proxy = await sender["xep_0065"].handshake(receiver.boundjid, timeout=PATIENCE)
    await proxy.write(content)
    for _ in range(100):
        if len(receiver.bytes) >= len(content):
            break
        await asyncio.sleep(0.1)
    result("bytes through the proxy", bytes(receiver.bytes) == content)
    proxy.transport.close()


async def in_band(sender, receiver):
    receiver.bytes.clear()
    content = os.urandom(20_000)
    stream = await sender["xep_0047"].open_stream(receiver.boundjid, block_size=4096, timeout=PATIENCE)
    await stream.sendall(content)
    await stream.close()
    result("bytes in band", bytes(receiver.bytes) == content)


async def main():
    sender, receiver = Client(JID1, PASS1, "sender"), Client(JID2, PASS2, "receiver")
    await sender.sign_in()
    await receiver.sign_in()
    for what, step in (("upload", upload(sender)), ("proxy", proxied(sender, receiver)), ("in band", in_band(sender, receiver))):
        try:
            await asyncio.wait_for(step, 2 * PATIENCE)
        except Exception as e:  # a step that fails must not hide the others
            result("%s: %r" % (what, e), False)
    sender.disconnect()
    receiver.disconnect()


asyncio.get_event_loop().run_until_complete(main())
sys.exit(1 if failed else 0)
