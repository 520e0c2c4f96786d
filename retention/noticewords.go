package retention

// words are the sentences that do not come from the policy file, in one language.
type words struct {
	title                                                          string // of the notice; the service
	who, purpose, bases, data, absent, backups, recipients, abroad string // headings
	automatic, rights, objection, complaint, version               string

	controller, officer, mail, phone       string
	basesIntro, basisOf, basesItem         string
	current, erased, leftOver              string
	goes, ages, outlives, kept             string
	superseded, ended, delivered           string
	absentItems                            []string
	backupPeriod, backupNone, backupAbsent string
	staff, noProfiling                     string
	rightsIntro, rightsHow                 string
	rightsItems                            []string
	objectionText, complaintText           string
	versionText                            string

	recordTitle, recordOf, recordWho, recordPurpose, recordData      string
	recordRecipients, recordAbroad, recordDeadlines, recordMeasures  string
	recordErased, labelData, labelSubjects, labelPurpose, labelBasis string
	labelRecipients, labelNobody, labelController, labelOfficer      string
	shortDelivered, shortPresence, shortErased, shortAddresses       string
}

func (german) words() words {
	return words{
		title: "Datenschutzerklärung für %s",
		who:   "Verantwortliche und Kontakt", purpose: "Wozu der Dienst dient", bases: "Rechtsgrundlagen",
		data: "Welche Daten gespeichert werden und wie lange", absent: "Was nicht gespeichert wird", backups: "Sicherungskopien",
		recipients: "Wer Daten erhält", abroad: "Übermittlung in Drittländer", automatic: "Automatisierte Entscheidungen",
		rights: "Ihre Rechte", objection: "Ihr Recht auf Widerspruch", complaint: "Beschwerde bei der Aufsichtsbehörde",
		version: "Stand",

		controller: "Verantwortlich im Sinne von Art. 4 Nr. 7 DSGVO ist: %s.",
		officer:    "Für Fragen zum Datenschutz und zu Ihren Rechten steht Ihnen zur Verfügung: %s.",
		mail:       "E-Mail %s", phone: "Telefon %s",
		basesIntro: "Die Verarbeitung beruht auf den folgenden Rechtsgrundlagen.", basesItem: "%s: %s",
		basisOf:    "Rechtsgrundlage ist %s.",
		current:    "Was jeweils aktuell ist, bleibt gespeichert, solange Ihr Konto besteht, sofern im Folgenden nichts anderes steht. Die Fristen zählen von dem Zeitpunkt an, zu dem etwas ersetzt, entfernt, zugestellt oder zu alt geworden ist.",
		erased:     "Wird Ihr Konto gelöscht, sind seine Inhalte sofort unlesbar, weil ihr Schlüssel vernichtet wird; %s sind sie auch von den Datenträgern des Servers gelöscht. Länger bleibt nur, was im Folgenden ausdrücklich genannt ist. Was Sie anderen geschrieben haben, gehört diesen und bleibt bei ihnen.",
		leftOver:   "Bleiben nach einer Störung Daten zurück, die zu keinem Konto gehören, werden sie %s gelöscht.",
		goes:       "Was %s wird, ist %s von den Datenträgern des Servers gelöscht.",
		ages:       "Ein Eintrag wird %s gelöscht und ist spätestens %s danach von den Datenträgern des Servers verschwunden.",
		outlives:   "Das gilt auch dann, wenn das Konto vorher gelöscht wird.",
		kept:       "Eine eigene Löschfrist gibt es dafür nicht.",
		superseded: "ersetzt", ended: "entfernt", delivered: "zugestellt",
		absentItems: []string{
			"IP-Adressen werden nicht gespeichert. Der Server verwendet sie nur, solange die Verbindung besteht; danach stehen sie in keiner Datei, keinem Protokoll und keiner Statistik.",
			"Das Passwort eines Kontos aus dem Verzeichnis wird bei der Anmeldung geprüft und danach nicht aufgehoben.",
			"Nachrichten zwischen angemeldeten Geräten werden nur durchgeleitet.",
			"Ein Verlauf der Anwesenheit oder der Anmeldungen entsteht nicht.",
		},
		backupPeriod: "Sicherungskopien werden höchstens %s aufbewahrt. Ihre Inhalte sind ebenso versiegelt wie auf dem Server. Wird eine Sicherungskopie zurückgespielt, werden alle Löschungen, Einschränkungen und Widersprüche, die es seither gab, ausgeführt, bevor der Server wieder in Betrieb geht.",
		backupNone:   "Von den Daten werden keine Sicherungskopien angefertigt.",
		backupAbsent: "In keiner Sicherungskopie enthalten sind: %s.",
		staff:        "Das Personal, das den Server betreibt, sieht Inhalte nur, wenn es im Einzelfall notwendig ist. Jeder solche Zugriff wird mit seinem Grund festgehalten.",
		noProfiling:  "Entscheidungen, die ausschließlich auf einer automatisierten Verarbeitung beruhen, werden nicht getroffen; ein Profiling findet nicht statt (Art. 22 DSGVO).",
		rightsIntro:  "Sie haben nach der Datenschutz-Grundverordnung die folgenden Rechte.",
		rightsItems: []string{
			"**Auskunft (Art. 15 DSGVO).** Sie können erfahren, welche Daten über Sie gespeichert sind, und erhalten eine Kopie davon.",
			"**Berichtigung (Art. 16 DSGVO).** Sie können unrichtige Daten berichtigen lassen. Kontakte, Profil und Ablage ändern Sie selbst in Ihrem Programm; was aus dem Verzeichnis stammt, wird dort berichtigt.",
			"**Löschung (Art. 17 DSGVO).** Sie können verlangen, dass Ihr Konto mit allen zugehörigen Daten gelöscht wird. Darüber erhalten Sie eine Bescheinigung.",
			"**Einschränkung (Art. 18 DSGVO).** Sie können verlangen, dass Ihre Daten nur noch aufbewahrt, aber nicht mehr genutzt werden. Solange die Einschränkung gilt, können Sie sich nicht anmelden.",
			"**Datenübertragbarkeit (Art. 20 DSGVO).** Sie erhalten Ihre Daten auf Wunsch in einem Format, das andere XMPP-Server einlesen können, auch soweit das Gesetz dieses Recht bei der jeweiligen Rechtsgrundlage nicht vorsieht.",
		},
		rightsHow:     "Um ein Recht auszuüben, genügt eine formlose Nachricht an %s oder an %s. Sie erhalten unverzüglich, spätestens aber innerhalb eines Monats Antwort (Art. 12 Abs. 3 DSGVO).",
		objectionText: "Sie haben das Recht, aus Gründen, die sich aus Ihrer besonderen Situation ergeben, jederzeit gegen die Verarbeitung Ihrer Daten Widerspruch einzulegen, soweit sie auf Art. 6 Abs. 1 UAbs. 1 Buchst. e oder f DSGVO beruht (Art. 21 Abs. 1 DSGVO). Die Daten werden dann nicht mehr verarbeitet, es sei denn, dass zwingende schutzwürdige Gründe überwiegen oder die Verarbeitung der Geltendmachung, Ausübung oder Verteidigung von Rechtsansprüchen dient.",
		complaintText: "Wenn Sie der Ansicht sind, dass die Verarbeitung Ihrer Daten gegen das Recht verstößt, können Sie sich bei einer Aufsichtsbehörde beschweren (Art. 77 DSGVO). Zuständig ist: %s.",
		versionText:   "Dieser Text ist aus der Richtlinie erzeugt, nach der sich der Server richtet. Deren Prüfsumme (SHA-256) lautet %s.",

		recordTitle: "Verzeichnis der Verarbeitungstätigkeiten: %s", recordOf: "Eintrag nach Art. 30 Abs. 1 DSGVO.",
		recordErased: "Wird ein Konto gelöscht, sind seine Inhalte sofort unlesbar und %s von den Datenträgern des Servers gelöscht.",
		recordWho:    "Verantwortliche und Kontakt (Buchst. a)", recordPurpose: "Zwecke der Verarbeitung (Buchst. b)",
		recordData:       "Kategorien betroffener Personen und personenbezogener Daten (Buchst. c)",
		recordRecipients: "Kategorien von Empfängern (Buchst. d)", recordAbroad: "Übermittlung in Drittländer (Buchst. e)",
		recordDeadlines: "Löschfristen (Buchst. f)", recordMeasures: "Technische und organisatorische Maßnahmen (Buchst. g)",
		labelData: "Daten", labelSubjects: "Betroffene", labelPurpose: "Zweck", labelBasis: "Rechtsgrundlage", labelRecipients: "Empfänger",
		labelNobody:     "Außer der betroffenen Person und dem Personal, das den Server betreibt, erhält niemand diese Daten.",
		labelController: "Verantwortlich", labelOfficer: "Datenschutz",

		shortDelivered: "Zugestellte Nachrichten sind %s gelöscht; wartende bleiben, bis sie zugestellt sind.",
		shortPresence:  "Frühere Anwesenheit ist %s gelöscht; ein Verlauf entsteht nicht.",
		shortErased:    "Ein gelöschtes Konto ist sofort unlesbar und %s von den Datenträgern des Servers gelöscht.",
		shortAddresses: "IP-Adressen werden nicht gespeichert.",
	}
}

func (english) words() words {
	return words{
		title: "Privacy notice for %s",
		who:   "Who is responsible, and whom to contact", purpose: "What the service is for", bases: "Legal bases",
		data: "Which data are stored, and for how long", absent: "What is not stored", backups: "Backups",
		recipients: "Who receives data", abroad: "Transfers to third countries", automatic: "Automated decisions",
		rights: "Your rights", objection: "Your right to object", complaint: "Complaints to the supervisory authority",
		version: "Version",

		controller: "The controller within the meaning of Art. 4 (7) GDPR is: %s.",
		officer:    "For questions about data protection and about your rights you can turn to: %s.",
		mail:       "e-mail %s", phone: "telephone %s",
		basesIntro: "The processing has the following legal bases.", basesItem: "%s: %s",
		basisOf:    "The legal basis is %s.",
		current:    "What is current stays stored as long as your account exists, unless something else is said below. The periods run from the moment at which something was replaced, removed or delivered, or became too old.",
		erased:     "If your account is erased, its content is unreadable at once, because its key is destroyed; %s it is gone from the server's disks as well. Only what is expressly named below stays longer. What you have written to others is theirs and stays with them.",
		leftOver:   "If data that belong to no account remain after a fault, they are erased %s.",
		goes:       "Whatever is %s is gone from the server's disks %s.",
		ages:       "An entry is erased %s, and is gone from the server's disks no later than %s afterwards.",
		outlives:   "This holds even if the account is erased before that.",
		kept:       "There is no erasure period of its own for these data.",
		superseded: "replaced", ended: "removed", delivered: "delivered",
		absentItems: []string{
			"IP addresses are not stored. The server uses them only while the connection lasts; afterwards they are in no file, no log and no statistics.",
			"The password of an account from the directory is checked when you sign in and is not kept afterwards.",
			"Messages between devices that are signed in are only passed on.",
			"No history of presence or of sign-ins is kept.",
		},
		backupPeriod: "Backups are kept for %s at most. Their content is sealed just as it is on the server. If a backup is restored, all erasures, restrictions and objections that were ordered since are carried out before the server goes back into service.",
		backupNone:   "No backups of the data are made.",
		backupAbsent: "No backup holds: %s.",
		staff:        "The staff who run the server see content only where it is necessary in a particular case. Every such access is recorded with its reason.",
		noProfiling:  "No decisions are taken that are based solely on automated processing, and there is no profiling (Art. 22 GDPR).",
		rightsIntro:  "Under the General Data Protection Regulation you have the following rights.",
		rightsItems: []string{
			"**Access (Art. 15 GDPR).** You can learn which data about you are stored, and receive a copy of them.",
			"**Rectification (Art. 16 GDPR).** You can have incorrect data corrected. You change contacts, profile and storage yourself in your client; what comes from the directory is corrected there.",
			"**Erasure (Art. 17 GDPR).** You can demand that your account be erased with all the data that belong to it. You receive a receipt for this.",
			"**Restriction (Art. 18 GDPR).** You can demand that your data be kept only and no longer used. You cannot sign in while the restriction lasts.",
			"**Data portability (Art. 20 GDPR).** On request you receive your data in a format that other XMPP servers can read, even where the law does not provide for this right under the legal basis concerned.",
		},
		rightsHow:     "To exercise a right, an informal message to %s or to %s is enough. You receive an answer without undue delay, and within one month at the latest (Art. 12 (3) GDPR).",
		objectionText: "You have the right to object at any time, on grounds relating to your particular situation, to the processing of your data where it is based on Art. 6 (1) subpara. 1 (e) or (f) GDPR (Art. 21 (1) GDPR). The data are then no longer processed, unless there are compelling legitimate grounds that override your interests, or the processing serves the establishment, exercise or defence of legal claims.",
		complaintText: "If you consider that the processing of your data infringes the law, you can lodge a complaint with a supervisory authority (Art. 77 GDPR). The competent authority is: %s.",
		versionText:   "This text is made from the policy that the server obeys. The checksum of that policy (SHA-256) is %s.",

		recordTitle: "Record of processing activities: %s", recordOf: "Entry under Art. 30 (1) GDPR.",
		recordErased: "If an account is erased, its content is unreadable at once, and gone from the server's disks %s.",
		recordWho:    "Controller and contacts (a)", recordPurpose: "Purposes of the processing (b)",
		recordData:       "Categories of data subjects and of personal data (c)",
		recordRecipients: "Categories of recipients (d)", recordAbroad: "Transfers to third countries (e)",
		recordDeadlines: "Time limits for erasure (f)", recordMeasures: "Technical and organisational measures (g)",
		labelData: "Data", labelSubjects: "Data subjects", labelPurpose: "Purpose", labelBasis: "Legal basis", labelRecipients: "Recipients",
		labelNobody:     "Nobody but the person concerned and the staff who run the server receives these data.",
		labelController: "Controller", labelOfficer: "Data protection",

		shortDelivered: "Delivered messages are erased %s; waiting ones stay until they are delivered.",
		shortPresence:  "Earlier presence is erased %s; no history is kept.",
		shortErased:    "An erased account is unreadable at once, and gone from the server's disks %s.",
		shortAddresses: "IP addresses are not stored.",
	}
}
