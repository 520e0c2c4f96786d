package portability

// label is what a reader sees, in both languages.
type label struct{ DE, EN string }

// fieldLabels name the fields of facts by their Protobuf names. A test refuses a field without one.
var fieldLabels = map[string]label{
	"localpart": {"Name vor dem @", "name before the @"}, "domain": {"Domain", "domain"},
	"directory_id": {"Kennung im Verzeichnis", "id in the directory"}, "verifiers": {"Schlüssel zum Prüfen des Passworts", "keys that check the password"},
	"hash": {"Verfahren", "method"}, "salt": {"Salz", "salt"}, "iterations": {"Wiederholungen", "iterations"},
	"stored_key": {"gespeicherter Schlüssel", "stored key"}, "server_key": {"Schlüssel des Servers", "server key"},
	"since": {"seit", "since"}, "reason": {"Begründung", "reason"}, "kind": {"Art", "kind"}, "until": {"bis", "until"},
	"resource": {"Gerät (Ressource)", "device (resource)"}, "session_id": {"Kennung der Sitzung", "id of the session"},
	"resume_hash": {"Prüfwert zum Wiederaufnehmen", "hash for resuming"}, "resume_seconds": {"wieder aufnehmbar, Sekunden", "can be resumed, seconds"},
	"carbons": {"Kopien auf alle Geräte", "copies to all devices"}, "inactive": {"Gerät ruht", "device inactive"},
	"roster_interest": {"folgt der Kontaktliste", "follows the contact list"}, "blocklist_interest": {"folgt der Sperrliste", "follows the block list"},
	"available": {"anwesend", "available"}, "priority": {"Priorität", "priority"}, "presence": {"gesendete Anwesenheit", "presence as sent"},
	"directed":  {"Anwesenheit gesondert gesendet an", "presence sent separately to"},
	"signed_in": {"angemeldet", "signed in"}, "signed_out": {"abgemeldet", "signed out"},
	"show": {"Zustand", "state"}, "status": {"Text", "text"}, "at": {"Zeitpunkt", "time"},
	"contact": {"Kontakt", "contact"}, "name": {"Name, den Sie vergeben haben", "name that you gave"}, "groups": {"Gruppen", "groups"},
	"subscription": {"wer wessen Anwesenheit sieht", "who sees whose presence"}, "ask": {"Ihre Anfrage ist offen", "your request is pending"},
	"approved": {"vorab erlaubt", "approved beforehand"}, "request": {"Anfrage des Kontakts", "request of the contact"},
	"listed": {"in Ihrer Kontaktliste", "in your contact list"},
	"stanza": {"Nachricht", "message"}, "received": {"eingegangen", "received"}, "stanza_id": {"Kennung", "id"},
	"vcard": {"Visitenkarte (vCard)", "vCard"}, "photo_sha1": {"Prüfsumme des Bildes", "checksum of the photo"},
	"space": {"Namensraum", "namespace"}, "local": {"Element", "element"}, "element": {"Inhalt", "content"},
	"file_name": {"Dateiname", "file name"}, "media_type": {"Art der Datei", "type of the file"}, "size": {"Größe in Byte", "size in bytes"},
	"expires": {"abrufbar bis", "can be retrieved until"}, "purpose": {"Zweck", "purpose"}, "key": {"Schlüssel der gespeicherten Datei", "key of the stored file"},
	"options": {"Angaben für den Dienst", "options for the service"}, "enabled": {"eingeschaltet", "turned on"},
	"node": {"Knoten", "node"}, "service": {"Dienst", "service"}, "title": {"Titel", "title"}, "description": {"Beschreibung", "description"},
	"payload_type": {"Art der Inhalte", "type of the payloads"}, "access": {"wer lesen darf", "who may read"},
	"publishers": {"wer veröffentlichen darf", "who may publish"}, "last_item": {"wann das Neueste gesendet wird", "when the newest is sent"},
	"max_items": {"Einträge höchstens", "items at most"}, "volatile": {"wird nicht aufbewahrt", "not kept"},
	"silent": {"ohne Benachrichtigungen", "without notifications"}, "without_payload": {"Benachrichtigungen ohne Inhalt", "notifications without payload"},
	"notify_retract": {"meldet entfernte Einträge", "tells of removed items"}, "notify_delete": {"meldet sein Ende", "tells of its end"},
	"notify_config": {"meldet neue Einstellungen", "tells of new settings"}, "message_type": {"Art der Benachrichtigungen", "type of notifications"},
	"affiliations": {"besondere Rechte", "special rights"}, "person": {"Person", "person"}, "role": {"Rolle", "role"}, "created": {"angelegt", "created"},
	"item_id": {"Kennung des Eintrags", "id of the item"}, "payload": {"Inhalt", "content"}, "publisher": {"von wem", "by whom"},
	"published": {"veröffentlicht", "published"}, "number": {"Nummer", "number"}, "subscriber": {"wer benachrichtigt wird", "who is notified"},
	"address": {"gesperrte Adresse", "blocked address"},
	"rules":   {"Regeln", "rules"}, "type": {"gilt für", "is about"}, "value": {"Wert", "value"}, "deny": {"verbietet", "denies"}, "order": {"Reihenfolge", "order"},
	"message": {"Nachrichten", "messages"}, "iq": {"Anfragen", "requests"}, "presence_in": {"Anwesenheit anderer", "presence of others"},
	"presence_out": {"eigene Anwesenheit", "own presence"}, "active_list": {"gewählte Privatsphäre-Liste", "active privacy list"},
	"with": {"mit", "with"}, "sent": {"von Ihnen gesendet", "sent by you"}, "by_default": {"ohne besondere Angabe archivieren", "archive by default"},
	"always": {"immer archivieren", "always archive"}, "never": {"nie archivieren", "never archive"},
	"action": {"Vorgang", "action"}, "actor": {"wer", "who"}, "detail": {"Einzelheiten", "details"},
	"objection": {"Widerspruch gegen", "objection to"}, "erased": {"gelöscht", "erased"}, "family": {"Bereich", "family"}, "facts": {"Anzahl", "number"},
	"agent":      {"Kennung des Programms", "id of the client"},
	"software":   {"Programm", "client"},
	"device":     {"Gerät", "device"},
	"first_seen": {"zuerst angemeldet am", "first signed in on"},
	"last_seen":  {"zuletzt angemeldet am", "last signed in on"},
	"proved":     {"zuletzt mit Passwort angemeldet am", "last signed in with a password on"},
	"password":   {"Gerätepasswort", "device password"},
	"current":    {"Anmeldemarke", "token"},
	"fresh":      {"neue Anmeldemarke", "new token"},
	"mechanism":  {"Verfahren", "method"},
	"nonce":      {"Zufallswert", "random value"},
	"issued":     {"ausgestellt", "issued"},
	"next_count": {"nächste Zählung", "next count"},
	"id":         {"Kennung", "id"},
	"label":      {"Bezeichnung", "label"},
	"made":       {"angelegt am", "made on"},
	"last_used":  {"zuletzt benutzt am", "last used on"},
}

// valueLabels name the values of enumerations, by their Protobuf names.
var valueLabels = map[string]label{
	"NONE": {"niemand", "nobody"}, "TO": {"Sie sehen den Kontakt", "you see the contact"},
	"FROM": {"der Kontakt sieht Sie", "the contact sees you"}, "BOTH": {"beide", "both"},
	"ARCHIVE_NEVER": {"nichts", "nothing"}, "ARCHIVE_ALWAYS": {"alles", "everything"}, "ARCHIVE_ROSTER": {"mit Kontakten", "with contacts"},
	"SEARCH": {"Auffinden in der Suche", "being found by the search"}, "DIRECTORY_PHOTO": {"Bild und Angaben aus dem Verzeichnis", "photo and details from the directory"},
	"ERASURE": {"Löschung", "erasure"}, "RESTRICTION": {"Einschränkung", "restriction"}, "RESTRICTION_LIFTED": {"Ende der Einschränkung", "end of the restriction"},
	"OBJECTION": {"Widerspruch", "objection"}, "OBJECTION_WITHDRAWN": {"Rücknahme des Widerspruchs", "objection withdrawn"},
	"CLIENT": {"Ihr Programm", "your client"}, "CONTACT": {"ein Kontakt", "a contact"}, "DIRECTORY": {"das Verzeichnis", "the directory"},
	"RETENTION": {"eine Löschregel", "a retention rule"}, "STAFF": {"das Personal", "staff"}, "IMPORT": {"eine Übernahme von einem anderen Server", "an import from another server"},
	"SERVER":      {"der Server", "the server"},
	"FOR_MESSAGE": {"für eine Nachricht", "for a message"}, "FOR_PROFILE": {"für das Profil", "for the profile"},
	"FOR_LIMITED": {"auf Zeit", "for a limited time"}, "FOR_PERMANENT": {"auf Dauer", "for good"},
	"EVERYBODY": {"alle", "everybody"}, "BY_JID": {"eine Adresse", "an address"}, "BY_GROUP": {"eine Gruppe der Kontaktliste", "a group of the contact list"},
	"BY_SUBSCRIPTION": {"eine Art von Kontakten", "a kind of contacts"}, "FOUND": {"in der Suche gefunden werden", "being found by the search"},
	"ACCESS_OPEN": {"alle", "everybody"}, "ACCESS_PRESENCE": {"wer Ihre Anwesenheit sieht", "those who see your presence"},
	"ACCESS_ROSTER": {"Gruppen Ihrer Kontaktliste", "groups of your contact list"}, "ACCESS_WHITELIST": {"nur wer genannt ist", "only who is named"},
	"PUBLISHERS_ONLY": {"nur Sie und wer genannt ist", "only you and who is named"}, "PUBLISHERS_SUBSCRIBERS": {"wer benachrichtigt wird", "those who are notified"},
	"PUBLISHERS_ANYBODY": {"alle, die lesen dürfen", "all who may read"}, "LAST_ITEM_NEVER": {"nie", "never"},
	"LAST_ITEM_ON_SUBSCRIPTION": {"wenn jemand abonniert", "when somebody subscribes"}, "LAST_ITEM_ON_PRESENCE": {"wenn jemand online kommt", "when somebody comes online"},
	"NODE_OWNER": {"verwaltet", "manages"}, "NODE_PUBLISHER": {"veröffentlicht und liest", "publishes and reads"},
	"NODE_PUBLISH_ONLY": {"veröffentlicht", "publishes"}, "NODE_MEMBER": {"liest", "reads"}, "NODE_OUTCAST": {"ausgeschlossen", "excluded"},
	"SHA1": {"SCRAM-SHA-1", "SCRAM-SHA-1"}, "SHA256": {"SCRAM-SHA-256", "SCRAM-SHA-256"}, "SHA512": {"SCRAM-SHA-512", "SCRAM-SHA-512"},
}

// section is a part of the page.
type section struct {
	types []string // of facts
	label
	about label
}

// sections put the types of facts into an order. A test refuses a type of a person's without one.
var sections = []section{
	{[]string{"account.opened"}, label{"Konto", "Account"}, label{
		"Unter dieser Adresse wird Ihr Konto geführt.", "Your account is kept under this address."}},
	{[]string{"account.credentials"}, label{"Passwort", "Password"}, label{
		"Das Passwort selbst ist nicht gespeichert, nur Werte, mit denen es geprüft werden kann. Geben Sie diese Werte nicht weiter: Mit ihnen lässt sich ein schwaches Passwort erraten.",
		"The password itself is not stored, only values that check it. Do not pass them on: they help to guess a weak password."}},
	{[]string{"token.device", "token.device_password"}, label{"Geräte", "Devices"}, label{
		"Geräte, die Zugang zu Ihrem Konto haben, und Passwörter, die der Server für einzelne Geräte gemacht hat. Die Werte reichen nicht, um sich damit anzumelden.",
		"Devices that have access to your account, and passwords that the server made for single devices. The values are not enough to sign in with."}},
	{[]string{"account.restricted", "account.objection", "account.closing"}, label{"Ihre Anordnungen", "What you ordered"}, label{
		"Einschränkung der Verarbeitung (Art. 18 DSGVO), Widersprüche (Art. 21) und eine begonnene Löschung (Art. 17).",
		"Restriction of processing (GDPR Art. 18), objections (Art. 21), and an erasure under way (Art. 17)."}},
	{[]string{"roster.item"}, label{"Kontakte", "Contacts"}, label{
		"Ihre Kontaktliste und Anfragen, die Sie noch nicht beantwortet haben.", "Your contact list, and requests that you have not answered yet."}},
	{[]string{"account.consent"}, label{"Erlaubnisse", "Permissions"}, label{
		"Was Sie erlaubt haben. Sie können es jederzeit zurücknehmen.", "What you allowed. You can take it back at any time."}},
	{[]string{"block.address", "block.list", "block.default"}, label{"Gesperrte Adressen", "Blocked addresses"}, label{
		"Von diesen Adressen wollten Sie nichts hören; dazu Ihre Privatsphäre-Listen.",
		"You did not want to hear from these addresses; and your privacy lists."}},
	{[]string{"profile.vcard"}, label{"Profil", "Profile"}, label{
		"Was Sie über sich veröffentlicht haben.", "What you published about yourself."}},
	{[]string{"private.element"}, label{"Private Ablage", "Private storage"}, label{
		"Was Ihre Programme für Sie abgelegt haben, etwa Lesezeichen für Räume.", "What your clients put there for you, such as bookmarks of rooms."}},
	{[]string{"upload.file", "upload.brief", "upload.kept"}, label{"Hochgeladene Dateien", "Uploaded files"}, label{
		"Dateien, die Sie hochgeladen haben. Sie liegen im Ordner uploads dieses Archivs.", "Files that you uploaded. They lie in the folder uploads of this archive."}},
	{[]string{"push.enabled"}, label{"Benachrichtigungen", "Notifications"}, label{
		"Dienste, über die Ihre Geräte geweckt werden, wenn etwas für Sie ankommt. Ihnen wird weder Inhalt noch Absender mitgeteilt.",
		"Services that wake your devices when something arrives for you. They are told neither content nor sender."}},
	{[]string{"pep.item", "pep.node", "pep.hosted", "pep.subscription"}, label{"Veröffentlichtes", "What you published"}, label{
		"Was Ihre Programme für andere veröffentlicht oder für Sie abgelegt haben (Bild, Stimmung, Schlüssel, Lesezeichen), wem Sie es zeigen und wer davon benachrichtigt werden will.",
		"What your clients published for others or keep for you (avatar, mood, keys, bookmarks), to whom you show it, and who wants to be notified."}},
	{[]string{"offline.message"}, label{"Wartende Nachrichten", "Waiting messages"}, label{
		"Nachrichten an Sie, die noch kein Gerät abgeholt hat.", "Messages to you that no device has fetched yet."}},
	{[]string{"archive.message"}, label{"Nachrichtenarchiv", "Message archive"}, label{
		"Nachrichten, die Sie aufheben wollten, solange das Archiv eingeschaltet war.", "Messages that you wanted to keep, while the archive was on."}},
	{[]string{"archive.preferences"}, label{"Einstellung des Archivs", "Preferences of the archive"}, label{
		"Welche Nachrichten archiviert werden sollen.", "Which messages are to be archived."}},
	{[]string{"session.last_login", "presence.updated", "session.opened"}, label{"Anmeldungen und Anwesenheit", "Sign-ins and presence"}, label{
		"Wann Sie zuletzt da waren, die zuletzt gesendete Anwesenheit, und Sitzungen, die noch bestehen.",
		"When you were last here, the presence that you sent last, and sessions that still exist."}},
}
