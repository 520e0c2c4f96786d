import java.io.ByteArrayInputStream;
import java.io.FileInputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

import org.jivesoftware.smack.ConnectionConfiguration;
import org.jivesoftware.smack.StanzaListener;
import org.jivesoftware.smack.packet.Message;
import org.jivesoftware.smack.packet.Presence;
import org.jivesoftware.smack.packet.Session;
import org.jivesoftware.smack.packet.Stanza;
import org.jivesoftware.smack.roster.Roster;
import org.jivesoftware.smack.roster.RosterEntry;
import org.jivesoftware.smack.roster.packet.RosterPacket;
import org.jivesoftware.smack.tcp.XMPPTCPConnection;
import org.jivesoftware.smack.tcp.XMPPTCPConnectionConfiguration;
import org.jivesoftware.smackx.bookmarks.BookmarkManager;
import org.jivesoftware.smackx.bytestreams.socks5.Socks5Proxy;
import org.jivesoftware.smackx.delay.packet.DelayInformation;
import org.jivesoftware.smackx.filetransfer.FileTransfer;
import org.jivesoftware.smackx.filetransfer.FileTransferListener;
import org.jivesoftware.smackx.filetransfer.FileTransferManager;
import org.jivesoftware.smackx.filetransfer.FileTransferNegotiator;
import org.jivesoftware.smackx.filetransfer.OutgoingFileTransfer;
import org.jivesoftware.smackx.iqlast.LastActivityManager;
import org.jivesoftware.smackx.iqversion.VersionManager;
import org.jivesoftware.smackx.ping.PingManager;
import org.jivesoftware.smackx.privacy.PrivacyListManager;
import org.jivesoftware.smackx.privacy.packet.PrivacyItem;
import org.jivesoftware.smackx.search.ReportedData;
import org.jivesoftware.smackx.search.UserSearchManager;
import org.jivesoftware.smackx.time.EntityTimeManager;
import org.jivesoftware.smackx.vcardtemp.VCardManager;
import org.jivesoftware.smackx.vcardtemp.packet.VCard;
import org.jivesoftware.smackx.xdata.form.FillableForm;
import org.jivesoftware.smackx.xdata.packet.DataForm;
import org.jxmpp.jid.BareJid;
import org.jxmpp.jid.DomainBareJid;
import org.jxmpp.jid.EntityBareJid;
import org.jxmpp.jid.impl.JidCreate;
import org.jxmpp.jid.parts.Resourcepart;

/**
 * Two people with the library that is inside Spark and Jitsi do what Spark does at its start and in its dialogues.
 * usage: SparkPair HOST PORT CA JID1 PASSWORD1 JID2 PASSWORD2     prints ok/FAIL lines; exit status 0 when all is ok
 */
class SparkPair {
    static final long PATIENCE = 30;
    static int failed;

    interface Step {
        void run() throws Exception;
    }

    /** A person who is signed in. */
    static class Person {
        final XMPPTCPConnection connection;
        final EntityBareJid jid;
        final LinkedBlockingQueue<Stanza> got = new LinkedBlockingQueue<>();

        Person(String[] server, String jid, String password, String resource) throws Exception {
            this.jid = JidCreate.entityBareFrom(jid);
            XMPPTCPConnectionConfiguration c = XMPPTCPConnectionConfiguration.builder()
                .setHost(server[0]).setPort(Integer.parseInt(server[1]))
                .setXmppDomain(this.jid.asDomainBareJid())
                .setUsernameAndPassword(this.jid.getLocalpart().toString(), password)
                .setResource(resource)
                .setSecurityMode(ConnectionConfiguration.SecurityMode.required)
                .setCustomX509TrustManager(trusting(server[2]))
                .build();
            connection = new XMPPTCPConnection(c);
            Roster.getInstanceFor(connection).setSubscriptionMode(Roster.SubscriptionMode.accept_all);
            StanzaListener take = got::add;
            connection.addAsyncStanzaListener(take, s -> s instanceof Message || s instanceof Presence);
            connection.connect().login();
        }

        /** The first message or presence that is wanted, of those that came and come. */
        Stanza await(Predicate<Stanza> wanted) throws Exception {
            for (long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE);;) {
                Stanza s = got.poll(end - System.nanoTime(), TimeUnit.NANOSECONDS);
                if (s == null) {
                    throw new Exception("nothing came");
                }
                if (wanted.test(s)) {
                    return s;
                }
            }
        }

        Message awaitBody(String body) throws Exception {
            return (Message) await(s -> s instanceof Message && body.equals(((Message) s).getBody()));
        }

        void say(BareJid to, String body) throws Exception {
            connection.sendStanza(connection.getStanzaFactory().buildMessageStanza().to(to).ofType(Message.Type.chat).setBody(body).build());
        }

        Roster roster() {
            return Roster.getInstanceFor(connection);
        }
    }

    static X509TrustManager trusting(String ca) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream in = new FileInputStream(ca)) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        TrustManagerFactory f = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        f.init(store);
        return (X509TrustManager) f.getTrustManagers()[0];
    }

    static void step(String what, Step s) {
        try {
            s.run();
            System.out.println("ok   " + what);
        } catch (Throwable e) {
            failed++;
            System.out.println("FAIL " + what + ": " + e);
        }
    }

    static void check(boolean ok, String what) throws Exception {
        if (!ok) {
            throw new Exception(what);
        }
    }

    /** Waits for what another goroutine of the library brings about. */
    static void until(java.util.concurrent.Callable<Boolean> done, String what) throws Exception {
        for (long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE); !done.call(); Thread.sleep(20)) {
            check(System.nanoTime() < end, what);
        }
    }

    static Person one, two;

    public static void main(String[] a) {
        String[] server = {a[0], a[1], a[2]};
        Socks5Proxy.setLocalSocks5ProxyEnabled(false); // or the two would find each other without the server
        step("two people sign in", () -> {
            one = new Person(server, a[3], a[4], "Spark");
            two = new Person(server, a[5], a[6], "Spark");
        });
        if (failed == 0) {
            people(server, a);
        }
        System.exit(failed == 0 ? 0 : 1);
    }

    static void people(String[] server, String[] a) {
        DomainBareJid domain = one.jid.asDomainBareJid();
        step("the session request of old clients", () -> {
            Session old = new Session();
            one.connection.sendIqRequestAndWaitForResponse(old);
        });
        step("a contact in a group", SparkPair::contact);
        step("groups are renamed and items moved", SparkPair::groups);
        step("chat both ways", () -> {
            one.say(two.jid, "wherefore");
            two.awaitBody("wherefore");
            two.say(one.jid, "art thou");
            one.awaitBody("art thou");
        });
        step("presence with a text", SparkPair::presence);
        step("privacy lists", SparkPair::privacy);
        step("vCard and its picture", SparkPair::card);
        step("bookmarks", SparkPair::bookmarks);
        step("version, time and ping of the server", () -> {
            check(VersionManager.getInstanceFor(one.connection).getVersion(domain).getName().length() > 0, "no version");
            check(EntityTimeManager.getInstanceFor(one.connection).getTime(domain).getTime() != null, "no time");
            check(PingManager.getInstanceFor(one.connection).pingMyServer(), "no ping");
        });
        step("search by name", SparkPair::search);
        step("a file inside the stream", () -> file(true));
        step("a file through the server's proxy", () -> file(false));
        step("what was said while away, and since when", () -> {
            two.connection.disconnect();
            one.await(s -> s instanceof Presence && !((Presence) s).isAvailable() && s.getFrom().asBareJid().equals(two.jid));
            one.say(two.jid, "parting is such sweet sorrow");
            check(LastActivityManager.getInstanceFor(one.connection).getLastActivity(two.jid).lastActivity >= 0, "no last activity");
            check(PingManager.getInstanceFor(one.connection).pingMyServer(), "no ping");
            two = new Person(server, a[5], a[6], "Spark");
            check(DelayInformation.from(two.awaitBody("parting is such sweet sorrow")) != null, "no time of sending");
        });
        step("the contact is removed on both sides", () -> {
            one.roster().removeEntry(one.roster().getEntry(two.jid));
            until(() -> one.roster().getEntry(two.jid) == null, "still there");
        });
        one.connection.disconnect();
        two.connection.disconnect();
    }

    static void contact() throws Exception {
        one.roster().createItemAndRequestSubscription(two.jid, "Two & <Co>", new String[] {"Freunde"});
        two.roster().createItemAndRequestSubscription(one.jid, "One", new String[] {"Ärger"});
        until(() -> {
            RosterEntry e = one.roster().getEntry(two.jid);
            return e != null && e.getType() == RosterPacket.ItemType.both;
        }, "not subscribed both ways");
        until(() -> one.roster().getPresence(two.jid).isAvailable(), "the contact is not seen");
        check(one.roster().getEntry(two.jid).getName().equals("Two & <Co>"), "the name is another");
    }

    static void groups() throws Exception {
        one.roster().getGroup("Freunde").setName("Familie");
        until(() -> one.roster().getGroup("Familie") != null && one.roster().getGroup("Freunde") == null, "not renamed");
        one.roster().createGroup("Zweite").addEntry(one.roster().getEntry(two.jid));
        until(() -> one.roster().getEntry(two.jid).getGroups().size() == 2, "not in two groups");
    }

    static void presence() throws Exception {
        one.connection.sendStanza(one.connection.getStanzaFactory().buildPresenceStanza().ofType(Presence.Type.available)
            .setMode(Presence.Mode.away).setStatus("in der Bibliothek").setPriority(5).build());
        Presence p = (Presence) two.await(s -> s instanceof Presence && "in der Bibliothek".equals(((Presence) s).getStatus()));
        check(p.getMode() == Presence.Mode.away, "not away");
    }

    /** Spark blocks by a list that it makes the default one. */
    static void privacy() throws Exception {
        PrivacyListManager m = PrivacyListManager.getInstanceFor(one.connection);
        check(m.isSupported(), "not offered");
        PrivacyItem deny = new PrivacyItem(PrivacyItem.Type.jid, two.jid, false, 1);
        deny.setFilterMessage(true);
        PrivacyItem allow = new PrivacyItem(true, 2);
        m.createPrivacyList("blocked", new ArrayList<>(List.of(deny, allow)));
        m.setActiveListName("blocked");
        m.setDefaultListName("blocked");
        check(m.getPrivacyLists().size() == 1 && m.getDefaultListName().equals("blocked"), "the list is not there");
        check(m.getPrivacyList("blocked").getItems().size() == 2, "the list is another");
        two.say(one.jid, "unwanted");
        check(PingManager.getInstanceFor(two.connection).pingMyServer(), "no ping");
        m.declineActiveList();
        m.declineDefaultList();
        m.deletePrivacyList("blocked");
        two.say(one.jid, "wanted");
        Stanza first = one.await(s -> s instanceof Message && ((Message) s).getBody() != null);
        check("wanted".equals(((Message) first).getBody()), "what was blocked came");
    }

    static void card() throws Exception {
        byte[] picture = Base64.getDecoder().decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==");
        VCard mine = new VCard();
        mine.setFirstName("Jülia");
        mine.setLastName("Capulet");
        mine.setNickName("J");
        mine.setAvatar(picture, "image/png");
        VCardManager.getInstanceFor(one.connection).saveVCard(mine);
        VCard seen = VCardManager.getInstanceFor(two.connection).loadVCard(one.jid);
        check("Jülia".equals(seen.getFirstName()) && Arrays.equals(picture, seen.getAvatar()), "the card is another");
    }

    static void bookmarks() throws Exception {
        BookmarkManager m = BookmarkManager.getBookmarkManager(one.connection);
        m.addBookmarkedConference("Verona", JidCreate.entityBareFrom("verona@rooms.example"), true, Resourcepart.from("J"), null);
        m.addBookmarkedURL("https://www.example.org/", "Seite", false);
        check(m.getBookmarkedConferences().size() == 1 && m.getBookmarkedURLs().size() == 1, "not kept");
    }

    static void search() throws Exception {
        UserSearchManager m = new UserSearchManager(one.connection);
        List<DomainBareJid> services = m.getSearchServices();
        check(services.size() > 0, "no service offers it");
        DataForm form = m.getSearchForm(services.get(0));
        FillableForm fill = new FillableForm(form);
        String field = form.getField("search") != null ? "search" : "last";
        fill.setAnswer(field, "Nobody-of-this-name");
        ReportedData found = m.getSearchResults(fill.getDataFormToSubmit(), services.get(0));
        check(found == null || found.getRows().isEmpty(), "somebody is found who is not there");
    }

    /** A file by stream initiation, as bytes in the stream or by way of the proxy that the server offers. */
    static void file(boolean inBand) throws Exception {
        FileTransferNegotiator.IBB_ONLY = inBand;
        byte[] content = "it is the nightingale\n".repeat(2000).getBytes(StandardCharsets.UTF_8);
        LinkedBlockingQueue<byte[]> arrived = new LinkedBlockingQueue<>();
        FileTransferListener take = request -> {
            try {
                arrived.add(request.accept().receiveFile().readAllBytes());
            } catch (Exception e) {
                System.out.println("     " + e);
            }
        };
        FileTransferManager receiver = FileTransferManager.getInstanceFor(two.connection);
        receiver.addFileTransferListener(take);
        OutgoingFileTransfer out = FileTransferManager.getInstanceFor(one.connection)
            .createOutgoingFileTransfer(two.connection.getUser());
        out.sendStream(new ByteArrayInputStream(content), "brief.txt", content.length, "ein Brief");
        byte[] got = arrived.poll(PATIENCE * 2, TimeUnit.SECONDS);
        receiver.removeFileTransferListener(take);
        check(got != null && Arrays.equals(got, content), "the file did not arrive: " + out.getStatus() + " " + out.getException());
        until(out::isDone, "the sender does not know that it is done");
        check(out.getStatus() == FileTransfer.Status.complete, "the sender thinks: " + out.getStatus());
    }
}
