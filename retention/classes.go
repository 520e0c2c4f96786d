package retention

import "protokoll/schemas"

// Subject says whose data a class holds.
type Subject uint8

const (
	Nobody   Subject = iota + 1 // says nothing about a person
	Owner                       // of the account that keeps it
	Contacts                    // others whom the owner deals with, and the owner
)

// Class describes one data class.
type Class struct {
	Data     schemas.DataClass
	Name     string // as it stands in a policy file
	German   string
	English  string
	Subject  Subject
	Families []schemas.Family // that hold it; none for what lies beside every other class
}

// Classes returns the description of every data class.
func Classes() []Class {
	return []Class{
		{
			Data: schemas.DataClass_TECHNICAL, Name: "technical", Subject: Nobody,
			German:  "Technische Angaben ohne Bezug zu einer Person: Versionen, Schalter, Zähler",
			English: "technical details that say nothing about a person: versions, flags, counters",
		},
		{
			Data: schemas.DataClass_IDENTITY, Name: "identity", Subject: Owner,
			German:   "Die Adresse des Kontos und die Kennung seines Verzeichniseintrags",
			English:  "the address of the account and the id of its directory entry",
			Families: []schemas.Family{schemas.Family_ACCOUNT_FACTS},
		},
		{
			Data: schemas.DataClass_CREDENTIAL, Name: "credential", Subject: Owner,
			German:   "Schlüssel, mit denen Passwörter lokaler Konten, Gerätepasswörter und Anmeldemarken geprüft werden; nie diese selbst",
			English:  "keys that check local accounts' passwords, device passwords and tokens; never these themselves",
			Families: []schemas.Family{schemas.Family_ACCOUNT_FACTS, schemas.Family_TOKEN_FACTS},
		},
		{
			Data: schemas.DataClass_DEVICE, Name: "device", Subject: Owner,
			German:   "Mit welchen Geräten und Programmen sich die Person anmeldet, und an welchen Tagen zuerst und zuletzt",
			English:  "with which devices and clients the person signs in, and on which days first and last",
			Families: []schemas.Family{schemas.Family_TOKEN_FACTS},
		},
		{
			Data: schemas.DataClass_CONTACT_LIST, Name: "contact-list", Subject: Contacts,
			German:   "Wen die Person kennt, wie sie ihre Kontakte nennt und wer um Kontakt gebeten hat",
			English:  "whom the person knows, how they call their contacts, and who asked to be known",
			Families: []schemas.Family{schemas.Family_SESSION_FACTS, schemas.Family_ROSTER_FACTS},
		},
		{
			Data: schemas.DataClass_LAST_LOGIN, Name: "last-login", Subject: Owner,
			German:   "Wann sich die Person zuletzt an- und abgemeldet hat",
			English:  "when the person last signed in and out",
			Families: []schemas.Family{schemas.Family_SESSION_FACTS},
		},
		{
			Data: schemas.DataClass_LAST_PRESENCE, Name: "last-presence", Subject: Owner,
			German:   "Die letzte Anwesenheit mit ihrem Text",
			English:  "the last presence with its text",
			Families: []schemas.Family{schemas.Family_SESSION_FACTS, schemas.Family_PRESENCE_FACTS},
		},
		{
			Data: schemas.DataClass_SESSION, Name: "session", Subject: Owner,
			German:   "Was eine wiederaufnehmbare Sitzung braucht: Gerätename und Schalter",
			English:  "what a resumable session needs: name of the device and switches",
			Families: []schemas.Family{schemas.Family_SESSION_FACTS},
		},
		{
			Data: schemas.DataClass_OFFLINE_MESSAGE, Name: "offline-message", Subject: Contacts,
			German:   "Nachrichten, die auf die Person warten",
			English:  "messages waiting for the person",
			Families: []schemas.Family{schemas.Family_OFFLINE_FACTS},
		},
		{
			Data: schemas.DataClass_PROFILE, Name: "profile", Subject: Owner,
			German:   "Was die Person über sich veröffentlicht hat: Visitenkarte und Bild",
			English:  "what the person published about themselves: vCard and photo",
			Families: []schemas.Family{schemas.Family_PROFILE_FACTS},
		},
		{
			Data: schemas.DataClass_PRIVATE_STORAGE, Name: "private-storage", Subject: Owner,
			German:   "Was die Programme der Person hier ablegen: Lesezeichen und Einstellungen",
			English:  "what the person's clients keep here: bookmarks and settings",
			Families: []schemas.Family{schemas.Family_PRIVATE_FACTS, schemas.Family_ARCHIVE_PREFERENCES},
		},
		{
			Data: schemas.DataClass_BLOCK_LIST, Name: "block-list", Subject: Contacts,
			German:   "Von wem die Person nichts hören will",
			English:  "whom the person does not want to hear from",
			Families: []schemas.Family{schemas.Family_SESSION_FACTS, schemas.Family_BLOCK_FACTS},
		},
		{
			Data: schemas.DataClass_CONSENT, Name: "consent", Subject: Owner,
			German:   "Was die Person erlaubt hat, etwa in der Suche gefunden zu werden",
			English:  "what the person has allowed, such as being found by the search",
			Families: []schemas.Family{schemas.Family_ACCOUNT_FACTS},
		},
		{
			Data: schemas.DataClass_PUBLISHED, Name: "published", Subject: Contacts,
			German:   "Was die Person über PubSub veröffentlicht hat (etwa Bild, Stimmung, Schlüssel und Lesezeichen), wem sie es zeigt und wer benachrichtigt werden will",
			English:  "what the person published through PubSub (such as avatar, mood, keys and bookmarks), to whom they show it, and who wants to be notified",
			Families: []schemas.Family{schemas.Family_PEP_FACTS, schemas.Family_NODE_FACTS},
		},
		{
			Data: schemas.DataClass_PROOF, Name: "proof", Subject: Nobody,
			German:   "Was gelöscht, verloren oder wiederhergestellt wurde, ohne Inhalt und ohne Namen",
			English:  "what was erased, lost or restored, without content and without names",
			Families: []schemas.Family{schemas.Family_PROOF_FACTS},
		},
		{
			Data: schemas.DataClass_AUDIT, Name: "audit", Subject: Owner,
			German:   "Wer vom Personal was gesehen oder geändert hat und warum; Personen nur mit ihrer zufälligen Kennung",
			English:  "who of the staff saw or changed what, and why; people by their random id only",
			Families: []schemas.Family{schemas.Family_AUDIT_FACTS},
		},
		{
			Data: schemas.DataClass_ORDER, Name: "order", Subject: Owner,
			German:   "Was die Person verlangt hat: Einschränkung, Widerspruch, laufende Löschung",
			English:  "what the person has ordered: restriction, objection, an erasure under way",
			Families: []schemas.Family{schemas.Family_ACCOUNT_FACTS},
		},
		{
			Data: schemas.DataClass_RESERVED_ADDRESS, Name: "reserved-address", Subject: Owner,
			German:   "Dass eine Adresse zu einem gelöschten Konto gehörte, nur als Prüfsumme mit Schlüssel",
			English:  "that an address belonged to an erased account, as a keyed hash only",
			Families: []schemas.Family{schemas.Family_ACCOUNT_FACTS},
		},
		{
			Data: schemas.DataClass_ARCHIVE, Name: "archive", Subject: Contacts,
			German:   "Nachrichten, die die Person in ihrem Archiv aufheben wollte",
			English:  "messages that the person wanted to keep in their archive",
			Families: []schemas.Family{schemas.Family_ARCHIVE_FACTS},
		},
		{
			Data: schemas.DataClass_PUSH, Name: "push", Subject: Owner,
			German:   "Über welche Dienste die Geräte der Person geweckt werden",
			English:  "through which services the person's devices are woken",
			Families: []schemas.Family{schemas.Family_PUSH_FACTS},
		},
		{
			Data: schemas.DataClass_OUTBOX, Name: "outbox", Subject: Contacts,
			German:   "Was Personen auf anderen Servern noch gesagt werden muss",
			English:  "what people on other servers must still be told",
			Families: []schemas.Family{schemas.Family_OUTBOX_FACTS},
		},
		{
			Data: schemas.DataClass_NOTICE, Name: "notice", Subject: Nobody,
			German:   "Was die Betreiber allen sagen, die sich anmelden",
			English:  "what the operators tell everybody who signs in",
			Families: []schemas.Family{schemas.Family_ACCOUNT_FACTS},
		},
		{
			Data: schemas.DataClass_UPLOAD, Name: "upload", Subject: Contacts,
			German:   "Dateien, die die Person hochgeladen hat, um sie zu verschicken, mit Name, Art und Größe",
			English:  "files that the person uploaded to send them, with their names, types and sizes",
			Families: []schemas.Family{schemas.Family_UPLOAD_FACTS},
		},
		{
			Data: schemas.DataClass_KEPT_UPLOAD, Name: "kept-upload", Subject: Owner,
			German:   "Dateien, die die Person auf Dauer veröffentlicht hat, etwa Bilder für ihr Profil",
			English:  "files that the person published for good, such as pictures for the profile",
			Families: []schemas.Family{schemas.Family_UPLOAD_FACTS},
		},
	}
}
